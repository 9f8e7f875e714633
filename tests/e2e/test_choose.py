"""Choosing with filters: shown, asked for, and never more than was meant."""

from __future__ import annotations

import re

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
        [PG_DATA, "--expect", "2"],
        ["--deleted-since", "tomorrowish"],
    ],
)
def test_nothing_ever_widens(arguments: list[str], at: dict[str, str], cloud: Sandbox) -> None:
    assert run(["recover", *arguments], at).code == 2
    assert cloud.events() == []


def test_no_match_is_an_empty_answer(at: dict[str, str]) -> None:
    ran = run(["recover", "--name", "nothing", "--json"], at)
    assert (ran.code, ran.json()) == (0, [])
    assert ran.err == "zvol: no volume matches; there are 10 deleted volumes in all\n"
    people = run(["recover", "--name", "nothing"], at)
    assert (people.code, people.out, people.err) == (0, "", ran.err)
    assert run(["list", "--name", "nothing", "--json"], at).err == ran.err
    assert run(["list", "--name", "nothing", "--status", "Ready"], at).err == "zvol: no volume matches\n"
    assert run(["recover", "--name", "nothing", "--fail-if-empty"], at).code == 1
    assert run(["recover", "--all", "--yes", "-q"], at).code == 0
    for arguments in (["recover", "--all"], ["list"], ["list", "--name", "x"]):
        assert "the recycle bin is empty" in run(arguments, at).err


def test_on_a_terminal_the_list_is_shown_and_the_question_asked(at: dict[str, str], cloud: Sandbox) -> None:
    asked = on_terminal(["recover", "--name", "pg-*"], at, reply="n\n")
    assert asked.code == 1
    assert PG_DATA in asked.text
    assert re.search(
        r"Recover 2 volumes \(250 GiB, first to go in 2d [0-9]+h\) on\s+http://127\.0\.0\.1:\d+\? \[y/N\]: n",
        asked.text,
    )
    ended = on_terminal(["recover", "--name", "pg-*"], at, reply="\x03")
    assert (ended.code, ended.text.splitlines()[-1]) == (130, "zvol: cancelled; nothing was sent")
    assert cloud.events() == []
    assert on_terminal(["recover", "--name", "pg-*"], at, reply="y\n").code == 0
    assert cloud.status(PG_DATA) == cloud.status(PG_WAL) == "Ready"


def test_no_input_never_asks(at: dict[str, str]) -> None:
    asked = on_terminal(["recover", "--name", "pg-*", "--no-input"], at, reply="y\n")
    assert asked.code == 2
    assert "[y/N]" not in asked.text


@pytest.mark.parametrize(
    ("volumes", "stdin", "count"),
    [
        ([PG_DATA], "", 1),
        ([PG_DATA, PG_DATA.upper(), "pg-data"], "", 1),
        (["-"], f"{PG_DATA}\n{PG_WAL}\npg-wal\n", 2),
        (["pg-data", "-"], f"{PG_DATA}\n{'f' * 32}\n", 2),
        (["pg-data", "nobody"], "", 1),
        (["-"], "", 0),
    ],
)
def test_volumes_can_be_expected_too_each_counted_once(
    volumes: list[str], stdin: str, count: int, cloud: Sandbox, at: dict[str, str]
) -> None:
    for wrong in (count - 1, count + 1):
        if wrong >= 0:
            ran = run(["recover", *volumes, "--yes", "--expect", str(wrong)], at, stdin=stdin)
            many = "1 volume is named" if count == 1 else f"{count} volumes are named"
            assert (ran.code, ran.out) == (2, "")
            assert ran.err.startswith(f"zvol: error: {many}, and {wrong} were expected; nothing was sent\n")
            assert ("nobody: no deleted data volume has this name" in ran.err) == ("nobody" in volumes)
    assert cloud.events() == []
    ran = run(["recover", *volumes, "--yes", "--expect", str(count), "-o", "name"], at, stdin=stdin)
    assert ran.code == (1 if "f" * 32 in stdin or "nobody" in volumes else 0)
    assert len(ran.out.split()) == count - ("f" * 32 in stdin)


def test_what_is_expected_is_not_known_when_names_cannot_be_looked_up(env: dict[str, str]) -> None:
    nowhere = env | {"ZVOL_HOST": "http://127.0.0.1:1", "ZVOL_SESSION": "a" * 32}
    assert run(["recover", "pg-data", "--expect", "0"], nowhere).code == 5
