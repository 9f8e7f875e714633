"""Anything at any time: the state machine of `tests/sim/machine.py`; more of it with `python -m tests.sim`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sim.machine import Machine
from tests.sim.mutants import MUTANTS

pytestmark = [pytest.mark.no_cover, pytest.mark.once]

SETTINGS = settings(deadline=None, suppress_health_check=[*HealthCheck], stateful_step_count=50)


def test_whatever_happens() -> None:
    run_state_machine_as_test(Machine, settings=settings(SETTINGS, max_examples=100))


def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong version; `python -m tests.sim --mutants` tries them all."""
    MUTANTS["a quiet period of one second"](monkeypatch)
    until_found = settings(SETTINGS, max_examples=1000, phases=[Phase.generate], derandomize=True, database=None)
    first = settings(until_found, report_multiple_bugs=False)
    with pytest.raises(AssertionError, match=r"of ours (was|were) alive"):
        run_state_machine_as_test(Machine, settings=first)
