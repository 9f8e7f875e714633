"""A small one of what `python -m tests.load` runs for long."""

from __future__ import annotations

from pathlib import Path

from tests.load.long_run import Plan, run_plan
from tests.support.kinds import VMS


def test_vms_come_back_with_their_volumes(tmp_path: Path) -> None:
    figures = run_plan(Plan(4, seed=1, share=0.0, kind=VMS, crashes=(), kills=()), tmp_path)
    assert not figures.wrong
    assert figures.outcomes == {"recovered": 8, "already": 4}
