"""A strict JSON parser for untrusted servers: bounded in time and memory, with one exception."""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 20
MAX_FRACTION: Final = 64
"""Maximum characters of a number that is not an integer."""
MAX_VALUES: Final = 500_000
"""Maximum brackets and commas: 1,000 volumes have some 30,000, and a value takes up to 100 bytes of memory."""

_NEXT: Final = re.compile(r'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+"?)*+([\[\]{},]|\Z)', re.DOTALL)
"""Everything up to the next bracket or comma outside of a string, and that sign; it never backtracks."""

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(Exception):
    """The bytes are not one strict JSON document; it never leaves the reader of the bytes."""


def loads(data: bytes) -> Any:
    """Return the document; whole doubles become integers.

    Raises NotJson for anything else: other encodings, NaN and infinities, duplicate keys, lone surrogates, integers of
    more than 20 digits, nesting deeper than 64, more than half a million values.
    """
    try:
        text = data.decode("utf-8")
        _bound(text)
        value = json.loads(
            text, parse_constant=_refuse, parse_int=_integer, parse_float=_number, object_pairs_hook=_object
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except NotJson:
        raise
    except (ValueError, RecursionError) as exc:
        raise NotJson(type(exc).__name__) from None
    return value


def _bound(text: str) -> None:
    depth = 0
    for number, found in enumerate(_NEXT.finditer(text)):
        sign = found[1]
        if sign in ("[", "{"):
            depth += 1
        elif sign in ("]", "}"):
            depth -= 1
        if depth > MAX_DEPTH or number > MAX_VALUES:
            raise NotJson("nested too deeply" if depth > MAX_DEPTH else "too many values")


def _refuse(constant: str) -> Any:
    raise NotJson(f"{constant} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotJson("a huge integer")
    return int(digits)


def _number(text: str) -> int | float:
    value = float(text)
    if len(text) > MAX_FRACTION or value in (float("inf"), float("-inf")):
        raise NotJson("a huge number")
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a duplicate key")
    return found
