"""How a run ends: when the server refuses everything, when time is up, and when a signal comes while a PUT is out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.world import World
from zvol.recovery.timeouts import STOP_SECONDS


def test_a_batch_that_is_refused_throughout_is_over_soon_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=400)
    world.server.refuse = dict.fromkeys(world.uuids, "ID.1003")
    results = world.recover()
    assert {result.outcome.value for result in results} == {"failed"}
    assert world.server.seen["put"] == 400
    assert world.server.seen["job"] == 400
    assert world.took < 20
    world.true(results)


def test_a_volume_that_was_seen_back_when_its_time_is_up_is_recovered(tmp_path: Path) -> None:
    """Only the answer of its job was missing: who recovered it is not known."""
    world = World(tmp_path, lambda kind, number: None if kind != "job" else "running" if number == 1 else "slow")
    world.server.run_seconds = 0.01
    [result] = world.recover(timeout=2.0)
    assert (result.outcome, result.by) == ("recovered", "unknown")
    assert world.took < 4
    world.true([result])


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize(("fault", "outcome"), [("answer-lost", "recovered"), ("lost", "unknown")])
def test_a_signal_while_the_put_is_out_is_obeyed_in_time(
    fault: str, outcome: str, concurrency: int, tmp_path: Path
) -> None:
    """The PUT itself would wait for its answer for half a minute; the volume is looked at all the same."""
    world = World(tmp_path, lambda kind, _number: fault if kind == "put" else None)
    world.clock.at(world.clock.now + 1.0, lambda: world.engine.stop())
    [result] = world.recover(concurrency=concurrency)
    assert result.outcome == outcome
    assert world.took <= 1.0 + STOP_SECONDS + 0.1
    assert result.job_uuid is not None
    journal = world.journal()
    [run] = journal.runs()
    assert run.unfinished == (outcome == "unknown")
    world.close()


def test_the_answer_to_a_put_that_was_given_up_comes_late(tmp_path: Path) -> None:
    """One volume was given up, the run goes on for another, and the answer arrives meanwhile."""
    world = World(tmp_path, volumes=2)
    late = world.uuids[0]
    world.server.fault = lambda kind, number: (
        "answer-lost" if (kind, number) == ("put", 1) else "page" if kind == "put" else None
    )
    results = world.recover(timeout=12.0)
    assert {result.uuid for result in results} == set(world.uuids)
    assert world.server.rows[late].status == "Ready"
    world.true([result for result in results if result.outcome != "unknown"])
