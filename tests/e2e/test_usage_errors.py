"""Usage errors look like all others: `zvol: error: …`, red on a terminal, then the usage or a hint."""

from __future__ import annotations

import pytest

from tests.support.terminal import on_terminal
from tests.support.warm import run

RED = b"zvol: \x1b[1;31merror:\x1b[0m "


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["recover", "--foo"], ["no such option '--foo'", "  Usage: zvol recover [OPTIONS] [VOLUME...]"]),
        (["list", "--csv"], ["no such option '--csv'. Did you mean '-o csv'?", "  Usage: zvol list [OPTIONS]"]),
        (["config", "--foo"], ["no such option '--foo'", "  Usage: zvol config [OPTIONS] COMMAND [ARGS]..."]),
        (
            ["runs", "forgt"],
            ["no such command 'forgt'. Did you mean forget?", "  Usage: zvol runs [OPTIONS] [RUN | forget RUN]"],
        ),
        (["lst"], ["no such command 'lst'. Did you mean list?", "  Usage: zvol [OPTIONS] COMMAND [ARGS]..."]),
        (["show"], ["missing argument 'VOLUME...'", "  Usage: zvol show [OPTIONS] VOLUME..."]),
        (["show", "a", "--vm", "b"], ["VOLUMEs and --vm cannot be combined", "  Usage: zvol show [OPTIONS] VOLUME..."]),
    ],
)
def test_the_error_comes_first_then_the_usage(arguments: list[str], lines: list[str], env: dict[str, str]) -> None:
    ran = run(arguments, env)
    command = lines[1].removeprefix("  Usage: ").partition(" [")[0]
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [f"zvol: error: {lines[0]}", lines[1], f"  See: {command} --help"]


def test_what_stands_behind_runs_is_a_run(env: dict[str, str]) -> None:
    for text in ("nosuch", "pg-data", "20261126"):
        ran = run(["runs", text], env)
        assert (ran.code, ran.err) == (2, f"zvol: error: there is no run {text}\n  `zvol runs` lists them.\n")


def test_another_error_looks_the_same(env: dict[str, str]) -> None:
    ran = run(["-p", "nosuch", "list", "--json"], env)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("zvol: error: there is no profile nosuch")
    assert run(["--sandbox", "lst"], env).err.startswith("zvol (sandbox): error: no such command")


@pytest.mark.parametrize(
    ("more", "red"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)]
)
@pytest.mark.parametrize("arguments", [["recover", "--foo"], ["-p", "nosuch", "list"]])
def test_the_word_is_red_on_a_terminal(
    arguments: list[str], more: dict[str, str], red: bool, env: dict[str, str]
) -> None:
    shown = on_terminal(arguments, env | more)
    assert shown.code == 2
    assert shown.raw.startswith(RED if red else b"zvol: error: "), shown.raw
