"""Every option and every argument there is, with a value that means harm: a clear end, and harmless words."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.support.hostile.names import forbidden
from tests.support.process import environment
from tests.support.tree import leaves
from tests.support.warm import run

VALUE = "x\x1b]0;owned\x07\u202e\u200b%s[red]\nzvol: all is well\udcff"
"""Its last character is the byte FF, as Python has it in arguments and variables."""

APART = {"--ledger", "--zone"}
"""The sandbox takes them as they are, and serves until somebody stops it."""

LEAVES = sorted(leaves().items(), key=lambda item: item[0] == "list")
"""Options that all commands have are tried with the last of them, which asks a server."""

CASES = {
    " ".join(option.opts): (name, option.opts[-1])
    for name, command in LEAVES
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag and option.opts[-1] not in APART
} | {
    f"{name} {argument.name}": (name, None)
    for name, command in LEAVES
    for argument in command.params
    if isinstance(argument, click.Argument)
}


def test_the_number_of_cases() -> None:
    assert len(CASES) > 30


@pytest.mark.parametrize("case", CASES)
def test_each_option_and_argument_ends_cleanly(case: str, tmp_path: Path) -> None:
    name, option = CASES[case]
    env = environment(tmp_path / "home", {"ZVOL_HOST": "http://127.0.0.1:1", "ZVOL_SESSION": "a" * 32})
    ran = run([*name.split(), option or "--", VALUE], env)
    said = ran.out + ran.err
    assert ran.code in (1, 2, 4, 5), said
    assert forbidden(said) == []
    assert "\nzvol: all is well" not in said


@pytest.mark.parametrize(
    "variable", ["PROFILE", "CONFIG", "HOST", "SESSION", "CA_FILE", "OUTPUT", "TIMEOUT", "NO_INPUT"]
)
def test_each_variable_ends_cleanly(variable: str, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", {"ZVOL_HOST": "http://127.0.0.1:1"})
    ran = run(["list"], env | {f"ZVOL_{variable}": VALUE})
    said = ran.out + ran.err
    assert ran.code in (2, 4, 5), said
    assert forbidden(said) == []
    assert "\nzvol: all is well" not in said
    assert "owned" not in said or variable in ("PROFILE", "CONFIG", "CA_FILE")
