"""Where a resumed run ends: where an undisturbed one would have, and never twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.sim.kills import QUIET_OF, intents, kill, lost, puts, resume
from tests.sim.world import A, World
from zvol.journal.journal import Journal
from zvol.journal.records import Claim, Intent
from zvol.journal.request import Request
from zvol.model import VM, VOLUME
from zvol.zstack.resource_kinds import KINDS as RESOURCES

LONG = 30 * 60
KINDS = (VOLUME, VM)


# ---- which deletion was meant ---------------------------------------------------------------------------------------
def deleted_again(world: World) -> None:
    world.server.recover_by_hand(A)
    world.clock.now += 2.0
    world.server.delete(A)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_later_run_was_asked_for_is_its_own_deletion(tmp_path: Path, kind: str) -> None:
    """X dies with an open intent, the volume is deleted again, Y is asked for it, settles, and is killed."""
    world = World(tmp_path, lost, kinds=(kind,))
    kill(world, 5.0)
    deleted_again(world)
    kill(world, 40.0)
    assert len(puts(world)) == 1, "it was still settling"
    began = world.clock.now
    [result] = resume(world)
    assert result.outcome == "recovered"
    assert QUIET_OF[kind] <= puts(world)[1] - began < QUIET_OF[kind] + 10, "and what X had sent is waited for again"
    world.true([result])
    assert intents(world, world.identity) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_deletion_that_nobody_asked_about_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    """The same, and it is deleted once more after Y was killed."""
    world = World(tmp_path, lost, kinds=(kind,))
    kill(world, 5.0)
    deleted_again(world)
    kill(world, 40.0)
    deleted_again(world)
    [result] = resume(world)
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.kind == "changed"
    assert len(puts(world)) == 1


# ---- many dead runs ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kinds", [(VOLUME,), (VM,), KINDS])
def test_dead_runs_are_settled_together(tmp_path: Path, kinds: Sequence[str]) -> None:
    """Six runs with one lost PUT each: one quiet period, not six."""
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number <= 6 else None, 6, kinds)
    for uuid in world.uuids:
        kill(world, 1.0, uuid)
    began = world.clock.now
    results = resume(world)
    assert [one.outcome for one in results] == ["recovered"] * 6
    assert {one.uuid for one in results} == set(world.uuids)
    assert QUIET_OF[kinds[-1]] <= world.clock.now - began < QUIET_OF[kinds[-1]] + 30
    journal = world.journal()
    assert [(run.unfinished, run.ended is None) for run in journal.runs()] == [(0, False)] * 6
    world.close()


# ---- what was never sent, a long time ago ------------------------------------------------------------------------
def test_what_is_held_is_read_and_closed_where_that_is_all_there_is_to_it(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=4)
    back, gone, deleted, changed = world.uuids
    journal = world.journal()
    run = journal.begin(world.identity, Request(), world.clock.wall())
    dates = {uuid: world.server.resource(uuid).last_op_date for uuid in world.uuids}  # type: ignore[union-attr]
    journal.claim(run, [Claim(uuid, uuid, dates[uuid]) for uuid in world.uuids])
    world.server.recover_by_hand(back)
    del world.server.rows[gone]
    world.server.rows[changed].last_op += 100
    left = [one._replace(read_only=True) for one in journal.unfinished_volumes(run)]
    engine = world.new_engine()
    assert {one.uuid: one.outcome for one in engine.resume(journal, left)} == {back: "already", gone: "gone"}
    assert sorted(task.uuid for task in engine.skipped) == sorted([deleted, changed])
    assert [one.uuid for one in journal.unfinished_volumes(run)] == [deleted, changed]
    assert puts(world) == []
    world.close()


def test_what_is_held_and_cannot_be_read_stays_what_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, _number: "page" if kind == "read" else None)
    journal = world.journal()
    run = journal.begin(world.identity, Request(), world.clock.wall())
    journal.claim(run, [Claim(A, A, "then")])
    left = [one._replace(read_only=True) for one in journal.unfinished_volumes(run)]
    [result] = world.new_engine().resume(journal, left)
    assert (result.outcome, result.exit) == ("not-sent", 5)
    assert [one.state for one in journal.unfinished_volumes(run)] == ["planned"]
    world.close()


# ---- a journal that was damaged ---------------------------------------------------------------------------------
@pytest.fixture(params=KINDS)
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> World:
    """Return a world whose only run was killed after its PUT was lost, and whose journal is garbage, set aside now."""
    world = World(tmp_path, lost, kinds=(request.param,))
    kill(world, 5.0)
    world.path.write_bytes(b"garbage" * 2000)
    monkeypatch.setattr("zvol.journal.database.time.time", world.clock.wall)
    with pytest.raises(Exception, match="damaged"):
        Journal(world.path)
    return world


def quiet(world: World) -> int:
    return QUIET_OF[world.server.rows[A].kind]


def longest(world: World) -> float:
    """Return how long a PUT may act on a server that does not honour the timeout."""
    return 75 + LONG * RESOURCES[world.server.rows[A].kind].messages + 15


@pytest.mark.parametrize("later", [0.0, 60.0, 100.0])
def test_after_a_damage_nothing_is_sent_before_one_quiet_time(later: float, broken: World) -> None:
    damaged = broken.clock.now
    broken.clock.now += later
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert quiet(broken) <= puts(broken)[1] - damaged < quiet(broken) + 15, "it is measured from the damage"
    broken.true([result])


def test_a_long_time_after_a_damage_it_is_sent_at_once(broken: World) -> None:
    broken.clock.now += longest(broken)
    began = broken.clock.now
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert puts(broken)[1] - began < 1.0


@pytest.mark.parametrize("before_its_end", [math.inf, 300.0])
def test_a_server_that_grants_longer_is_waited_for_longer_after_a_damage(before_its_end: float, broken: World) -> None:
    broken.server.version_text = "3.0.0"
    damaged = broken.clock.now
    broken.clock.now += max(200.0, longest(broken) - before_its_end)
    [result] = broken.recover(timeout=7200.0)
    assert result.outcome == "recovered"
    assert longest(broken) <= puts(broken)[1] - damaged < longest(broken) + 45


def test_a_run_that_is_killed_in_that_wait_waits_for_the_rest_of_it_when_it_is_resumed(broken: World) -> None:
    damaged = broken.clock.now
    kill(broken, 70.0)
    assert len(puts(broken)) == 1
    [result] = resume(broken)
    assert result.outcome == "recovered"
    assert quiet(broken) <= puts(broken)[1] - damaged < quiet(broken) + 15


def test_a_server_that_says_nothing_makes_the_wait_begin_again(broken: World) -> None:
    """What has passed since the damage counts only while the server answers."""
    broken.clock.now += 100.0
    began = broken.clock.now
    broken.server.silent = True
    broken.clock.at(began + 30.0, lambda: setattr(broken.server, "silent", False))
    away: Callable[[str, int], str | None] = broken.server.fault
    broken.server.fault = lambda kind, number: (
        "page" if kind == "read" and began + 1 < broken.clock.now < began + 31 else away(kind, number)
    )
    broken.server.silent = False
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert puts(broken)[1] - began >= 30 + quiet(broken)


def test_what_a_run_after_the_damage_has_sent_is_waited_for_from_now(broken: World) -> None:
    broken.server.fault = lambda kind, number: "lost" if kind == "put" and number < 3 else None
    kill(broken, quiet(broken) + 40.0)
    assert len(puts(broken)) == 2
    began = broken.clock.now
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert puts(broken)[2] - began >= quiet(broken), "the damage is long over, its own PUT is not"


def test_a_job_does_not_end_the_wait_after_a_damage(broken: World) -> None:
    """A run since then was refused for certain; what the damaged journal knew of may act all the same."""
    broken.server.version_text = "3.0.0"
    damaged = broken.clock.now
    journal = broken.journal()
    run = journal.begin(broken.identity, Request(), broken.clock.wall())
    journal.claim(run, [Claim(A, A, None)])
    journal.record_intents([(run, A, Intent("1" * 32, None))], broken.clock.wall())
    broken.close()
    broken.server.jobs["1" * 32] = "ID.1003"
    [result] = broken.recover(timeout=7200.0)
    assert result.outcome == "recovered"
    assert puts(broken)[1] - damaged >= quiet(broken)


def test_a_clock_that_was_set_back_waits_for_all_of_it(broken: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wall: Callable[[], float] = broken.clock.wall
    monkeypatch.setattr(broken.clock, "wall", lambda: wall() - 86400)
    began = broken.clock.now
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert quiet(broken) <= puts(broken)[1] - began < quiet(broken) + 15
