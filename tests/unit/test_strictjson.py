"""Strict JSON is refused in time and memory that are bounded by the length of the text."""

from __future__ import annotations

import pytest

from tests.support.calls import counted
from zvol.zstack.strictjson import MAX_VALUES, NotJson, loads

MEGABYTE = 1 << 20

LONG: dict[str, bytes] = {
    "an open string": b'"' + b"a" * (8 * MEGABYTE),
    "an open string of escapes": b'"\\' * (4 * MEGABYTE),
    "escaped quotes without end": b'"' + b'\\"' * (4 * MEGABYTE),
    "nothing but quotes": b'"' * (8 * MEGABYTE),
    "quotes and letters": b'"a' * (4 * MEGABYTE),
    "backslashes": b"\\" * (8 * MEGABYTE),
    "open brackets": b"[" * (8 * MEGABYTE),
    "closing brackets": b"]" * (8 * MEGABYTE),
    "colons": b":" * (8 * MEGABYTE),
    "blanks": b" " * (8 * MEGABYTE),
    "an endless integer": b"1" * (8 * MEGABYTE),
    "an endless fraction": b"0." + b"1" * (8 * MEGABYTE),
    "an endless exponent": b"[1e" + b"0" * (8 * MEGABYTE) + b"1]",
    "empty lists": b"[" + b"[]," * (2 * MEGABYTE) + b"[]]",
    "empty objects": b"[" + b"{}," * (2 * MEGABYTE) + b"{}]",
    "small numbers": b"[" + b"1," * (4 * MEGABYTE) + b"1]",
    "small strings": b"[" + b'"ab",' * (2 * MEGABYTE) + b'"ab"]',
    "a fraction of many values": b"[" + b"1.5," * (2 * MEGABYTE) + b"1.5]",
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_document_is_refused_before_it_is_parsed(name: str) -> None:
    """A pattern that went back over such a text would take hours: the timeout of the test would end it."""
    with pytest.raises(NotJson), counted() as count:
        loads(LONG[name])
    assert count.calls < 100


def test_a_string_may_have_any_length_and_content() -> None:
    text = "[{,]}" * MEGABYTE
    assert loads(b'{"a":"' + text.encode() + b'"}') == {"a": text}


def test_values_are_counted_without_the_content_of_strings() -> None:
    assert len(loads(b"[" + b"1," * (MAX_VALUES - 2) + b"1]")) == MAX_VALUES - 1
    with pytest.raises(NotJson, match="too many values"):
        loads(b"[" + b"1," * (MAX_VALUES + 1) + b"1]")


@pytest.mark.parametrize("depth", [1, 63, 64])
def test_nesting_up_to_64_is_read(depth: int) -> None:
    assert loads(b"[" * depth + b"]" * depth) is not None
    with pytest.raises(NotJson, match="nested too deeply"):
        loads(b"[" * (depth + 64) + b"]" * (depth + 64))


def test_paired_surrogates_are_a_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"
