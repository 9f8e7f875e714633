"""Text that is safe to show, and the small formats people type."""

from __future__ import annotations

import base64
import json
import pickle
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import zvol.text
from zvol.text import (
    Secret,
    display_width,
    escape_terminal,
    fold_uuid,
    human_duration,
    human_size,
    parse_duration,
    redact,
    register_secret,
)

ANY_TEXT = st.text(st.characters())  # surrogates too
NASTY = [
    *(chr(code) for code in (*range(32), *range(0x7F, 0xA0))),
    *"\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u061c\ufeff\ud800\ue000\U000e0041\u3164\u115f\xad",
]


@given(ANY_TEXT)
def test_nothing_dangerous_is_shown(text: str) -> None:
    shown = escape_terminal(text)
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in shown)
    assert shown.isprintable()


@pytest.mark.parametrize("char", NASTY, ids=lambda char: f"{ord(char):x}")
def test_each_dangerous_character_becomes_visible(char: str) -> None:
    assert escape_terminal(f"a{char}b") == f"a\\u{{{ord(char):x}}}b"


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    assert (escape_terminal(one) == escape_terminal(other)) == (one == other)


def test_a_text_that_imitates_an_escape_is_told_from_one() -> None:
    assert escape_terminal("\x1b") != escape_terminal("\\u{1b}")
    assert escape_terminal("\\u{1b}") == "\\\\u{1b}"


@pytest.mark.parametrize("text", ["pg-data", "数据库 卷", "naïve café", "ok[/red]:smile:", "ÅÄÖ", "データ"])
def test_ordinary_names_stay_as_they_are(text: str) -> None:
    assert escape_terminal(text) == text


def test_a_tower_of_combining_marks_is_cut_visibly() -> None:
    shown = escape_terminal("a" + "\u0301" * 10_000)
    assert shown.count("\u0301") == 4
    assert shown.count("\\u{301}") == 9_996


def test_a_secret_does_not_give_itself_away() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {secret:>20} {[secret]} {secret!s}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.fixture
def nothing_concealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zvol.text, "_concealed", {})


@pytest.mark.usefixtures("nothing_concealed")
def test_a_secret_is_masked_in_every_form_and_what_is_around_it_stays() -> None:
    secret = 'pä55 "wört"/+%'
    data = secret.encode()
    Secret(secret)
    for form in (
        secret,
        secret.upper(),
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        data.hex(),
        escape_terminal(secret),
    ):
        assert redact(f"before {form} after") == "before *** after"
    for before in (b"", b"me:", b"OAuth ", b"x"):
        encoded = base64.b64encode(before + data + b":tail").decode()
        shown = redact(encoded)
        assert "***" in shown
        assert len(shown) < len(encoded) - len(data)


@pytest.mark.usefixtures("nothing_concealed")
@pytest.mark.parametrize("text", ["", "short7!", "password", "密码密码密码密码", "1234567890"])
def test_what_stands_in_ordinary_words_is_not_masked(text: str) -> None:
    Secret(text)
    assert redact(f"the {text} is wrong") == f"the {text} is wrong"


@given(st.text(st.characters(), min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_secret_is_masked_anywhere(secret: str, before: str, after: str) -> None:
    assume(not (secret.isalpha() or secret.isdigit()))
    zvol.text._concealed.clear()
    register_secret(secret)
    text = before + secret + after
    assert redact(text).count("***") >= 1
    assert secret not in redact(text).split("***")
    zvol.text._concealed.clear()


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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", None),
        ("1m30", None),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
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
