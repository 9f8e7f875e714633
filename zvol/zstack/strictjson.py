"""JSON from a server that is not trusted: strict, bounded, and raising one exception only."""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 20

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class NotJson(Exception):
    """The bytes are not one strict JSON document."""


def loads(data: bytes) -> Any:
    """Return the document; whole doubles become integers.

    Raises NotJson for anything else: other encodings, NaN and infinities, duplicate keys, lone surrogates, integers of
    more than 20 digits, nesting deeper than 64.
    """
    try:
        text = data.decode("utf-8")
        _bound_depth(text)
        value = json.loads(
            text, parse_constant=_refuse, parse_int=_integer, parse_float=_number, object_pairs_hook=_object
        )
        _no_surrogates(value)
    except NotJson:
        raise
    except (ValueError, RecursionError) as exc:
        raise NotJson(type(exc).__name__) from None
    return value


def _bound_depth(text: str) -> None:
    depth = 0
    for char in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if char in "[{" else -1
        if depth > MAX_DEPTH:
            raise NotJson("nested too deeply")


def _refuse(constant: str) -> Any:
    raise NotJson(f"{constant} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotJson("a huge integer")
    return int(digits)


def _number(text: str) -> int | float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise NotJson("an infinite number")
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a duplicate key")
    return found


def _no_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotJson("a lone surrogate") from None
