"""The dates of a ZStack server: local time without a zone, in the format of its Java version and locale."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Final

MAX_LENGTH: Final = 64
_ENGLISH: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_CHINESE: Final = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
MONTHS: Final = (
    {name[:3]: number for number, name in enumerate(_ENGLISH, 1)}
    | {name: number for number, name in enumerate(_ENGLISH, 1)}
    | {"sept": 9}
    | {f"{name}月": number for number, name in enumerate(_CHINESE, 1)}
)
_AFTERNOON: Final = {"am": False, "上午": False, "pm": True, "下午": True}

_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)"
_HALF: Final = r"am|pm|上午|下午"


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    """Return the patterns of the known formats, compiled when the first date is parsed."""
    month_first = r"(?P<month>[a-z]{3,9}|[一二三四五六七八九十]{1,2}月|\d{1,2}月)\.?"
    forms = (
        # Nov 23, 2026 9:05:50 PM: Gson's American form, with the month and the half of the day in the server's language
        rf"{month_first} (?P<day>\d{{1,2}}), ?(?P<year>\d{{4}}),? {_CLOCK} ?(?P<half>{_HALF})",
        rf"{month_first} (?P<day>\d{{1,2}}), ?(?P<year>\d{{4}}),? (?P<half>上午|下午) ?{_CLOCK}",
        # 2026年11月23日 下午9:05:50
        rf"(?P<year>\d{{4}})年 ?(?P<month>\d{{1,2}}月) ?(?P<day>\d{{1,2}})日,? ?(?P<half>上午|下午)? ?{_CLOCK}",
        # 2026-11-23 21:05:50, as the database writes it
        rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})(?P<half>) {_CLOCK}(?:\.\d{{1,9}})?",
    )
    return tuple(re.compile(form, re.ASCII) for form in forms)


def parse_server_date(text: str) -> datetime | None:
    """Return the date of a text such as `Nov 23, 2026 9:05:50 PM`, without a zone; None when it cannot be read.

    A 5.2.1 writes this format; newer versions of Java put a comma after the year or U+202F before PM, a Chinese locale
    has its own names.  The locale of this machine does not matter.
    """
    if len(text) > MAX_LENGTH or not any(char.isdecimal() for char in text):
        return None
    folded = " ".join(text.lower().split())  # U+00A0 and U+202F are spaces too
    for form in _forms():
        if found := form.fullmatch(folded):
            return _date(found)
    return None


def normalized_date(text: str | None) -> str | None:
    """Return a server's date in one format, so that equal dates are equal texts; any other text is returned unchanged.

    Servers of one cloud, or one server after an upgrade, may write the same date in different formats.
    """
    date = parse_server_date(text or "")
    return text if date is None else date.isoformat(" ")


def _date(found: re.Match[str]) -> datetime | None:
    month, hour = _month(found["month"]), int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if _AFTERNOON[found["half"]] else 0)
    try:
        year, day, minute, second = (int(found[part]) for part in ("year", "day", "minute", "second"))
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 (the server names no zone)
    except ValueError:
        return None


def _month(text: str) -> int:
    """Return the number of a month, 0 for any other text."""
    number = text.removesuffix("月")
    return int(number) if number.isdecimal() else MONTHS.get(text, 0)
