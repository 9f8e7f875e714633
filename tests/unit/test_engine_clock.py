"""The machine sleeps, its clock jumps, it is started anew: waits are counted by answers, not by the calendar."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sim.clock import EPOCH, SimClock, pool_on
from tests.sim.journal import open_journal
from tests.sim.kills import QUIET_OF
from tests.sim.server import SimServer
from tests.support.engine_options import engine_options
from zvol.clock import SystemClock
from zvol.journal.journal import Journal
from zvol.journal.records import Identity
from zvol.model import VM, VOLUME, Result, Target
from zvol.recovery.engine import Engine

pytestmark = pytest.mark.no_cover

A = "a" * 32
HOUR = 3600.0
ME = Identity("http://simulated:8080/zstack", "account test")
Fault = Callable[[str, int], str | None]


class Clock(SimClock):
    """A clock whose time of day can be set."""

    offset = 0.0

    def wall(self) -> float:
        return EPOCH + self.now + self.offset


class Machine:
    """A machine with its clock and journal; the server has a time of its own, which is the simulation's."""

    def __init__(self, tmp_path: Path, fault: Fault, volumes: int = 1, kind: str = VOLUME) -> None:
        self.clock = Clock()
        self.server = SimServer(self.clock, fault)
        self.uuids = [A] if volumes == 1 else [f"{number:032x}" for number in range(1, volumes + 1)]
        self.kind = kind
        self.server.add(self.uuids, kind)
        self.path = tmp_path / "journal.db"
        self.open: list[Journal] = []

    def engine(self, **options: object) -> Engine:
        pool = pool_on(self.clock)
        return Engine(self.server, engine_options(**options), self.journal, self.clock, identity=ME, pool=pool)  # type: ignore[arg-type]

    def journal(self) -> Journal:
        self.open.append(open_journal(self.path))
        return self.open[-1]

    def targets(self) -> list[Target]:
        return [Target(uuid, uuid, kind=self.kind) for uuid in self.uuids]

    def recover(self, **options: object) -> list[Result]:
        results = list(self.engine(**options).recover(self.targets()))
        self.power_off()
        return results

    def power_off(self) -> None:
        for journal in self.open:
            journal.close()
        self.open.clear()

    def times(self, kind: str) -> list[float]:
        return [time for time, what in self.server.requests if what == kind]

    def sleep_at(self, time: float, seconds: float) -> None:
        """Stop everything here for a while; the server goes on."""

        def sleep() -> None:
            self.clock.now += seconds

        self.clock.at(self.clock.now + time, sleep)


def lost(kind: str, number: int) -> str | None:
    return "lost" if (kind, number) == ("put", 1) else None


@pytest.mark.parametrize(("jump", "kind"), [(-5 * HOUR, VM), (5 * HOUR, VM), (-400 * 24 * HOUR, VOLUME)])
def test_a_jump_of_the_wall_clock_changes_no_wait(jump: float, kind: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, lost, kind=kind)

    def set_clock() -> None:
        machine.clock.offset = jump

    machine.clock.at(machine.clock.now + 60, set_clock)
    [result] = machine.recover()
    assert result.outcome == "recovered"
    first, second = machine.times("put")
    assert QUIET_OF[kind] <= second - first - 30 < QUIET_OF[kind] + 10, "the PUT itself took 30 s to be lost"
    journal = machine.journal()
    [run] = journal.runs()
    assert (run.unfinished, run.counts) == (0, {"recorded": 1})
    machine.power_off()


@pytest.mark.parametrize(("asleep", "kind"), [(61.0, VOLUME), (HOUR, VM), (30 * HOUR, VOLUME)])
def test_after_a_sleep_in_the_quiet_time_it_waits_anew_and_reads_before_it_sends(
    asleep: float, kind: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, lost, kind=kind)
    machine.sleep_at(100, asleep)
    woke = machine.clock.now + 100 + asleep
    [result] = machine.recover(timeout=48 * HOUR)
    assert result.outcome == "recovered"
    _, second = machine.times("put")
    assert second - woke >= QUIET_OF[kind]
    assert len([time for time in machine.times("read") if woke < time < second]) > 10
    assert machine.server.worst == 1


def test_a_sleep_past_the_timeout_is_unknown_and_sends_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, lost)
    machine.sleep_at(100, HOUR)
    [result] = machine.recover()
    assert result.outcome == "unknown"
    assert len(machine.times("put")) == 1


@pytest.mark.parametrize("when", [0.01, 0.02, 0.05, 0.1, 0.2])
def test_what_slept_between_its_look_and_its_put_is_looked_at_again(when: float, tmp_path: Path) -> None:
    """Meanwhile somebody brings everything back and deletes it on purpose: nothing of that is undone."""
    machine = Machine(tmp_path, lambda _kind, _number: None, volumes=40)
    began: set[str] = set()

    def sleep() -> None:
        began.update(
            uuid for uuid, row in machine.server.rows.items() if row.executed or machine.server.alive.get(uuid)
        )
        for uuid in set(machine.uuids) - began:
            machine.server.recover_by_hand(uuid)
            machine.server.delete(uuid)
        machine.clock.now += 8 * HOUR

    machine.clock.at(machine.clock.now + when, sleep)
    results = machine.recover(concurrency=1)
    sent_late = [uuid for uuid in machine.uuids if uuid not in began and machine.server.rows[uuid].status == "Ready"]
    assert len(sent_late) <= 1, "only what was on the wire when the machine fell asleep"
    for result in results:
        assert result.outcome in ("recovered", "failed", "unknown", "not-sent"), result
    assert machine.server.worst == 1


@pytest.mark.parametrize(("wall", "kind"), [(0.0, VM), (-20 * 24 * HOUR, VOLUME), (20 * 24 * HOUR, VM)])
def test_a_resume_after_a_reboot_counts_from_the_resume(wall: float, kind: str, tmp_path: Path) -> None:
    """The monotonic clock begins anew, and the time of day may be any."""
    machine = Machine(tmp_path, lost, kind=kind)
    running = machine.engine().recover(machine.targets())
    machine.clock.at(machine.clock.now + 50, lambda: (_ for _ in ()).throw(PowerCut))
    with pytest.raises(PowerCut):
        list(running)
    for journal in machine.open:
        journal._db.close()
        journal.locks.release_all()
    machine.open.clear()
    machine.clock.now, machine.clock.offset = 3.0, wall
    machine.clock.events.clear()
    machine.server.requests.clear()
    journal = machine.journal()
    [run] = journal.runs()
    adopted = journal.adopt([run.id], ME)
    assert adopted.living == ()
    [result] = machine.engine().resume(journal, adopted.volumes)
    assert result.outcome == "recovered"
    [second] = machine.times("put")
    assert second - 3.0 >= QUIET_OF[kind]
    machine.power_off()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")
def test_the_clock_of_this_machine_goes_on_while_it_sleeps() -> None:
    assert abs(SystemClock().monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1


class PowerCut(Exception):
    """The process ends here."""
