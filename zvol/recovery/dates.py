"""The dates that a ZStack writes: local time of the server, without a zone, in the words of its Java version."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
CHINESE: Final = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_HALF: Final = {"am": 0, "上午": 0, "凌晨": 0, "pm": 12, "下午": 12, "晚上": 12}

_TIME: Final = (
    r"(?P<half1>上午|下午|凌晨|晚上)? ?(?P<h>\d{1,2}):(?P<min>\d{2}):(?P<s>\d{2}) ?(?P<half2>am|pm|上午|下午)?"
)
_FORMS: Final = tuple(
    re.compile(date + " " + _TIME, re.ASCII)
    for date in (
        r"(?P<month>[a-z]{3,9}|[一二三四五六七八九十]{1,2}月|\d{1,2}月)\.? (?P<d>\d{1,2}),? (?P<y>\d{4}),?",
        r"(?P<y>\d{4})年 ?(?P<month>\d{1,2}月) ?(?P<d>\d{1,2})日?,?",
        r"(?P<y>\d{4})[-/](?P<month>\d{1,2})[-/](?P<d>\d{1,2})",
    )
)


def parse_server_date(text: str) -> datetime | None:
    """Return the date of a text such as `Nov 23, 2026 9:05:50 PM`, without a zone; None when it cannot be read.

    A 5.2.1 writes that form; newer Javas put a comma after the year or U+202F before PM, a Chinese one its own words.
    """
    folded = " ".join(re.sub(r"[\u00a0\u202f\u2009]", " ", text[:80]).lower().split())
    for form in _FORMS:
        found = form.fullmatch(folded)
        if found:
            return _date(found)
    return None


def _date(found: re.Match[str]) -> datetime | None:
    month, hour = _month(found["month"]), int(found["h"])
    half = found["half1"] or found["half2"]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + _HALF[half]
    try:
        return datetime(int(found["y"]), month, int(found["d"]), hour, int(found["min"]), int(found["s"]))  # noqa: DTZ001
    except ValueError:
        return None


def _month(text: str) -> int:
    word = text.rstrip("月")
    if word.isdecimal():
        return int(word)
    if word in CHINESE:
        return CHINESE.index(word) + 1
    full = next((n for n, name in enumerate(MONTHS, 1) if word == name), 0)
    return full or next((n for n, name in enumerate(_LONG, 1) if word == name), 0)


_LONG: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
