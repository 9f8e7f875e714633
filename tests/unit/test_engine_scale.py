"""The engine with many volumes on simulated time, counted: requests, commits, places, and who waits for whom."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.sim.world import World
from zvol.journal.journal import Journal
from zvol.journal.records import Intent
from zvol.model import Result
from zvol.recovery.submitter import GROUP
from zvol.recovery.task import VolumeTask
from zvol.recovery.window_size import LARGEST
from zvol.zstack.client import MAX_BATCH

pytestmark = [pytest.mark.no_cover, pytest.mark.once]

Fault = Callable[[str, int], str | None]


def outcomes(results: Sequence[Result]) -> Counter[str]:
    return Counter(result.outcome.value for result in results)


def puts(world: World) -> list[float]:
    return [when for when, kind in world.server.requests if kind == "put"]


def test_five_thousand_volumes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    intend = Journal.record_intents

    def counted(self: Journal, intents: Sequence[tuple[str, str, Intent]], wall: float) -> None:
        groups.append(len(intents))
        intend(self, intents, wall)

    monkeypatch.setattr(Journal, "record_intents", counted)
    world = World(tmp_path, volumes=5000)
    results = world.recover()
    assert outcomes(results) == {"recovered": 5000}
    assert len({result.uuid for result in results}) == len(results)
    assert len(world.server.requests) <= 1.2 * 5000
    assert "job" not in world.server.seen
    assert sum(groups) == 5000
    assert len(groups) <= 5000 / GROUP + 4, "the window starts low, and at most one is committed ahead"
    assert world.clock.most_flying <= 16
    assert world.server.most_running <= LARGEST
    world.true(results)


def test_a_run_keeps_nothing_of_a_volume_but_its_result(tmp_path: Path) -> None:
    def tasks() -> int:
        gc.collect()
        return sum(isinstance(one, VolumeTask) for one in gc.get_objects())

    others = tasks()
    world = World(tmp_path, volumes=300)
    results = world.new_engine().recover(world.targets())
    for _ in range(299):
        next(results)
    assert tasks() - others <= MAX_BATCH, "the last read is still handled"
    list(results)
    world.close()


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_no_more_requests_at_a_time_than_the_concurrency(concurrency: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=120)
    world.server.put_seconds = 0.3
    results = world.recover(concurrency=concurrency)
    assert outcomes(results) == {"recovered": 120}
    assert world.clock.most_flying == concurrency
    world.true(results)


def test_a_server_whose_jobs_take_long_has_256_open_and_few_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[float] = []
    intend = Journal.record_intents
    world = World(tmp_path, volumes=600)

    def counted(self: Journal, intents: Sequence[tuple[str, str, Intent]], wall: float) -> None:
        commits.append(world.clock.now)
        intend(self, intents, wall)

    monkeypatch.setattr(Journal, "record_intents", counted)
    world.server.run_seconds = 30.0
    results = world.recover()
    assert outcomes(results) == {"recovered": 600}
    assert 192 < world.server.most_running <= LARGEST
    assert len(commits) <= 600 / GROUP + world.took
    assert len(world.server.requests) <= 3 * 600
    world.true(results)


def test_the_most_urgent_is_sent_first(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=200)
    dates = {uuid: (number * 37) % 200 for number, uuid in enumerate(world.uuids)}
    for uuid, date in dates.items():
        world.server.rows[uuid].last_op = date
    world.recover(concurrency=1)
    assert [dates[uuid] for uuid in world.server.submitted] == sorted(dates.values())


def test_what_waited_long_is_read_again_before_it_is_sent(tmp_path: Path) -> None:
    """Somebody recovers a volume and deletes it again on purpose while a large batch is under way."""
    world = World(tmp_path, volumes=3000)
    last = world.uuids[-1]
    world.clock.at(world.clock.now + 3, lambda: world.server.recover_by_hand(last))
    world.clock.at(world.clock.now + 4, lambda: world.server.delete(last))
    world.server.put_seconds = 0.15
    results = world.recover()
    assert world.took > 20
    assert outcomes(results) == {"recovered": 2999, "failed": 1}
    [failed] = [result for result in results if result.outcome == "failed"]
    assert failed.uuid == last
    assert failed.error is not None
    assert failed.error.kind == "changed"
    assert len(world.server.requests) <= 1.2 * 3000
    world.true(results)


def test_a_put_that_cannot_leave_is_not_sent_on_what_was_seen_before(tmp_path: Path) -> None:
    """Its intent is written; during the outage somebody recovers the volume and deletes it again on purpose."""

    def fault(kind: str, number: int) -> str | None:
        if kind == "put" and number == 1:
            return "refused"
        return "page" if kind == "read" and 1000.01 < world.clock.now < 1040 else None

    world = World(tmp_path, fault)
    [uuid] = world.uuids
    world.clock.at(world.clock.now + 20, lambda: world.server.recover_by_hand(uuid))
    world.clock.at(world.clock.now + 21, lambda: world.server.delete(uuid))
    [result] = world.recover()
    assert world.server.submitted == []
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.kind == "changed"


# ---- faults ------------------------------------------------------------------------------------------------------
def test_five_minutes_of_503_cost_few_requests_and_nothing_is_lost(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=500)
    world.server.put_seconds = 0.1
    begin = world.clock.now + 1.0
    world.server.fault = lambda _kind, _n: "page" if begin <= world.clock.now < begin + 300 else None
    results = world.recover()
    assert outcomes(results) == {"recovered": 500}
    sick = [when for when, _kind in world.server.requests if begin <= when < begin + 300]
    assert 10 < len(sick) <= 120
    for second in range(2, 300):
        assert sum(begin + second <= when < begin + second + 1 for when in sick) <= 1
    world.true(results)


def test_when_only_changes_fail_few_are_tried(tmp_path: Path) -> None:
    """Reads work, every PUT meets with a 502 for five minutes: one PUT at a time is tried, less and less often."""
    world = World(tmp_path, volumes=500)
    world.server.put_seconds = 0.1
    begin = world.clock.now + 1.0
    world.server.fault = lambda kind, _n: "page" if kind == "put" and begin <= world.clock.now < begin + 300 else None
    results = world.recover(timeout=7200.0)
    assert outcomes(results) == {"recovered": 500}
    tried = [when for when in puts(world) if begin + 1 <= when < begin + 300]
    assert 5 < len(tried) <= 20
    world.true(results)


def test_faulty_reads_do_not_stretch_the_quiet_time_of_what_was_in_doubt(tmp_path: Path) -> None:
    """The last PUTs were lost, so no clear one follows them; one read in ten fails while their time passes."""
    world = World(tmp_path, volumes=40)
    world.server.fault = lambda kind, n: "page" if (kind == "put" and 25 < n <= 40) or n % 10 == 0 else None
    results = world.recover()
    assert outcomes(results) == {"recovered": 40}
    assert world.took < 2 * 150 + 120
    world.true(results)


def test_when_changes_never_work_it_ends(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=100)
    world.server.fault = lambda kind, _n: "page" if kind == "put" else None
    results = world.recover()
    assert set(outcomes(results)) == {"not-sent", "unknown"}
    assert world.took <= 2 * 1800 + 60
    assert world.server.seen["put"] <= 3600 / 30 + 10
    world.true(results)


def test_the_version_is_not_asked_again_and_again(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "lost" if (kind, number) == ("put", 1) else None)
    world.server.version_text = None
    world.recover(timeout=600.0)
    assert world.server.seen["version"] <= 600 / 30 + 1


# ---- who waits for whom ---------------------------------------------------------------------------------------------
def test_a_read_that_hangs_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=400)
    world.server.fault = lambda kind, number: "slow" if kind == "read" and number == 8 else None
    seen: list[float] = []
    results = world.recover(on_result=lambda _result: seen.append(world.clock.now))
    assert outcomes(results) == {"recovered": 400}
    assert world.server.seen["read"] >= 8
    assert sum(when < 1000 + 7.0 for when in seen) >= 300
    world.true(results)


def test_volumes_in_their_quiet_time_block_nobody(tmp_path: Path) -> None:
    """Three hundred PUTs are lost, more than may be open at a time; all others are back long before these."""
    world = World(tmp_path, volumes=1000)
    world.server.fault = lambda kind, n: "vanish-unheard" if kind == "put" and n <= 900 and n % 3 == 0 else None
    back: list[float] = []
    results = world.recover(on_result=lambda _result: back.append(world.clock.now - 1000.0))
    assert outcomes(results) == {"recovered": 1000}
    assert sum(when < 60 for when in back) >= 700
    assert world.took >= 150
    world.true(results)


def test_a_crash_and_a_restart_as_on_a_running_server(tmp_path: Path) -> None:
    """Of 400, some are back with jobs that answer 202 for ever, some are not; the first are reported at once."""
    world = World(tmp_path, volumes=400)
    world.server.run_seconds = 1.0
    world.clock.at(world.clock.now + 1.5, world.server.crash)
    world.clock.at(world.clock.now + 6.5, world.server.restart)
    back: list[tuple[float, str]] = []
    results = world.recover(on_result=lambda result: back.append((world.clock.now - 1000.0, result.uuid or "")))
    assert outcomes(results) == {"recovered": 400}
    resent = {uuid for uuid, count in Counter(world.server.submitted).items() if count > 1}
    assert 10 < len(resent) < 300
    assert max(when for when, uuid in back if uuid not in resent) < 40
    assert min(when for when, uuid in back if uuid in resent) >= 75
    assert max(when for when, uuid in back if uuid in resent) < 6.5 + 15 + 75 + 20
    assert max(Counter(world.server.submitted).values()) == 2
    world.true(results)


def test_many_volumes_that_do_not_come_back_are_asked_after_less_and_less(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "vanish" if kind == "put" and number <= 100 else None, volumes=200)
    results = world.recover()
    assert outcomes(results) == {"recovered": 200}
    assert world.server.seen["job"] <= 100 * 6
    assert world.server.seen["read"] <= 200
    world.true(results)


def test_what_an_earlier_run_left_open_is_settled_without_asking_each_job(tmp_path: Path) -> None:
    """The intents of a large run stay open for a while: its volumes, if they are back, are reported after one read."""
    world = World(tmp_path, volumes=500)
    world.recover()
    for uuid in world.uuids[:250]:
        world.server.delete(uuid)
    before = len(world.server.requests)
    results = world.recover()
    assert outcomes(results) == {"recovered": 250, "already": 250}
    assert len(world.server.requests) - before <= 250 * 2.5
    assert world.took < 60
    world.true(results)


def test_a_signal_in_a_quiet_time_leaves_it_to_resume(tmp_path: Path) -> None:
    """A volume whose quiet period ends after the signal is not sent again, and the run ends all the same."""
    world = World(tmp_path, lambda kind, number: "lost" if (kind, number) == ("put", 1) else None, volumes=5)
    world.clock.at(world.clock.now + 175, lambda: world.engine.stop())
    results = world.recover()
    assert world.took <= 190
    assert outcomes(results)["recovered"] >= 4
    world.true(results)
    [run] = world.journal().runs()
    world.close()
    assert run.unfinished == 5 - outcomes(results)["recovered"]
