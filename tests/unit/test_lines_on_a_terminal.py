"""A table whose rows are lines on a terminal of any width: `zvol doctor` draws its checks so."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from zvol.cli import doctor
from zvol.model import Check
from zvol.render.formats.table import Formatter
from zvol.render.values import Table

WORDS = "one two three four five six seven"
WORDS_AT_20 = ("one two three four", "five six seven")
CHECKS = [
    Check("zone", False, WORDS, f"Run: {WORDS} {WORDS}"),
    Check("a longer name", True, "", "not shown"),
    Check("policy", True, "well-known-by-now \x1b[2J", notes=("noted",)),
]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def drawn(checks: Sequence[Check], width: int) -> list[str]:
    lines = Table(checks, doctor.COLUMNS, lambda _: None, lambda _: None, lines=doctor._line)
    return COLOURS.sub("", "".join(Formatter(tty=True, width=width).table(lines))).splitlines()


@pytest.mark.parametrize(
    ("width", "found", "below"),
    [
        (81, [WORDS], [f"{WORDS} {WORDS}"]),
        (24 + len(WORDS), [WORDS], [f"{WORDS} one two", "three four five six seven"]),
        (23 + len(WORDS), ["one two three four five six", "seven"], [f"{WORDS} one two", "three four five six seven"]),
        (44, ["one two three four", "five six seven"], ["one two three four five six", "seven " + WORDS[:-6], "seven"]),
        (1, ["one two three four", "five six seven"], ["one two three", "four five six seven", *WORDS_AT_20]),
    ],
)
def test_the_last_cell_wraps_and_so_does_what_stands_below_it(width: int, found: list[str], below: list[str]) -> None:
    first, *rest = found
    assert drawn(CHECKS[:2], width) == [
        f"✗ WRONG  zone           {first}",
        *(" " * 24 + line for line in rest),
        f"         Run: {below[0]}",
        *(" " * 9 + line for line in below[1:]),
        "✓ ok     a longer name  ",
    ]


def test_words_are_not_broken_and_every_text_is_escaped() -> None:
    assert drawn(CHECKS[2:], 1) == ["! note  policy  well-known-by-now", " " * 16 + "\\u{1b}[2J"]


def test_no_rows_are_no_lines() -> None:
    assert drawn([], 80) == []
