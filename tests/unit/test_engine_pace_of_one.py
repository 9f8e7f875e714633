"""How soon a small run finds out that its job has ended, and what that costs, on simulated time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.world import World
from zvol.journal.journal import Journal
from zvol.model import Target
from zvol.recovery.poll_times import FIRST_POLL, FIRST_QUICK_POLL, LONGEST_POLL
from zvol.recovery.read_pace import UNKNOWN
from zvol.recovery.task import VolumeTask

JITTER = 1.25
REQUESTS = 0.03
"""Seconds that the requests take before the job begins and after it has ended."""


def recovered(tmp_path: Path, seconds: float, volumes: int = 1) -> World:
    world = World(tmp_path, volumes=volumes)
    world.server.run_seconds = seconds
    assert {result.outcome.value for result in world.recover()} == {"recovered"}
    return world


@pytest.mark.parametrize("volumes", [1, 4])
@pytest.mark.parametrize(
    ("seconds", "requests"), [(0.0, 4), (0.02, 5), (0.04, 6), (0.15, 12), (0.4, 22), (3.0, 60), (60.0, 130)]
)
def test_a_job_is_found_done_soon_and_at_a_bounded_cost(
    seconds: float, requests: int, volumes: int, tmp_path: Path
) -> None:
    """A client that looks 20 times a second needs 63 for a job of 3 s, and 1,203 for one of 60 s."""
    world = recovered(tmp_path, seconds, volumes)
    late = min(LONGEST_POLL, max(0.02, seconds / 14)) * JITTER
    assert seconds <= world.took <= seconds + late + REQUESTS
    assert len(world.server.requests) <= requests * volumes


@pytest.mark.parametrize(
    ("since", "wait"), [(0.01, 0.032), (0.022, 0.02), (0.3, 0.02), (0.48, 0.03), (3.2, 0.2), (32.0, 2.0), (99.0, 2.0)]
)
def test_a_job_is_polled_when_a_quiet_server_has_done_it_and_then_less_and_less_often(
    since: float, wait: float
) -> None:
    task = VolumeTask(Target("a", "a" * 32), in_flight_at=100.0)
    assert task.quick_poll(100.0 + since) == pytest.approx(wait)


def test_the_first_poll_is_for_a_server_that_does_the_job_at_once(tmp_path: Path) -> None:
    world = recovered(tmp_path, 0.0)
    [put, first] = [when for when, _ in world.server.requests[1:3]]
    assert [kind for _, kind in world.server.requests] == ["read", "put", "job", "read"]
    assert first - put <= FIRST_QUICK_POLL + REQUESTS


def test_one_recovery_makes_three_commits(tmp_path: Path) -> None:
    """Its run with its claim, its intent, its outcome."""
    world, statements = World(tmp_path), list[str]()
    opened = world.journal

    def traced() -> Journal:
        journal = opened()
        journal._db.set_trace_callback(statements.append)
        return journal

    world.journal = traced  # type: ignore[method-assign]
    [result] = world.recover()
    assert (result.outcome, statements.count("COMMIT")) == ("recovered", 3)


def test_a_volume_is_read_less_often_than_its_job_is_polled(tmp_path: Path) -> None:
    """Only the job is worth a look so often; the volume is read for the case that the job does not tell the truth."""
    world = recovered(tmp_path, 3.0)
    kinds = [kind for _, kind in world.server.requests]
    assert kinds.count("read") <= 9
    assert kinds.count("job") >= 25


def test_a_large_run_waits_longer_before_its_first_look(tmp_path: Path) -> None:
    world = recovered(tmp_path, 0.0, volumes=5)
    assert world.took >= UNKNOWN[0] > FIRST_QUICK_POLL


def test_after_an_unclear_answer_the_server_is_left_alone_for_longer(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "page" if (kind, number) == ("put", 1) else None)
    world.recover()
    [put, first] = [when for when, _ in world.server.requests[1:3]]
    assert first - put >= FIRST_POLL


def test_a_job_that_is_said_to_run_for_ever_hides_a_volume_for_little(tmp_path: Path) -> None:
    """What a job shows may be the answer of a node that missed its end: the volume counts."""
    world = World(tmp_path, lambda kind, _number: "running" if kind == "job" else None)
    world.server.run_seconds = 1.0
    [result] = world.recover()
    assert result.outcome.is_back
    assert world.took <= 2.0
    assert [kind for _, kind in world.server.requests][-7:] == ["read", *("job", "read") * 3]


def test_a_volume_that_is_back_before_its_job_has_ended_waits_little(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "running" if kind == "job" and number < 6 else None)
    world.server.run_seconds = 0.09
    assert [result.outcome.value for result in world.recover()] == ["recovered"]
    kinds = [kind for _, kind in world.server.requests]
    back = kinds.index("read", 1)
    assert world.server.requests[back + 1][0] - world.server.requests[back][0] <= 0.02
