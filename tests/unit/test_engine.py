"""The engine on simulated time: what it reports, what it sends and when, with and without faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.world import A, Fault, World
from zvol.errors import Exit, most_severe
from zvol.model import VM, VOLUME
from zvol.zstack.resource_kinds import KINDS

SETTLE, MARGIN = 75, 15
ACTS = {VOLUME: 60, VM: 2 * 300}
"""For how many seconds the server may act on a PUT that it has accepted."""


@pytest.fixture(params=[VOLUME, VM])
def kind(request: pytest.FixtureRequest) -> str:
    """Everything here is so for each kind of resource."""
    found: str = request.param
    return found


def once(kind: str, number: int, fault: str) -> Fault:
    return lambda k, n: fault if (k, n) == (kind, number) else None


def test_one_volume_comes_back_and_it_was_zvol(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    [result] = world.recover()
    assert (result.outcome, result.by, result.changed, result.warnings) == ("recovered", "zvol", True, ())
    assert result.resource is not None
    assert (result.target, result.resource.deleted) == (kind, False)
    assert world.took < 0.5
    assert world.server.seen["put"] == 1
    world.true([result])


def test_again_is_already_and_opens_no_journal(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    world.server.rows[A].status = "Ready"
    [result] = world.recover()
    assert (result.outcome, result.changed, result.exit) == ("already", False, Exit.OK)
    assert world.used_journal is False
    assert world.server.seen == {"read": 1}


def test_a_volume_that_is_not_there_is_gone(tmp_path: Path, kind: str) -> None:
    [result] = World(tmp_path, kinds=(kind,)).recover("b" * 32)
    assert (result.outcome, result.exit) == ("gone", Exit.FAILED)


@pytest.mark.parametrize(
    ("fault", "takes"),
    [
        (once("put", 1, "answer-lost"), (30, 40)),
        (once("put", 1, "done-behind-502"), (0, 3)),
        (once("put", 1, "doubled"), (0, 1)),
        (once("job", 1, "page"), (0, 3)),
        (once("job", 1, "no-record"), (0, 2)),
        (once("read", 2, "lost"), (8, 12)),
        (once("read", 2, "page"), (0, 3)),
        (once("put", 1, "late"), (35, 50)),
        (once("put", 1, "refused"), (1, 4)),
        (once("read", 1, "refused"), (1, 4)),
        (once("read", 1, "page"), (0, 3)),
    ],
)
def test_one_fault_and_the_volume_still_comes_back_once(
    tmp_path: Path, kind: str, fault: Fault, takes: tuple[int, int]
) -> None:
    world = World(tmp_path, fault, kinds=(kind,))
    [result] = world.recover()
    assert result.outcome == "recovered"
    world.true([result])
    assert takes[0] <= world.took <= takes[1], world.took


@pytest.mark.parametrize(("fault", "held", "more"), [("lost", SETTLE, 50), ("page", SETTLE, 10), ("vanish", 0, 10)])
def test_a_put_without_effect_is_sent_again_after_a_quiet_period(
    tmp_path: Path, kind: str, fault: str, held: int, more: int
) -> None:
    """The timeout of a VM is a fixed one, and counts twice; a proxy may hold what was not answered before that."""
    world = World(tmp_path, once("put", 1, fault), kinds=(kind,))
    [result] = world.recover()
    assert result.outcome == "recovered"
    assert world.server.seen["put"] == 2
    quiet = held + ACTS[kind] + MARGIN
    assert quiet <= world.took <= quiet + more, world.took
    world.true([result])


def test_nothing_is_sent_when_the_server_cannot_be_reached(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, lambda _kind, _number: "refused", kinds=(kind,))
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("not-sent", Exit.UNREACHABLE)
    assert world.server.seen == {"read": 3}
    assert 3 <= world.took <= 5


def test_other_weather_before_the_first_put_is_waited_out_for_a_minute(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, lambda kind, _number: "page" if kind == "read" else None, kinds=(kind,))
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("not-sent", Exit.UNREACHABLE)
    assert 60 <= world.took <= 100


def test_an_untrusted_certificate_is_not_tried_again(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, lambda _kind, _number: "certificate", kinds=(kind,))
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("not-sent", Exit.UNTRUSTED)
    assert world.server.seen == {"read": 1}


def test_a_redirected_put_is_a_matter_of_trust(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, once("put", 1, "redirect"), kinds=(kind,))
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("failed", Exit.UNTRUSTED)


def test_the_servers_refusal_is_final_once_the_volume_agrees(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    world.server.refuse[A] = "ID.1003"
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("failed", Exit.FAILED)
    assert result.error is not None
    assert result.error.fault is not None
    assert result.error.fault.code == "ID.1003"
    world.true([result])


def test_a_passing_fault_ends_nothing(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    world.server.refuse[A] = "SYS.1000"
    world.clock.at(world.clock.now + 5, lambda: world.server.refuse.clear())
    [result] = world.recover()
    assert result.outcome == "recovered"
    assert ACTS[kind] + MARGIN <= world.took <= ACTS[kind] + MARGIN + 10
    assert world.server.seen["put"] == 2
    world.true([result])


def test_a_session_that_expires_at_the_first_read(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    world.server.session_valid = False
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("not-sent", Exit.AUTH)
    assert "put" not in world.server.seen


def test_a_session_that_expires_at_the_job(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    world.server.fault = lambda kind, _n: setattr(
        world.server, "session_valid", kind != "put" and world.server.session_valid
    )
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("failed", Exit.AUTH)
    assert world.took < 5
    world.true([result])


def test_a_deliberate_second_deletion_is_not_undone(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, once("put", 1, "lost"), kinds=(kind,))
    world.clock.at(world.clock.now + 50, lambda: world.server.recover_by_hand(A))
    world.clock.at(world.clock.now + 50.1, lambda: world.server.delete(A))
    [result] = world.recover()
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.kind == "changed"
    assert world.server.seen["put"] == 1
    world.true([result])


def test_three_puts_at_most(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, lambda which, _number: "vanish" if which == "put" else None, kinds=(kind,))
    [result] = world.recover(timeout=7200.0)
    assert (result.outcome, result.exit) == ("unknown", Exit.UNKNOWN)
    assert world.server.seen["put"] == 3
    world.true([result])


def test_the_timeout_ends_in_unknown(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, kinds=(kind,))
    world.server.run_seconds = 10_000.0
    [result] = world.recover(timeout=60.0)
    assert (result.outcome, result.exit) == ("unknown", Exit.UNKNOWN)
    assert 60 <= world.took <= 65


@pytest.mark.no_cover
def test_a_server_that_never_said_its_timeout_is_given_its_default(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, once("put", 1, "lost"), kinds=(kind,))
    world.server.version_text = "3.6.0"
    [result] = world.recover(timeout=7200.0)
    assert result.outcome == "recovered"
    assert world.took >= SETTLE + 1800 * KINDS[kind].messages
    world.true([result])


@pytest.mark.parametrize("fault", [None, "answer-lost", "lost", "late", "page", "vanish", "refused"])
def test_one_bad_volume_among_twenty_harms_nobody(tmp_path: Path, kind: str, fault: str | None) -> None:
    world = World(
        tmp_path, lambda kind, number: fault if (kind, number) == ("put", 7) else None, volumes=20, kinds=(kind,)
    )
    results = world.recover()
    assert len(results) == len({result.uuid for result in results}) == 20
    assert {result.outcome.value for result in results} == {"recovered"}
    assert most_severe(result.exit for result in results) is Exit.OK
    world.true(results)


@pytest.mark.no_cover
def test_a_thousand_volumes_cost_little_more_than_their_puts(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, volumes=1000, kinds=(kind,))
    results = world.recover()
    assert {result.outcome.value for result in results} == {"recovered"}
    assert len(world.server.requests) <= 1.2 * 1000
    world.true(results)


def test_a_sick_server_is_not_hammered(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, volumes=50, kinds=(kind,))
    world.server.fault = lambda kind, _n: "page" if 1000.2 < world.clock.now < 1060 else None
    results = world.recover()
    assert {result.outcome.value for result in results} == {"recovered"}
    sick = [time for time, _kind in world.server.requests if 1002 < time < 1060]
    assert len(sick) <= 58
    world.true(results)


def test_stop_sends_nothing_new_and_watches_what_is_open(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, volumes=100, kinds=(kind,))
    world.clock.at(world.clock.now + 0.02, lambda: world.engine.stop())
    results = world.recover()
    outcomes = {result.outcome.value for result in results}
    assert outcomes == {"recovered", "not-sent"}
    puts = world.server.seen["put"]
    assert puts == sum(result.outcome == "recovered" for result in results) < 100
    [run] = world.journal().runs()
    world.close()
    assert run.counts == {"planned": 100 - puts, "recorded": puts}


@pytest.mark.no_cover
def test_a_crash_of_the_server_leaves_jobs_that_never_end(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, volumes=40, kinds=(kind,))
    world.server.run_seconds = 0.5
    world.clock.at(world.clock.now + 0.6, lambda: world.server.crash())
    world.clock.at(world.clock.now + 30, lambda: setattr(world.server, "up", True))
    results = world.recover()
    assert {result.outcome.value for result in results} == {"recovered"}
    world.true(results)
