"""Escapes text for a terminal, and converts between values and text: sizes, durations, UUIDs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

ELLIPSIS: Final = "…"
MARKS: Final = 4
"""Combining marks that may follow one character; more could cover the lines above and below."""

_HEX32: Final = re.compile(r"[0-9a-f]{32}")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PARTS: Final = re.compile(r"[!-~]+|[^!-~]")
UNITS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
"""The units of a duration in seconds, in the order of its parts."""
_DURATION: Final = re.compile(" *".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in UNITS))
_HIDDEN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159\U00016fe4"
)
"""Characters of a visible category that are invisible."""


def escape_terminal(text: str) -> str:
    """Return text that is safe on a terminal: every character that is not visible becomes `\\u{hex}`.

    That is every control character (also tab and newline), escape, bidi and zero-width sign, surrogate, private or
    unassigned code point, and combining marks after the fourth or without a base character.  A backslash before
    `u{` is doubled, so that two different texts never look the same.
    """
    if text.isascii() and text.isprintable() and "\\u{" not in text:
        return text
    import unicodedata

    shown, marks = [], MARKS
    for char in text.replace("\\u{", "\\\\u{"):
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if char == " " or (category[0] not in "CZ" and char not in _HIDDEN and marks <= MARKS and not _selector(char)):
            shown.append(char)
        else:
            shown.append(f"\\u{{{ord(char):x}}}")
    return "".join(shown)


def _selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def has_control(text: str) -> bool:
    """Tell whether a text has a control character or half a surrogate pair."""
    if text.isascii() and text.isprintable():
        return False
    import unicodedata

    return any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


def display_width(text: str) -> int:
    """Return the number of columns that a safe text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    marks = sum(unicodedata.category(char) in ("Mn", "Me") for char in text)
    return len(text) - marks + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def pad(text: str, width: int) -> str:
    """Return a safe text padded to `width` columns."""
    return text + " " * max(0, width - display_width(text))


def cut(text: str, width: int) -> str:
    """Return a safe text cut to `width` columns, with `…` for the missing part."""
    if display_width(text) <= width:
        return text
    used = 0
    for place, char in enumerate(text):
        used += display_width(char)
        if used >= width:
            return text[:place] + ELLIPSIS
    return text


def enumeration(texts: Sequence[str], most: int) -> str:
    """Return the first texts, and how many more there are, such as `a, b, c and 2 more`."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def wrap(text: str, width: int) -> list[str]:
    """Return a safe text as lines of at most `width` columns.

    A longer word is broken only if its script has no spaces, such as Chinese: UUIDs, paths and URLs stay whole.
    """
    return fill([(word, True) for word in text.split(" ")], width)


def fill(words: Iterable[tuple[str, bool]], width: int, more: int = 0) -> list[str]:
    """Return words as lines of at most `width` columns, the first `more` wider; each word says if it may break."""
    lines, line, used, room = [], "", 0, width + more
    for word, breaks in words:
        size = display_width(word)
        if line and used + 1 + size <= room:
            line, used = f"{line} {word}", used + 1 + size
            continue
        if line:
            lines.append(line)
            room = width
        *whole, line = _broken(word, room) if breaks and size > room else [word]
        lines += whole
        used = display_width(line)
    return [*lines, line]


def _broken(word: str, width: int) -> list[str]:
    """Break a word between characters outside ASCII, and before and after ASCII parts."""
    pieces, used = [""], 0
    for part in _PARTS.findall(word):
        size = display_width(part)
        if used + size > width and pieces[-1]:
            pieces.append("")
            used = 0
        pieces[-1] += part
        used += size
    return pieces


def one_form(text: str) -> str:
    """Return a text in Unicode form NFC, so that texts that differ only in form are equal."""
    if text.isascii():
        return text
    import unicodedata

    return unicodedata.normalize("NFC", text)


def fold_uuid(text: str) -> str | None:
    """Return the 32 lower-case hex digits of a UUID with or without dashes; None for any other text."""
    folded = text.strip(" ").lower().replace("-", "")
    if not _HEX32.fullmatch(folded):
        return None
    return text if folded == text else folded  # the same text twice takes memory


def is_plain_name(text: str) -> bool:
    """Tell whether a name needs no quotes in a shell and cannot be mistaken for anything else, such as a UUID."""
    return _PLAIN_NAME.fullmatch(text) is not None and fold_uuid(text) is None


def parse_duration(text: str) -> float | None:
    """Return the seconds of `90s`, `5m`, `1h30m`, `1d 12h` or `1w`; None for anything else, including a bare number.

    Units are lower case, because `M` is a month elsewhere.
    """
    found = _DURATION.fullmatch(text.strip(" "))
    if not found or not any(found.groups()):
        return None
    return float(sum(int(count) * unit for count, unit in zip(found.groups(), UNITS.values(), strict=True) if count))


def without_unit(number: str) -> str:
    """Return what to type instead of a duration without a unit."""
    return f"{number} has no unit: write {', '.join(number + unit for unit in 'smhd')} or {number}w"


def human_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as `2d 3h`."""
    left = int(max(0, seconds))
    parts: list[str] = []
    for name in "dhms":
        count, left = divmod(left, UNITS[name])
        if count or (name == "s" and not parts):
            parts.append(f"{count}{name}")
        if len(parts) == 2 or (parts and not count and name != "s"):
            break
    return " ".join(parts[:2])


def human_age(seconds: float) -> str:
    """Return the age of an event in its largest unit, such as `2d ago`."""
    return f"{human_duration(seconds).partition(' ')[0]} ago"


def human_size(size: int | None) -> str:
    """Return a number of bytes, such as `100 GiB`; `-` if unknown."""
    if size is None:
        return "-"
    value, units = float(size), iter(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))
    unit = next(units)
    while abs(value) >= 1024 and unit != "PiB":
        value, unit = value / 1024, next(units)
    return f"{value:.0f} {unit}" if value == int(value) or value >= 100 else f"{value:.1f} {unit}"


def did_you_mean(word: str, known: Iterable[str], *, sentence: bool = False) -> str:
    """Return `; did you mean X?` for the known word closest to `word`, or ` Did you mean X?` after a sentence.

    Empty if no word is close.
    """
    close = close_to(word, known)
    if close is None:
        return ""
    return f" Did you mean {close}?" if sentence else f"; did you mean {close}?"


def close_to(word: str, known: Iterable[str]) -> str | None:
    """Return the known word closest to `word`, None if no word is close."""
    import difflib

    return next(iter(difflib.get_close_matches(word[:80], list(known), n=1)), None)


def closest(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that are closest to `word`, all of them equally close; empty if no word is close."""
    import difflib

    close = difflib.get_close_matches(word[:80], known := list(known), n=len(known) or 1)
    like = {one: difflib.SequenceMatcher(None, one, word[:80]).ratio() for one in close}
    return sorted(one for one in close if like[one] == like[close[0]])


def stamp(instant: float | None) -> str | None:
    """Return an instant (seconds since 1970 UTC) as RFC 3339 in UTC, the only form of dates in output."""
    if instant is None:
        return None
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(instant), UTC).isoformat().replace("+00:00", "Z")
