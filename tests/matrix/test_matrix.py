"""A part of the matrix; `python -m tests.matrix` runs all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.matrix import __main__ as program
from tests.matrix.cells import SCENARIOS, run_cell
from tests.matrix.expectations import VERSIONS

SLICE = {
    "3.0": "list-of-an-account recover lost-put attach reattach last-vm login logout",
    "3.10.40": "list lost-put crash doubled",
    "4.4.65": "attach-again doubt doubled lost-answer tags",
    "4.8.22": "doubt crash-done batch lost-insert",
    "5.2.1": "show again refused other-account expired two-nodes",
    "zsphere-4.10.0": "login-user refused viewer renewed doctor",
}
CELLS = [(version, name) for version, names in SLICE.items() for name in names.split()]

WRONG: dict[str, tuple[Any, str]] = {
    "product": ("ZStack 5.2.2", "doctor"),
    "known": ("unknown", "doctor"),
    "resends": (False, "lost-put"),
    "copies": (True, "doubled"),
    "last_vm": ("never", "last-vm"),
    "zone": (False, "list-of-an-account"),
    "days": (1, "show"),
    "users": (False, "login-user"),
    "refusal": ("SYS.1018", "refused"),
    "roles": (True, "viewer"),
}
"""For each row of the expectations, what is wrong of a 5.2.1, and the scenario that must find it."""


@pytest.mark.parametrize(("version", "scenario"), CELLS)
def test_a_scenario_on_a_version(version: str, scenario: str, tmp_path: Path) -> None:
    run_cell(VERSIONS[version], scenario, tmp_path / "site", real=False)


def test_no_scenario_and_no_version_is_left_out() -> None:
    assert SLICE.keys() == VERSIONS.keys()
    assert {name for _, name in CELLS} == SCENARIOS.keys()
    assert min(len(names.split()) for names in SLICE.values()) >= 3


@pytest.mark.parametrize("row", WRONG)
def test_a_wrong_expectation_is_found(row: str, tmp_path: Path) -> None:
    value, scenario = WRONG[row]
    with pytest.raises(AssertionError):
        run_cell(replace(VERSIONS["5.2.1"], **{row: value}), scenario, tmp_path / "site", real=False)


def test_each_row_is_tried() -> None:
    assert {"name", *WRONG} == set(VERSIONS["5.2.1"].__slots__)


# ---- the command -----------------------------------------------------------------------------------------------------
def test_the_command_runs_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--version", "5.2.1", "--scenario", "again"]) == 0
    header, row, total = capsys.readouterr().out.splitlines()
    assert (header.split(), row.split()[:2], total.split(",")[1]) == (["5.2.1"], ["again", "ok"], " 0 failed")


def test_the_command_says_what_failed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(expected: Any, scenario: str, _folder: Path) -> None:
        assert (expected.name, scenario) != ("3.0", "show"), "SOMETHING"

    monkeypatch.setattr(program, "run_cell", run)
    assert program.main(["--scenario", "show", "--scenario", "list"]) == 1
    out = capsys.readouterr().out
    assert "FAILED show on 3.0" in out
    assert "SOMETHING" in out
    assert out.count("FAILED") == 2
    assert "12 cells, 1 failed" in out
