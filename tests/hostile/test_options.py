"""Every option and every argument with a hostile value: a clean end and harmless output."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.support.hostile.names import forbidden
from tests.support.process import environment
from tests.support.tree import leaves
from tests.support.warm import run

HOSTILE_VALUE = "x\x1b]0;owned\x07\u202e\u200b%s[red]\nzvol: all is well\udcff"
"""Its last character is the byte FF, as Python has it in arguments and variables."""

EXCLUDED = {"--ledger", "--zone"}
"""The sandbox accepts any value of these, and serves until it is stopped."""

LEAVES = sorted(leaves().items(), key=lambda item: item[0] == "list")
"""Options that all commands have are tested with the last command, which sends requests."""

CASES = {
    " ".join(option.opts): (name, option.opts[-1])
    for name, command in LEAVES
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag and option.opts[-1] not in EXCLUDED
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
    ran = run([*name.split(), option or "--", HOSTILE_VALUE], env)
    printed = ran.out + ran.err
    assert ran.code in (1, 2, 4, 5), printed
    assert forbidden(printed) == []
    assert "\nzvol: all is well" not in printed


@pytest.mark.parametrize(
    "variable", ["PROFILE", "CONFIG", "HOST", "SESSION", "CA_FILE", "OUTPUT", "TIMEOUT", "NO_INPUT"]
)
def test_each_variable_ends_cleanly(variable: str, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", {"ZVOL_HOST": "http://127.0.0.1:1"})
    ran = run(["list"], env | {f"ZVOL_{variable}": HOSTILE_VALUE})
    printed = ran.out + ran.err
    assert ran.code in (2, 4, 5), printed
    assert forbidden(printed) == []
    assert "\nzvol: all is well" not in printed
    assert "owned" not in printed or variable in ("PROFILE", "CONFIG", "CA_FILE")
