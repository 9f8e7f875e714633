"""A volume stands in one place at a time, and in the queue of that place only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.sim.world import World
from zvol.recovery.task import Place, VolumeTask
from zvol.recovery.task_queues import IN_ORDER, TaskQueues

NO_QUEUE = {Place.IN_FLIGHT, Place.TIME_UP, Place.CONCLUDED}


def queues_of(queues: TaskQueues, task: VolumeTask) -> set[Place]:
    found = {place for place in IN_ORDER if task in queues._queues[place]}
    return found | ({Place.POLLED} if task in queues._schedule else set())


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Counter[Place]:
    """Check each move of a volume, and count the places that volumes come to."""
    move, poll, seen = TaskQueues._move, TaskQueues._poll, Counter[Place]()

    def checked(queues: TaskQueues, task: VolumeTask, place: Place, *, first: bool = False) -> VolumeTask:
        assert task.place is not Place.CONCLUDED, "nothing moves after the conclusion"
        before = task.place
        move(queues, task, place, first=first)
        seen[task.place] += task.place is not before or place is Place.UNREAD
        assert queues_of(queues, task) <= {task.place}
        return task

    def polled(queues: TaskQueues, task: VolumeTask, at: float) -> None:
        poll(queues, task, at)
        assert queues_of(queues, task) == {task.place} - NO_QUEUE

    monkeypatch.setattr(TaskQueues, "_move", checked)
    monkeypatch.setattr(TaskQueues, "_poll", polled)
    return seen


@pytest.mark.parametrize("volumes", [1, 60])
@pytest.mark.parametrize("fault", [None, "lost", "page", "vanish", "refused", "answer-lost"])
def test_a_volume_is_in_the_queue_of_its_place(
    fault: str | None, volumes: int, places: Counter[Place], tmp_path: Path
) -> None:
    world = World(tmp_path, lambda kind, number: fault if number % 7 == 1 and kind != "version" else None, volumes)
    world.server.refuse = dict.fromkeys(world.uuids[1:5], "ID.1003")
    world.clock.at(world.clock.now + 40.0, world.server.crash)
    world.clock.at(world.clock.now + 55.0, world.server.restart)
    results = world.recover(timeout=400.0)
    assert len(results) == volumes
    assert places[Place.CONCLUDED] == volumes
    assert {Place.UNREAD, Place.FIRST_READ, Place.FOUND, Place.QUEUED, Place.TO_WRITE, Place.TO_SEND} <= {*places}


def test_time_that_is_up_ends_all_other_places(places: Counter[Place], tmp_path: Path) -> None:
    world = World(tmp_path, volumes=20)
    world.server.run_seconds = 10_000.0
    results = world.recover(timeout=20.0)
    assert {result.outcome.value for result in results} == {"unknown"}
    assert places[Place.TIME_UP] == places[Place.CONCLUDED] == 20
