"""Recognises texts that are not a VOLUME but contain one, such as a UUID in quotes or a row of a table.

Any of them could be the name of a volume, so this matters only if no volume has that name. An argument is then refused
alone; a line of standard input shows that the list is not one of VOLUMEs, and nothing in it is sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from zvol.errors import UsageProblem
from zvol.model import VolumeArgument
from zvol.text import escape_terminal, fold_uuid

MAX_SHOWN: Final = 60
"""Maximum characters of a text in a message."""

_UUID: Final = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-z])", re.IGNORECASE
)
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_QUOTES: Final = "\"'`´“”„‟‘’‚‛«»‹›"
_JSON: Final = re.compile(r'[\[{]\s*["{\[].*|[\[{]|[\]}],?|\[\]|\{\}|"[^"]+"\s*:\s*.*')
_HEADER: Final = re.compile(
    r"(?:.*[\s,;|\"])?uuid(?:[\s,;|\"].*)?|\"?(?:id|name|volume|asked)\"?|(?:云盘)?名称|(?:name|名称)[,;\t].*",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(r"<[!?].*|.*</[a-z].*|<[a-z][a-z0-9]{0,9}(?:\s[^>]*)?/?>.*", re.IGNORECASE)
_DIFF: Final = re.compile(r"@@ .*|(?:---|\+\+\+) .*")
_ABSENT: Final = frozenset(("null", "None", "nil", "undefined"))
_BULLET: Final = re.compile(r"[-*+•·] +[^ ].*")
_ROW: Final = re.compile(r"\|.*\|")
_RULE: Final = frozenset("+|=:- ")
_MARKER: Final = re.compile(r"(?:[-*+•·]|\(?[0-9]{1,6}[.):])\s+.*")
_SHORTENED: Final = re.compile(r"[0-9a-f-]{4,35}(?:…|\.{2,3})", re.IGNORECASE)
_ALMOST: Final = re.compile(r"[0-9a-f]{20,44}|[0-9a-f]{64}")
_INSIDE: Final = re.compile(r"[-_:. ]")
MAX_WRONG: Final = 4
"""Maximum number of wrong characters in a text of 32 that still looks like a UUID."""

_GLOB: Final = frozenset("*?[")

_FORMS: Final = (
    (r"[^\w]*urn:uuid:.*", "begins with `urn:uuid:`"),
    (r"[^\w]*uuid\s*[=:].*", "begins with `uuid`"),
    (rf"[{_QUOTES}\s]*@[{_QUOTES}\s]*", "is in quotes"),
    (r"[\s(<{\[]+@[\s)>}\]]+", "is in brackets"),
    (rf"[{_QUOTES}\s]*@[{_QUOTES}\s]*[,;]", "ends with a separator"),
    (r".*\|.*", "looks like a row of a table"),
    (r".*[,;].*", "looks like a row of CSV"),
    (r".*/.*", "looks like a path or a URL"),
    (r".*\s.*", "holds more than a UUID"),
    (rf".*[{_QUOTES}(){{}}<>\[\]=:].*", "holds more than a UUID"),
    (r"[^\w@]*@[^\w@]*", "holds more than a UUID"),
)
"""Patterns for texts whose UUID is replaced by `@`, and what each looks like; the first match counts."""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """What a text looks like, and the UUIDs in it."""

    what: str
    uuids: tuple[str, ...] = ()


def lookalike(text: str, *, listed: bool = True) -> Lookalike | None:
    """Return what a text looks like if it is neither a UUID nor a likely name; `listed`: it is a line of a list."""
    plain = _plain(text)
    uuids = _uuids(plain)
    if plain.startswith("#") and listed:
        return Lookalike("is a comment, which a list cannot have", uuids)
    if _JSON.fullmatch(plain):
        return Lookalike("looks like JSON", uuids)
    if fold_uuid(plain) is not None:
        return Lookalike("holds characters that are invisible or only look like hex digits", (str(fold_uuid(plain)),))
    if not uuids and (joined := fold_uuid(_INSIDE.sub("", plain))):
        return Lookalike("has separators where a UUID has none", (joined,))
    if not uuids:
        what = _without_uuid(plain, listed=listed)
        return Lookalike(what) if what else None
    if _MARKER.fullmatch(plain):
        return Lookalike("begins like an item of a list", uuids)
    if len(uuids) > 1:
        return Lookalike(f"holds {len(uuids)} UUIDs", uuids)
    rest = _UUID.sub("@", plain)
    what = next((what for form, what in _FORMS if re.fullmatch(form, rest, re.IGNORECASE)), "")
    return Lookalike(what, uuids) if what else None


def _without_uuid(plain: str, *, listed: bool) -> str:
    digits = plain.lower().replace("-", "")
    if len(plain) > 2 and plain[0] in _QUOTES and plain.rstrip(",;")[-1] in _QUOTES:
        return "is in quotes"
    if _SHORTENED.fullmatch(plain):
        return "looks like a UUID that was shortened"
    if len(digits) == 32 and digits.isalnum() and 0 < len(re.sub("[0-9a-f]", "", digits)) <= MAX_WRONG:
        return "has 32 characters like a UUID, but they are not all hex digits (0-9 and a-f)"
    return _line_without_uuid(plain, digits) if listed else ""


def _line_without_uuid(plain: str, digits: str) -> str:
    if _MARKUP.fullmatch(plain):
        return "looks like HTML or XML"
    if _DIFF.fullmatch(plain):
        return "looks like a line of a diff"
    if plain in _ABSENT:
        return "looks like a field that is not there"
    if _ROW.fullmatch(plain):
        return "looks like a row of a table"
    if _BULLET.fullmatch(plain):
        return "begins like an item of a list"
    if plain.endswith((",", ";")):
        return "ends with a separator"
    if _HEADER.fullmatch(plain) or (_RULE.issuperset(plain) and ("--" in plain or "==" in plain)):
        return "looks like the header of a table"
    if _ALMOST.fullmatch(digits) and len(digits) != 32:
        return f"has {len(digits)} hex digits; a UUID has 32"
    return ""


def _plain(text: str) -> str:
    """Return a text without invisible characters, with ASCII digits and dashes, and with spaces only between words."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES)
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(text.replace("\0", " ").split())


