"""Two runs, two accounts, two names of one server: what is not ours only delays, and stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sim.world import A, World
from zvol.model import Result
from zvol.recovery.journal import Identity, Journal
from zvol.recovery.request import Request
from zvol.recovery.track import Wanted

QUIET = 75 + 60 + 15
LONG = 30 * 60
OTHERS = {
    "another account": Identity("http://simulated:8080/zstack", "account b"),
    "another name of the server": Identity("http://other:8080/zstack", "account test"),
    "an account that is not known": Identity("http://simulated:8080/zstack", None),
}
other = pytest.mark.parametrize("who", OTHERS.values(), ids=OTHERS)


class Killed(Exception):
    """The process ends here."""


def lost(kind: str, number: int) -> str | None:
    return "lost" if (kind, number) == ("put", 1) else None


def kill(world: World, after: float, *uuids: str) -> None:
    """Begin a run and end it after some seconds; what is open in the journal stays open."""

    def end() -> None:
        raise Killed

    world.clock.at(world.clock.now + after, end)
    with pytest.raises(Killed):
        list(world.new_engine().recover([Wanted(uuid, uuid) for uuid in uuids or world.uuids]))
    world.close()
    world.clock.events.clear()
    world.clock.flying = 0


def resume(world: World, *, runs: int | None = None) -> list[Result]:
    journal = world.journal()
    mine = [run.id for run in reversed(journal.runs()) if run.unfinished and run.identity == world.identity][:runs]
    results = list(world.new_engine().resume(journal, journal.adopt_all(mine).left))
    world.close()
    return results


def puts(world: World) -> list[float]:
    return [when for when, kind in world.server.requests if kind == "put"]


def intents(world: World, identity: Identity) -> list[tuple[str, bool]]:
    """Return the open intents of all runs of somebody."""
    journal = world.journal()
    sql = "SELECT uuid, inherited FROM intents JOIN runs ON id = run WHERE closed = 0 AND account IS ? AND base = ?"
    found = [(uuid, bool(old)) for uuid, old in journal._db.execute(sql, (identity.account, identity.base))]
    world.close()
    return found


# ---- another one's ---------------------------------------------------------------------------------------------
@other
def test_a_dead_run_of_somebody_else_delays_and_keeps_what_it_has(who: Identity, tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    ours, world.identity = world.identity, who
    kill(world, 5.0)
    assert len(puts(world)) == 1
    world.identity, began = ours, world.clock.now
    [result] = world.recover()
    assert result.outcome == "recovered"
    assert QUIET <= puts(world)[1] - began < QUIET + 10
    assert "job" not in [kind for when, kind in world.server.requests if began < when < puts(world)[1]]
    world.true([result])
    assert intents(world, who) == [(A, False)], "nothing of it was closed or taken over"
    assert intents(world, ours) == []


def test_a_dead_run_of_our_own_is_taken_over(tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    kill(world, 5.0)
    [result] = world.recover()
    assert result.outcome == "recovered"
    assert intents(world, world.identity) == []


@other
def test_what_is_absent_here_is_not_gone_while_somebody_else_may_bring_it_back(who: Identity, tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    ours, world.identity = world.identity, who
    kill(world, 5.0)
    world.identity = ours
    row = world.server.rows[A]
    world.clock.at(world.clock.now + 60, lambda: world.server.rows.pop(A))  # it goes out of sight
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("unknown", 3)
    assert result.trouble is not None
    assert result.trouble.kind == "elsewhere"
    assert intents(world, who) == [(A, False)]
    [again] = resume(world)
    assert again.outcome == "unknown"
    world.server.rows[A] = row
    world.identity = who
    results = resume(world)
    if who.account is not None:  # nobody is the one that is not known
        assert [one.outcome for one in results] == ["recovered"]


def test_what_is_absent_at_the_first_look_is_not_gone_either(tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    ours, world.identity = world.identity, OTHERS["another account"]
    kill(world, 5.0)
    world.identity = ours
    del world.server.rows[A]
    journal = world.journal()
    engine = world.new_engine()
    engine._elsewhere = lambda uuid: journal.foreign(ours, uuid)
    [result] = engine.recover([Wanted(A, A)])
    assert (result.outcome, result.exit) == ("unknown", 3)
    engine = world.new_engine()
    engine._elsewhere = lambda uuid: journal.foreign(OTHERS["another account"], uuid)
    [result] = engine.recover([Wanted(A, A)])
    assert result.outcome == "gone", "to whoever sent it, it is"
    world.close()


@other
def test_a_living_run_of_somebody_else_is_busy_and_named_with_its_server(who: Identity, tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    ours, world.identity = world.identity, who
    going_on = world.new_engine().recover([Wanted(A, A)])
    world.clock.at(world.clock.now + 5.0, lambda: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        next(going_on)
    [theirs] = world.journals  # still open: the process lives
    theirs.locks.take(theirs.runs()[0].id)
    world.identity = ours
    [result] = world.new_engine().recover([Wanted(A, A)])
    assert (result.outcome, result.exit) == ("busy", 6)
    assert result.trouble is not None
    assert (who.base in result.trouble.message) is (who.base != ours.base)
    world.close()


# ---- our own, with somebody else in between ------------------------------------------------------------------------
def both(world: World) -> tuple[Identity, Identity]:
    """Have a run of ours die after its PUT, and one of somebody else after it has waited for that and sent its own."""
    ours, theirs = world.identity, OTHERS["another account"]
    kill(world, 5.0)
    world.identity = theirs
    kill(world, QUIET + 40.0)
    world.identity = ours
    assert len(puts(world)) == 2
    return ours, theirs


def test_a_run_that_is_resumed_waits_for_what_somebody_else_has_sent(tmp_path: Path) -> None:
    """The server has no record of our own job, which says nothing about the other one."""
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number < 3 else None)
    ours, theirs = both(world)
    began = world.clock.now
    [result] = resume(world)
    assert result.outcome == "recovered"
    assert puts(world)[2] - began >= QUIET
    assert intents(world, theirs) == [(A, False)]
    assert intents(world, ours) == []


def test_a_job_that_has_ended_does_not_end_the_wait_for_another_one(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number == 2 else None)
    world.server.refuse[A] = "ID.1003"
    world.server.run_seconds = 20.0
    ours, _ = both(world)
    began = world.clock.now
    world.server.refuse.clear()
    [result] = resume(world)
    assert result.outcome == "recovered"
    assert puts(world)[2] - began >= QUIET
    assert intents(world, ours) == []


def test_a_volume_that_another_living_run_is_on_is_busy_for_resume(tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    kill(world, 5.0)
    journal = world.journal()
    theirs = journal.begin(OTHERS["another name of the server"], Request(), world.clock.wall())
    journal.claim(theirs, [(A, A, None)])
    second = world.journal()
    [mine] = [run.id for run in second.runs() if run.identity == world.identity]
    [left] = second.adopt_all([mine]).left
    assert left.holder is not None
    assert (left.holder.run, left.holder.base, left.foreign) == (theirs, "http://other:8080/zstack", False)
    [result] = world.new_engine().resume(second, [left])
    assert result.outcome == "busy"
    assert result.trouble is not None
    assert "http://other:8080/zstack" in result.trouble.message
    assert len(puts(world)) == 1
    assert [run.unfinished for run in second.runs() if run.id == mine] == [1], "it can be resumed later"
    world.close()


def test_of_two_dead_runs_on_one_volume_the_newer_one_gets_all(tmp_path: Path) -> None:
    """They are of one account since somebody has said so of the older one."""
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number < 3 else None)
    ours, theirs = both(world)
    journal = world.journal()
    ids = [run.id for run in reversed(journal.runs())]
    adopted = journal.adopt_all(ids, ours)
    [left] = adopted.left
    assert left.run == ids[1]
    assert [intent.inherited for intent in left.intents] == [True, False]
    assert {run.identity for run in journal.runs()} == {ours}
    began = world.clock.now
    [result] = world.new_engine().resume(journal, adopted.left)
    assert result.outcome == "recovered"
    assert puts(world)[2] - began >= QUIET
    assert sum(run.unfinished for run in journal.runs()) == 0
    world.close()
    assert intents(world, ours) == intents(world, theirs) == []


# ---- which deletion was meant ---------------------------------------------------------------------------------------
def deleted_again(world: World) -> None:
    world.server.recover_by_hand(A)
    world.clock.now += 2.0
    world.server.delete(A)


def test_what_a_later_run_was_asked_for_is_its_own_deletion(tmp_path: Path) -> None:
    """X dies with an open intent, the volume is deleted again, Y is asked for it, settles, and is killed."""
    world = World(tmp_path, lost)
    kill(world, 5.0)
    deleted_again(world)
    kill(world, 40.0)
    assert len(puts(world)) == 1, "it was still settling"
    [result] = resume(world)
    assert result.outcome == "recovered"
    world.true([result])
    assert intents(world, world.identity) == []


def test_a_deletion_that_nobody_asked_about_is_left_as_it_is(tmp_path: Path) -> None:
    """The same, and it is deleted once more after Y was killed."""
    world = World(tmp_path, lost)
    kill(world, 5.0)
    deleted_again(world)
    kill(world, 40.0)
    deleted_again(world)
    [result] = resume(world)
    assert result.outcome == "failed"
    assert result.trouble is not None
    assert result.trouble.kind == "changed"
    assert len(puts(world)) == 1


# ---- many dead runs ---------------------------------------------------------------------------------------------
def test_dead_runs_are_settled_together(tmp_path: Path) -> None:
    """Six runs with one lost PUT each: one quiet time, not six."""
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number <= 6 else None, volumes=6)
    for uuid in world.uuids:
        kill(world, 1.0, uuid)
    began = world.clock.now
    results = resume(world)
    assert [one.outcome for one in results] == ["recovered"] * 6
    assert {one.uuid for one in results} == set(world.uuids)
    assert QUIET <= world.clock.now - began < QUIET + 30
    journal = world.journal()
    assert [(run.unfinished, run.ended is None) for run in journal.runs()] == [(0, False)] * 6
    world.close()


# ---- what was never sent, a long time ago ------------------------------------------------------------------------
def test_what_is_held_is_read_and_closed_where_that_is_all_there_is_to_it(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=4)
    back, gone, deleted, changed = world.uuids
    journal = world.journal()
    run = journal.begin(world.identity, Request(), world.clock.wall())
    dates = {uuid: world.server.volume(uuid).last_op_date for uuid in world.uuids}  # type: ignore[union-attr]
    journal.claim(run, [(uuid, uuid, dates[uuid]) for uuid in world.uuids])
    world.server.recover_by_hand(back)
    del world.server.rows[gone]
    world.server.rows[changed].last_op += 100
    left = [replace(one, held=True) for one in journal.left(run)]
    engine = world.new_engine()
    assert {one.uuid: one.outcome for one in engine.resume(journal, left)} == {back: "already", gone: "gone"}
    assert sorted(track.uuid for track in engine.left) == sorted([deleted, changed])
    assert [one.uuid for one in journal.left(run)] == [deleted, changed]
    assert puts(world) == []
    world.close()


def test_what_is_held_and_cannot_be_read_stays_what_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, _number: "page" if kind == "read" else None)
    journal = world.journal()
    run = journal.begin(world.identity, Request(), world.clock.wall())
    journal.claim(run, [(A, A, "then")])
    left = [replace(one, held=True) for one in journal.left(run)]
    [result] = world.new_engine().resume(journal, left)
    assert (result.outcome, result.exit) == ("not-sent", 5)
    assert [one.state for one in journal.left(run)] == ["planned"]
    world.close()


# ---- a journal that was damaged ---------------------------------------------------------------------------------
@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose only run was killed after its PUT was lost, and whose journal is garbage, set aside now."""
    world = World(tmp_path, lost)
    kill(world, 5.0)
    world.path.write_bytes(b"garbage" * 2000)
    monkeypatch.setattr("zvol.recovery.database.time.time", world.clock.wall)
    with pytest.raises(Exception, match="damaged"):
        Journal(world.path, world.clock.wall())
    return world


