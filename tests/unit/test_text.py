"""Text that is safe to display, and the formats that users type."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.text import display_width, enumeration, escape_terminal, fold_uuid, human_duration, human_size, parse_duration

ANY_TEXT = st.text(st.characters())  # surrogates too
NASTY = [
    *(chr(code) for code in (*range(32), *range(0x7F, 0xA0))),
    *"\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u061c\ufeff\ud800\ue000\U000e0041\u3164\u115f\xad",
]


@given(ANY_TEXT)
def test_no_dangerous_character_is_shown(text: str) -> None:
    shown = escape_terminal(text)
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in shown)
    assert shown.isprintable()


@pytest.mark.parametrize("char", NASTY, ids=lambda char: f"{ord(char):x}")
def test_each_dangerous_character_becomes_visible(char: str) -> None:
    assert escape_terminal(f"a{char}b") == f"a\\u{{{ord(char):x}}}b"


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    assert (escape_terminal(one) == escape_terminal(other)) == (one == other)


def test_text_that_imitates_an_escape_is_distinguishable() -> None:
    assert escape_terminal("\x1b") != escape_terminal("\\u{1b}")
    assert escape_terminal("\\u{1b}") == "\\\\u{1b}"


@pytest.mark.parametrize("text", ["pg-data", "数据库 卷", "naïve café", "ok[/red]:smile:", "ÅÄÖ", "データ"])
def test_ordinary_names_stay_as_they_are(text: str) -> None:
    assert escape_terminal(text) == text


def test_a_stack_of_combining_marks_is_cut_visibly() -> None:
    shown = escape_terminal("a" + "\u0301" * 10_000)
    assert shown.count("\u0301") == 4
    assert shown.count("\\u{301}") == 9_996


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("D4910EE8-DEF2-41E7-AFCB-55CA1EE685C9", "d4910ee8def241e7afcb55ca1ee685c9"),
        ("d4910ee8def241e7afcb55ca1ee685c9", "d4910ee8def241e7afcb55ca1ee685c9"),
        ("d4910ee8def241e7afcb55ca1ee685c", None),
        ("d4910ee8def241e7afcb55ca1ee685c9\n", None),
        ("１4910ee8def241e7afcb55ca1ee685c9", None),
        ("{d4910ee8def241e7afcb55ca1ee685c9}", None),
        ("", None),
    ],
)
def test_uuids_fold_case_and_dashes_and_nothing_else(text: str, folded: str | None) -> None:
    assert fold_uuid(text) == folded
    assert (fold_uuid(text) is text) == (folded == text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", None),
        ("1m30", None),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d 12h", 129600),
        ("1w", 604800),
        ("1w 1s", 604801),
        ("12h 1d", None),
        ("1d12", None),
        ("7M", None),
        ("", None),
        ("5x", None),
        ("-5", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


def test_sizes_and_durations_for_people() -> None:
    assert [human_size(n) for n in (None, 0, 1023, 1536, 100 * 2**30)] == ["-", "0 B", "1023 B", "1.5 KiB", "100 GiB"]
    assert [human_duration(n) for n in (0, 59, 61, 3600, 5400, 183_600)] == [
        "0s",
        "59s",
        "1m 1s",
        "1h",
        "1h 30m",
        "2d 3h",
    ]
    assert display_width("数据a") == 5


def test_an_enumeration_ends_with_the_number_of_the_others() -> None:
    assert enumeration([], 2) == ""
    assert enumeration(["a", "b"], 2) == "a, b"
    assert enumeration(["a", "b", "c"], 2) == "a, b and 1 more"
    assert enumeration(["a"] * 1235, 1) == "a and 1,234 more"
