"""How long `zvol resume` waits for what an interrupted run has sent, where that is longer than its --timeout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.kills import kill, lost, puts, resume
from tests.sim.world import World
from zvol.journal.request import DEFAULT_API_TIMEOUT
from zvol.recovery.quiet_period import MARGIN
from zvol.recovery.task_lifecycle import SETTLED

pytestmark = pytest.mark.no_cover

SETTLE, API = 75.0, 60.0
POLLS = 45.0
"""More than it takes to see that a period is over: reads of a volume become rare."""


def dropped(kind: str, number: int) -> str | None:
    """A 202, and nothing more."""
    return "vanish" if (kind, number) == ("put", 1) else None


@pytest.mark.parametrize("fault", [lost, dropped])
@pytest.mark.parametrize("timeout", [60.0, 1800.0])
def test_resume_waits_longer_than_its_timeout_where_the_period_is_longer(
    timeout: float, fault: object, tmp_path: Path
) -> None:
    world = World(tmp_path, fault)  # type: ignore[arg-type]
    world.server.version_text, world.server.grants = "3.0", lambda _asked: None
    [unknown] = world.recover(timeout=1800.0)
    assert (unknown.outcome, len(puts(world)), world.took < 1806) == ("unknown", 1, True), "recover keeps to it"
    began = world.clock.now
    [result] = resume(world, timeout=timeout)
    assert result.outcome == "recovered"
    assert SETTLE + DEFAULT_API_TIMEOUT + MARGIN <= puts(world)[1] - began < world.clock.now - began < 2000
    world.true([result])


@pytest.mark.parametrize(("grants", "sent"), [(None, 2), (API, 3), (7200.0, 2)])
def test_what_is_sent_after_that_has_some_minutes(grants: float | None, sent: int, tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    world.server.version_text = "3.0"
    kill(world, 5.0)
    began, world.server.run_seconds = world.clock.now, 1e6
    world.server.grants = lambda _asked: grants
    [result] = resume(world, timeout=60.0)
    assert result.outcome == "unknown"
    ends = SETTLE + DEFAULT_API_TIMEOUT + MARGIN + SETTLED
    assert len(puts(world)) == sent
    assert ends - 60 <= world.clock.now - began < ends + POLLS or sent == 3


def test_a_release_that_ends_the_wait_ends_the_longer_deadline(tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    kill(world, 5.0)
    began, world.server.run_seconds = world.clock.now, 1e6
    world.server.grants = lambda _asked: 7200.0
    [result] = resume(world, timeout=60.0)
    assert result.outcome == "unknown"
    ends = SETTLE + API + MARGIN + SETTLED
    assert ends <= world.clock.now - began < ends + POLLS


@pytest.mark.parametrize(("away_after", "ends"), [(0.0, 100.0), (500.0, 560.0)])
def test_a_server_that_is_away_is_not_waited_for_beyond_the_timeout(
    away_after: float, ends: float, tmp_path: Path
) -> None:
    world = World(tmp_path, lost)
    world.server.version_text = "3.0"
    kill(world, 5.0)
    began = world.clock.now
    world.clock.at(began + away_after, world.server.crash)
    [result] = resume(world, timeout=100.0)
    assert result.outcome == "unknown"
    assert ends <= world.clock.now - began < ends + 45


def test_a_signal_ends_the_longer_wait(tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    world.server.version_text = "3.0"
    kill(world, 5.0)
    began, journal = world.clock.now, world.journal()
    engine = world.new_engine(timeout=60.0)
    world.clock.at(began + 300.0, engine.stop)
    adopted = journal.adopt([run.id for run in journal.runs()], world.identity)
    [result] = engine.resume(journal, adopted.volumes)
    world.close()
    assert result.outcome == "unknown"
    assert 305 <= world.clock.now - began < 316
