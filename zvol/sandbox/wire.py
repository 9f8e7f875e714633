"""How a ZStack writes things down: JSON without nulls, dates without a zone, and its peculiar escapes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ESCAPED: Final = {"=": "\\u003d", "'": "\\u0027", "<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
DATES: Final = ("createDate", "lastOpDate", "lastDetachDate", "lastAttachDate", "expiredDate", "joinDate", "heartBeat")


def date_text(instant: float, zone: str) -> str:
    """Return an instant as Gson writes it: `Nov 23, 2026 9:05:50 PM`, in the server's zone, which it does not say."""
    at = datetime.fromtimestamp(instant, ZoneInfo(zone))
    hour, half = at.hour % 12 or 12, "AM" if at.hour < 12 else "PM"
    return f"{MONTHS[at.month - 1]} {at.day}, {at.year} {hour}:{at.minute:02}:{at.second:02} {half}"


def plain(value: Any, zone: str) -> Any:
    """Return a value as it is sent: nulls dropped, instants of date fields as text."""
    if isinstance(value, dict):
        return {
            key: date_text(item, zone) if key in DATES and isinstance(item, int | float) else plain(item, zone)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [plain(item, zone) for item in value]
    return value


def doubled(value: Any) -> Any:
    """Return a value with its whole numbers as doubles, as the vendor's page shows them."""
    if isinstance(value, dict):
        return {key: doubled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [doubled(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def dumps(value: Any, *, escape: bool) -> str:
    """Return JSON; successes and jobs escape five characters, the errors of synchronous calls do not."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if escape:
        for char, code in ESCAPED.items():
            text = text.replace(char, code)
    return text
