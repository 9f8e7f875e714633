"""Whether an answer asks for fewer requests, and for how long: 429, 503, and `Retry-After` (RFC 9110 10.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LONGEST: Final = 60.0
"""Maximum seconds of a `Retry-After`; zvol tries once a minute at least, so as not to miss a deadline."""

UNTOLD: Final = 1.0
"""Seconds that a 429 without `Retry-After` asks for."""

PATIENCE: Final = 10.0
"""Maximum seconds before a command repeats a request outside of a recovery; if the answer asks for more, it ends."""

REPEATS: Final = 3
"""Maximum repetitions of such a request."""

_SECONDS: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


def retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds an answer that is not ZStack's asks to wait; None when it does not ask for that.

    A 503 alone asks for no time, a 429 for a second.  Header names are lower case.
    """
    told = _told(headers)
    if told is not None:
        return min(told, LONGEST)
    return UNTOLD if status == 429 else 0.0 if status == 503 else None


def _told(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After`; a date counts from the answer's own, not from this clock."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until, sent = _date(text), _date(headers.get("date", ""))
    return None if until is None or sent is None else max(0.0, until - sent)


def _date(text: str) -> float | None:
    """Return an HTTP date as seconds since 1970."""
    if not text:
        return None
    from email.utils import mktime_tz, parsedate_tz

    try:
        found = parsedate_tz(text)
        return None if found is None else float(mktime_tz(found))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
