"""When time is up: what `--timeout` means for each volume, the read before the conclusion, and its message."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sim.world import World
from zvol.errors import Exit, ZvolError
from zvol.journal.records import Claim, Intent
from zvol.journal.request import Request
from zvol.model import Result

pytestmark = pytest.mark.no_cover

HOUR = 3600.0


def outcomes(results: Sequence[Result]) -> Counter[str]:
    return Counter(result.outcome.value for result in results)


def why(result: Result) -> ZvolError:
    assert result.error is not None
    assert result.error.message == result.error.error_code()["details"]
    return result.error


def resume(world: World) -> list[Result]:
    """Do what `zvol resume` does."""
    journal = world.journal()
    adopted = journal.adopt([run.id for run in journal.runs() if run.unfinished], world.identity)
    results = list(world.new_engine().resume(journal, adopted.volumes))
    world.close()
    return results


def counts(world: World) -> list[dict[str, int]]:
    found = [dict(run.counts) for run in world.journal().runs()]
    world.close()
    return found


# ---- a server that says nothing ------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [1, 2, 20, 300])
@pytest.mark.parametrize("timeout", [5.0, 20.0])
def test_a_silent_server_is_left_when_time_is_up_and_after_one_read_more(
    timeout: float, volumes: int, tmp_path: Path
) -> None:
    world = World(tmp_path, volumes=volumes)
    world.server.silent = True
    results = world.recover(timeout=timeout)
    assert outcomes(results) == {"not-sent": volumes}
    assert timeout <= world.took <= timeout + 5.1
    assert {result.exit for result in results} == {Exit.UNREACHABLE}
    text = why(results[0]).message
    assert f"time is up after {timeout:.0f}s, and nothing was sent" in text
    assert re.search(r"last seen of the volume: no answer \(\d\d:\d\d:\d\dZ\)$", text)
    assert len(world.server.requests) <= 12


def test_without_timeout_a_silent_server_is_left_after_a_minute(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=20)
    world.server.silent = True
    results = world.recover()
    assert outcomes(results) == {"not-sent": 20}
    assert 60 <= world.took <= 65.1


def test_a_put_waits_no_longer_for_its_answer_than_there_is_time(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, _number: "lost" if kind == "put" else None)
    [result] = world.recover(timeout=7.0)
    assert result.outcome == "unknown"
    assert 7 <= world.took <= 12.1


def test_a_put_that_was_answered_late_is_watched_until_its_own_time_is_up(tmp_path: Path) -> None:
    """The first is accepted and not done; the others are sent when it is clear that changes work again."""
    world = World(tmp_path, volumes=3)
    world.server.run_seconds = 10_000.0
    results = world.recover(timeout=60.0)
    assert outcomes(results) == {"unknown": 3}
    assert 60 <= world.took <= 66


def test_the_time_of_what_was_never_sent_begins_again_with_each_clear_answer(tmp_path: Path) -> None:
    """One PUT at a time, each takes a while: nobody is given up as long as changes are answered."""
    world = World(tmp_path, volumes=12)
    world.server.put_seconds = 4.0
    results = world.recover(timeout=10.0, concurrency=1)
    assert outcomes(results) == {"recovered": 12}
    assert world.took > 40


# ---- nothing is attributed to the server ----------------------------------------------------------------------------
def test_what_waits_behind_a_put_that_hangs_says_that_time_was_up_and_stays_planned(tmp_path: Path) -> None:
    """The intents of a killed run are settled soon, and then one PUT keeps the only place."""
    world = World(tmp_path, volumes=10)
    dead = world.new_engine()
    journal = world.journal()
    run = journal.begin(dead.identity, Request(), world.clock.wall())
    journal.claim(run, [Claim(uuid, uuid, None) for uuid in world.uuids])
    jobs = {uuid: f"{number:032x}" for number, uuid in enumerate(world.uuids, 500)}
    journal.record_intents([(run, uuid, Intent(job, None)) for uuid, job in jobs.items()], world.clock.wall())
    world.close()
    world.server.jobs = dict.fromkeys(jobs.values(), "ID.1001")
    world.server.fault = lambda kind, number: "lost" if (kind, number) == ("put", 1) else None
    results = world.recover(timeout=20.0, concurrency=1)
    assert outcomes(results) == {"not-sent": 9, "unknown": 1}
    assert 20 <= world.took <= 20 + 5.1 + 1
    for result in results:
        if result.outcome == "not-sent":
            assert why(result).kind == "time-up"
            assert "refused" not in why(result).message
            assert result.exit is Exit.UNREACHABLE
            assert result.unfinished
            assert "zvol resume" in why(result).hint
    assert counts(world)[0] == {"planned": 9, "open": 1}
    world.server.fault = lambda _kind, _number: None
    assert outcomes(resume(world)) == {"recovered": 10}


@pytest.mark.parametrize("fault", ["page", "refused", "lost"])
def test_where_changes_never_work_nothing_is_called_refused(fault: str, tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, _number: fault if kind == "put" else None, volumes=30)
    results = world.recover(timeout=90.0)
    assert set(outcomes(results)) <= {"not-sent", "unknown"}
    for result in results:
        assert "refused" not in why(result).message or fault == "refused"
        assert "last seen of the" in why(result).message
    unsent = outcomes(results)["not-sent"]
    assert counts(world)[0] == {state: count for state, count in (("planned", unsent), ("open", 30 - unsent)) if count}
    world.server.fault = lambda _kind, _number: None
    assert outcomes(resume(world)) == {"recovered": 30}


# ---- what was seen last ----------------------------------------------------------------------------------------------
def test_unknown_says_what_came_instead_of_an_answer(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, _number: "page" if kind == "put" else None)
    [result] = world.recover(timeout=60.0)
    assert result.outcome == "unknown"
    text = why(result).message
    assert re.search(r"last seen of the request: HTTP 502 from a proxy \(\d\d:\d\d:\d\dZ\)", text)
    last_read = [when for when, kind in world.server.requests if kind == "read"][-1]
    times = [world.clock.wall() - world.clock.now + last_read + late for late in (0.0, 1.0)]
    seen = [f"of the volume: deleted ({datetime.fromtimestamp(at, UTC):%H:%M:%S}Z)" for at in times]
    assert text.endswith(tuple(seen))


def test_what_was_accepted_and_never_done_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.server.run_seconds = 10_000.0
    [result] = world.recover(timeout=60.0)
    assert "last seen of the request: accepted (" in why(result).message
    assert ", of its job: not done yet (" in why(result).message


# ---- one more read ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [1, 20])
@pytest.mark.parametrize("fault", [None, "lost", "answer-lost", "page"])
def test_after_a_long_sleep_there_is_one_read_before_the_word(fault: str | None, volumes: int, tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: fault if (kind, number) == ("put", 1) else None, volumes)
    world.server.run_seconds = 10_000.0

    def sleep() -> None:
        for uuid in world.uuids:
            if world.server.rows[uuid].status == "Deleted":
                world.server.recover_by_hand(uuid)
        world.clock.now += HOUR

    world.clock.at(world.clock.now + 3.0, sleep)
    results = world.recover(timeout=600.0)
    assert outcomes(results) == {"recovered": volumes}
    assert world.took < HOUR + 10


def test_a_sleep_before_the_first_read_is_no_reason_to_give_up_unread(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "lost" if (kind, number) == ("read", 1) else None)
    world.server.rows[world.uuids[0]].status = "Ready"

    def sleep() -> None:
        world.clock.now += HOUR

    world.clock.at(world.clock.now + 3.0, sleep)
    [result] = world.recover(timeout=600.0)
    assert result.outcome == "already"


@pytest.mark.parametrize("bad", ["longest", "unreadable"])
def test_the_last_read_is_halved_too(bad: str, tmp_path: Path) -> None:
    """All is back while the machine sleeps, and what is in the way of the others is seen only then."""
    world = World(tmp_path, volumes=20)
    world.server.run_seconds = 10_000.0

    def sleep() -> None:
        for uuid in world.uuids:
            world.server.recover_by_hand(uuid)
        if bad == "longest":
            world.server.longest = 7
        else:
            world.server.unreadable.add(world.uuids[3])
        world.clock.now += HOUR

    world.clock.at(world.clock.now + 3.0, sleep)
    results = world.recover(timeout=600.0)
    unknown = bad == "unreadable"
    assert outcomes(results) == Counter(recovered=20 - unknown, **({"unknown": 1} if unknown else {}))
    assert world.took < HOUR + 10


def test_an_outage_when_time_is_up_costs_few_reads(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=500)
    world.server.put_seconds = 0.5
    world.server.run_seconds = 10_000.0
    world.clock.at(world.clock.now + 30, world.server.crash)
    results = world.recover(timeout=120.0)
    assert outcomes(results)["unknown"] >= 256
    sick = [when for when, kind in world.server.requests if when > 1032]
    assert len(sick) <= 60


# ---- a signal ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [1, 30])
def test_after_a_signal_what_comes_back_within_ten_seconds_is_recovered(volumes: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=volumes)
    world.server.run_seconds = 12.0
    world.clock.at(world.clock.now + 3.0, lambda: world.engine.stop())
    results = world.recover()
    assert outcomes(results) == {"recovered": volumes}


def test_after_a_signal_a_closed_gate_is_tried_once_more(tmp_path: Path) -> None:
    """The server is away for five minutes, so the next try would be long after the end; it comes back just in time."""
    world = World(tmp_path, volumes=20)
    world.server.run_seconds = 1.0
    world.clock.at(world.clock.now + 0.5, lambda: setattr(world.server, "silent", True))
    world.clock.at(world.clock.now + 200.0, lambda: world.engine.stop())
    world.clock.at(world.clock.now + 204.0, lambda: setattr(world.server, "silent", False))
    results = world.recover()
    assert outcomes(results) == {"recovered": 20}
    assert world.took <= 210


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=20)
    world.server.run_seconds = 10_000.0
    for after in (3.0, 4.0):
        world.clock.at(world.clock.now + after, lambda: world.engine.stop())
    results = world.recover()
    assert outcomes(results) == {"unknown": 20}
    assert world.took < 4.1


def test_asleep_after_a_signal_it_looks_once_more(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=5)
    world.server.run_seconds = 10_000.0

    def sleep() -> None:
        for uuid in world.uuids:
            world.server.recover_by_hand(uuid)
        world.clock.now += HOUR

    world.clock.at(world.clock.now + 3.0, lambda: world.engine.stop())
    world.clock.at(world.clock.now + 4.0, sleep)
    assert outcomes(world.recover()) == {"recovered": 5}