def explained(text: str) -> str:
    """Return what an argument looks like and what to give instead, as the end of a sentence; empty for a name."""
    like = lookalike(text, listed=False)
    if like is not None:
        return f"; it {like.what}{_instead(like)}"
    uuids = _uuids(_plain(text))
    return f"; it contains the UUID {uuids[0]}: if you mean that one, give it alone" if len(uuids) == 1 else ""


def _instead(like: Lookalike) -> str:
    if len(like.uuids) == 1:
        return f": it contains the UUID {like.uuids[0]}; give that alone"
    more = " ..." if len(like.uuids) > 2 else ""
    return f": {' and '.join(like.uuids[:2])}{more}; give each by itself" if like.uuids else ""


def _uuids(plain: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(fold_uuid(found)) for found in _UUID.findall(plain)))


def refusal(arguments: Sequence[VolumeArgument], *, what: str = "VOLUME") -> UsageProblem | None:
    """Return the error for texts that look like something else; it names the first and their number."""
    found = [(one, like) for one in arguments if (like := _like(one))]
    if not found:
        return None
    first, like = found[0]
    shown = first.text if len(first.text) <= MAX_SHOWN else first.text[:MAX_SHOWN] + "..."
    named = f"{first.place} ('{shown}')"
    if len(found) > 1:
        lines = "lines" if first.listed else "texts"
        named = f"{len(found):,} {lines} are no {what}s; the first is {named}, which"
    named += f" {like.what}{_instead(like)}"
    return UsageProblem(f"{named}; nothing was sent", hint=_hint(like, what, first.text))


def check_list(arguments: Sequence[VolumeArgument], known: Container[str]) -> None:
    """Raise UsageProblem if a line of a list looks like something else; `known` are the names that exist."""
    if problem := refusal([one for one in arguments if one.listed and one.uuid is None and one.text not in known]):
        raise problem


def _like(argument: VolumeArgument) -> Lookalike | None:
    return lookalike(argument.text, listed=argument.listed)


def _hint(like: Lookalike, what: str, text: str) -> str:
    hint = "A list has one UUID or exact name in each line, and nothing else; `zvol list -o name` prints UUIDs."
    if what != "VOLUME":
        hint = "Give the UUID or the exact name, and nothing else."
    elif like.what == "looks like JSON":
        hint += f" Of JSON, `jq -r {_jq(text)}` prints them."
    return hint


def _jq(text: str) -> str:
    """Return a jq command that prints the UUIDs of a document, given its first line."""
    if text.lstrip().startswith("{"):
        return "'.inventories[].uuid'" if '"inventories"' in text else ".uuid"
    return "'.[].uuid'"


# ---- names that look alike -----------------------------------------------------------------------------------------
def look(name: str) -> str:
    """Return the same text for names that differ only in case, spaces, invisible characters or Unicode form."""
    return _plain(name).casefold()


def as_glob(name: str) -> str | None:
    """Return a name that is a shell pattern, such as `'pg-*'`, in quotes; None if it is not a pattern."""
    if not _GLOB.intersection(name):
        return None
    from shlex import quote

    return quote("".join(char if escape_terminal(char) == char else "?" for char in name))