@pytest.mark.parametrize("later", [0.0, 60.0, 100.0])
def test_after_a_damage_nothing_is_sent_before_one_quiet_time(later: float, broken: World) -> None:
    damaged = broken.clock.now
    broken.clock.now += later
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert QUIET <= puts(broken)[1] - damaged < QUIET + 15, "it is measured from the damage"
    broken.true([result])


def test_a_long_time_after_a_damage_it_is_sent_at_once(broken: World) -> None:
    broken.clock.now += LONG + QUIET
    began = broken.clock.now
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert puts(broken)[1] - began < 1.0


def test_a_server_that_grants_longer_is_waited_for_longer_after_a_damage(broken: World) -> None:
    broken.server.version = lambda: "3.0.0"  # type: ignore[method-assign]
    damaged = broken.clock.now
    broken.clock.now += 200.0
    [result] = broken.recover(timeout=7200.0)
    assert result.outcome == "recovered"
    assert 75 + LONG + 15 <= puts(broken)[1] - damaged < 75 + LONG + 60


def test_a_run_that_is_killed_in_that_wait_waits_for_the_rest_of_it_when_it_is_resumed(broken: World) -> None:
    damaged = broken.clock.now
    kill(broken, 70.0)
    assert len(puts(broken)) == 1
    [result] = resume(broken)
    assert result.outcome == "recovered"
    assert QUIET <= puts(broken)[1] - damaged < QUIET + 15


def test_a_clock_that_was_set_back_waits_for_all_of_it(broken: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wall: Callable[[], float] = broken.clock.wall
    monkeypatch.setattr(broken.clock, "wall", lambda: wall() - 86400)
    began = broken.clock.now
    [result] = broken.recover()
    assert result.outcome == "recovered"
    assert QUIET <= puts(broken)[1] - began < QUIET + 15
