"""Every exit code, as a script sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.process import PG_DATA, Sandbox
from tests.support.warm import run

SESSION = "a" * 32


def test_an_unknown_uuid_is_1_with_one_clear_line(at: dict[str, str]) -> None:
    ran = run(["recover", "f" * 32], at)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[0] == f"zvol: error: {'f' * 32}: there is no such volume"


@pytest.mark.parametrize("bad", ["a\nb", "", "\x1b[31m", "a\tb", "\x7f", "\x9b31m", " "])
def test_a_volume_with_a_control_character_is_2_and_nothing_is_sent(
    bad: str, at: dict[str, str], cloud: Sandbox
) -> None:
    ran = run(["recover", PG_DATA, bad], at)
    assert (ran.code, ran.out) == (2, "")
    assert "argument 2" in ran.err
    assert "\x1b" not in ran.err
    assert cloud.events() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["recover"],
        ["recovr", PG_DATA],
        ["recover", PG_DATA, "-o", "xml"],
        ["recover", PG_DATA, "--timeout", "soon"],
        ["recover", PG_DATA, "--timeout", "1"],
        ["list", "--deleted-since", "2"],
        ["recover", PG_DATA, "--concurrency", "0"],
        ["list", "--columns", "nmae", "--json"],
        ["recover", PG_DATA, "--columns", "name"],
        ["-p", "nobody", "list"],
        ["--host", "ftp://x", "list"],
        ["help", "everything"],
        ["resume", "nothing-like-this"],
    ],
)
def test_a_mistake_is_2_and_stdout_is_empty(arguments: list[str], at: dict[str, str]) -> None:
    ran = run(arguments, at)
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err


def test_no_host_is_2_and_says_what_to_do(env: dict[str, str]) -> None:
    ran = run(["list"], env)
    assert ran.code == 2
    assert "ZVOL_HOST" in ran.err


def test_a_garbage_session_is_4(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", PG_DATA, "--json"], at | {"ZVOL_SESSION": "b" * 32})
    assert (ran.code, ran.out) == (4, "")
    assert ran.error()["error"]["code"] == "ID.1001"
    assert cloud.events() == []


def test_no_session_is_4(env: dict[str, str]) -> None:
    assert run(["list"], env | {"ZVOL_HOST": "http://127.0.0.1:9"}).code == 4


def test_a_dead_host_is_5(env: dict[str, str]) -> None:
    ran = run(["recover", PG_DATA], env | {"ZVOL_HOST": "http://127.0.0.1:1", "ZVOL_SESSION": SESSION})
    assert (ran.code, ran.out) == (5, "")
    assert "refuses the connection" in ran.err
    assert "Nothing was submitted" in ran.err


def test_a_journal_that_cannot_be_written_is_7_and_nothing_is_sent(at: dict[str, str], cloud: Sandbox) -> None:
    state = Path(at["HOME"]) / ".local" / "state"
    state.mkdir(parents=True)
    (state / "zvol").write_text("in the way")
    ran = run(["recover", PG_DATA], at)
    assert ran.code == 7
    assert cloud.events() == []


def test_plain_http_beyond_this_machine_is_9(env: dict[str, str]) -> None:
    ran = run(["list"], env | {"ZVOL_HOST": "http://zstack.example.com:8080", "ZVOL_SESSION": SESSION})
    assert ran.code == 9
    assert "plain http" in ran.err
