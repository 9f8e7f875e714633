"""Choosing with filters: shown, asked for, and never more than was meant."""

from __future__ import annotations

import pytest

from tests.support.process import PG_DATA, PG_WAL, Sandbox
from tests.support.terminal import on_terminal
from tests.support.warm import run


def test_filters_need_consent_where_nobody_can_be_asked(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", "--name", "pg-*"], at)
    assert (ran.code, ran.out) == (2, "")
    assert run(["recover", "--name", "pg-*", "--expect", "2"], at).code == 2
    assert run(["recover", "--name", "pg-*", "--expect", "3", "--yes"], at).code == 2
    assert cloud.events() == []
    ran = run(["recover", "--deleted-since", "3h", "--expect", "2", "--yes", "--json"], at)
    assert ran.code == 0
    assert {one["uuid"] for one in ran.json()} == {PG_DATA, PG_WAL}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", "--name", "x"],
        [PG_DATA, "--all"],
        [PG_DATA, "--name", "x"],
        ["-", "--name", "x"],
        [PG_DATA, "--yes"],
        ["--deleted-since", "tomorrowish"],
    ],
)
def test_nothing_ever_widens(arguments: list[str], at: dict[str, str], cloud: Sandbox) -> None:
    assert run(["recover", *arguments], at).code == 2
    assert cloud.events() == []


def test_no_match_is_an_empty_answer(at: dict[str, str]) -> None:
    ran = run(["recover", "--name", "nothing", "--json"], at)
    assert (ran.code, ran.json()) == (0, [])
    assert run(["recover", "--name", "nothing", "--fail-if-empty"], at).code == 1


def test_on_a_terminal_the_list_is_shown_and_the_question_asked(at: dict[str, str], cloud: Sandbox) -> None:
    asked = on_terminal(["recover", "--name", "pg-*"], at, reply="n\n")
    assert asked.code == 1
    assert PG_DATA in asked.text
    assert "Bring these 2 volumes back on http://127.0.0.1" in asked.text
    assert cloud.events() == []
    assert on_terminal(["recover", "--name", "pg-*"], at, reply="y\n").code == 0
    assert cloud.status(PG_DATA) == cloud.status(PG_WAL) == "Ready"


def test_no_input_never_asks(at: dict[str, str]) -> None:
    asked = on_terminal(["recover", "--name", "pg-*", "--no-input"], at, reply="y\n")
    assert asked.code == 2
    assert "[y/N]" not in asked.text
