"""Every scenario, and one of them against one version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.matrix import followups, losses, reads, recoveries, sessions
from tests.matrix.expectations import Expected
from tests.matrix.scenario import Scenario
from tests.matrix.site import site

_ALL: Final = (
    Scenario(reads.list_),
    Scenario(reads.list_of_an_account),
    Scenario(reads.show),
    Scenario(recoveries.recover),
    Scenario(recoveries.again),
    Scenario(losses.lost_put),
    Scenario(losses.lost_answer),
    Scenario(losses.lost_insert, ("--lose-insert",)),
    Scenario(losses.two_nodes, ("--two-nodes",)),
    Scenario(losses.doubled),
    Scenario(losses.crash, losses.BUSY),
    Scenario(losses.crash_done, ("--job-time", "1")),
    Scenario(recoveries.refused),
    Scenario(recoveries.viewer),
    Scenario(recoveries.other_account),
    Scenario(sessions.expired),
    Scenario(sessions.renewed, perform=sessions.end_session),
    Scenario(followups.attach),
    Scenario(followups.attach_again),
    Scenario(followups.reattach),
    Scenario(followups.doubt),
    Scenario(reads.last_vm),
    Scenario(followups.tags),
    Scenario(sessions.login),
    Scenario(sessions.login_user),
    Scenario(sessions.logout),
    Scenario(reads.doctor),
    Scenario(recoveries.batch, ("--extra", str(recoveries.MANY))),
)
SCENARIOS: Final = {one.name: one for one in _ALL}


def run_cell(expected: Expected, scenario: str, folder: Path, *, real: bool = True) -> None:
    """Run one scenario against one version in a new folder; raises AssertionError."""
    one = SCENARIOS[scenario]
    with site(folder, expected, *one.options, real=real, perform=one.perform) as made:
        one.run(made)
