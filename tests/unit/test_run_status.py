"""What is shown to a user who waits: why, and how long at most until something happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.sim.kills import kill, resume
from tests.sim.world import World
from zvol.cli.waits import why
from zvol.clock import Clock
from zvol.errors import LocalState
from zvol.model import VM, VOLUME
from zvol.recovery.run_status import RunStatus


class Listener:
    """Records what is shown in each second of a run, and each call to stop."""

    def __init__(self, clock: Clock, *, alone: bool = True) -> None:
        self.clock, self.alone, self.began = clock, alone, clock.monotonic()
        self.shown: dict[int, tuple[str, ...]] = {}
        self.stops: list[float] = []
        self.urgent: set[tuple[str, ...]] = set()

    def tick(self, status: Callable[[], RunStatus], /) -> None:
        elapsed, now = self.clock.monotonic() - self.began, status()
        self.shown[int(elapsed)] = why(now, alone=self.alone, elapsed=elapsed)
        self.urgent.add(tuple(sorted(one.uuid for one in now.urgent)))

    def stopping(self, seconds: float) -> None:
        self.stops.append(seconds)

    def journal_lost(self, error: LocalState, jobs: Sequence[tuple[str, str]], unsent: int) -> None:
        raise AssertionError(error)


def listened(tmp_path: Path, put: str | None, volumes: int = 1, stop_at: float | None = None) -> Listener:
    """Recover with a fault in each first PUT of a volume."""
    world = World(tmp_path, lambda kind, number: put if kind == "put" and number <= volumes else None, volumes)
    world.observer = listener = Listener(world.clock, alone=volumes == 1)
    if stop_at is not None:
        world.clock.at(world.clock.now + stop_at, lambda: world.engine.stop())
    world.true([result for result in world.recover() if result.outcome != "unknown"])
    return listener


@pytest.mark.parametrize("volumes", [1, 40])
def test_where_all_is_well_nothing_is_explained(volumes: int, tmp_path: Path) -> None:
    assert not any(listened(tmp_path, None, volumes).shown.values())


def test_a_request_that_was_accepted_and_not_done(tmp_path: Path) -> None:
    shown = listened(tmp_path, "vanish").shown
    assert shown[2] == ()
    assert shown[10] == ("accepted by the server, not done since 0:00",)
    assert re.fullmatch(r"retry in 4[456]s: accepted by the server, not done since 0:00", shown[30][0])
    many = listened(tmp_path, "vanish", volumes=5).shown
    assert many[12] == (), "that is as usual"
    [note] = many[30]
    assert re.fullmatch(r"retry in 4[0-9]s: 5 accepted by the server, not done since 0:00", note)


def test_a_request_whose_answer_was_lost(tmp_path: Path) -> None:
    shown = listened(tmp_path, "lost").shown
    assert shown[2] == ()
    assert shown[10] == ("sent, no answer yet",)
    late = list(dict.fromkeys(notes[0] for notes in shown.values() if notes and "since" in notes[0]))
    assert late[0] == "no answer since 0:30"
    assert re.fullmatch(r"retry in 2m [0-9]+s: no answer since 0:30", late[1]), late


def test_a_signal_is_answered_at_once_where_something_is_open(tmp_path: Path) -> None:
    listener = listened(tmp_path, "vanish", stop_at=5.0)
    assert listener.stops == [10.0]
    assert listener.shown[7] in [
        (f"timeout in {left}s: accepted by the server, not done since 0:00",) for left in (7, 8)
    ]


@pytest.mark.no_cover
@pytest.mark.parametrize("timeout", [60.0, 1800.0])
def test_how_long_resume_waits_where_that_is_longer_than_its_timeout(timeout: float, tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "lost" if (kind, number) == ("put", 1) else None)
    world.server.version_text = "3.0"
    kill(world, 5.0)
    world.observer = listener = Listener(world.clock)
    [result] = resume(world, timeout=timeout)
    assert result.outcome == "recovered"
    notes = [listener.shown[second][0] for second in (90, 1700)]
    assert [note.partition(": ")[0] for note in notes] == ["retry in 30m 1s", "retry in 3m 11s"]


def test_the_first_of_each_kind_is_told_for_each_kind_has_a_clock_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=6, kinds=(VOLUME, VM))
    world.server.run_seconds = 5.0
    for number, uuid in enumerate(world.uuids):
        world.server.rows[uuid].last_op = 60 - 10 * number
    world.observer = listener = Listener(world.clock)
    world.recover(concurrency=1)
    assert tuple(world.uuids[4:]) in listener.urgent
    kinds = [[world.server.rows[uuid].kind for uuid in one] for one in listener.urgent]
    assert all(len(one) == len({*one}) for one in kinds)
    assert [VM] in kinds, "the volumes come back first"
