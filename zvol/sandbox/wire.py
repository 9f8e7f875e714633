"""Bytes as the server writes them: JSON without nulls, with Java's escapes and dates."""

from __future__ import annotations

import functools
import json
import re
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTML: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "=<>&'\u2028\u2029"})
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?)?")
_JAVA: Final = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d{2}):(\d{2})[ \u202f](AM|PM)")


def dumps(value: Any, *, html: bool = True) -> bytes:
    """Return JSON as Gson writes it; `html` escapes as success and job bodies do, synchronous errors do not."""
    text = json.dumps(_without_nulls(value), ensure_ascii=False, separators=(",", ":"))
    if html:
        text = text.translate(_HTML)
    return text.encode("utf-8", "replace")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


@functools.lru_cache(maxsize=8)
def zone_of(name: str) -> tzinfo:
    """Return the time zone of an IANA name; raises ValueError when it is unknown."""
    if name in ("Etc/UTC", "UTC"):
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as exc:
        raise ValueError(f"unknown time zone {name!r}") from exc


@functools.lru_cache(maxsize=65536)
def date_text(seconds: int, zone: str, style: str = "java8") -> str:
    """Return a date as Gson writes it, `Nov 23, 2026 9:05:50 PM`, in the server's zone."""
    at = datetime.fromtimestamp(seconds, zone_of(zone))
    comma = "" if style == "java8" else ","
    space = "\u202f" if style == "java20" else " "
    clock = f"{at.hour % 12 or 12}:{at.minute:02}:{at.second:02}{space}{'PM' if at.hour >= 12 else 'AM'}"
    return f"{MONTHS[at.month - 1]} {at.day}, {at.year}{comma} {clock}"


def date_seconds(text: str, zone: str) -> int | None:
    """Return the time of a date literal in a query, None when it is not a date."""
    iso, java = _ISO.fullmatch(text.strip()), _JAVA.fullmatch(text.strip())
    zone_info = zone_of(zone)
    try:
        if iso is not None:
            year, month, day, hour, minute, second = (int(part or 0) for part in iso.groups())
            return int(datetime(year, month, day, hour, minute, second, tzinfo=zone_info).timestamp())
        if java is not None:
            day, year, hour, minute, second = (int(part) for part in java.groups()[1:6])
            month = MONTHS.index(java[1]) + 1
            hour = hour % 12 + (12 if java[7] == "PM" else 0)
            return int(datetime(year, month, day, hour, minute, second, tzinfo=zone_info).timestamp())
    except ValueError:
        pass
    return None


def offset_text(zone: str, seconds: int) -> str:
    """Return the zone's offset as `Z` or `+08:00`."""
    offset = datetime.fromtimestamp(seconds, zone_of(zone)).utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset else 0
    sign = "+" if minutes >= 0 else "-"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "Z"
