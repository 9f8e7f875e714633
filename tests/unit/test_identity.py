"""Two runs, two accounts, two names of one server: what is not ours only delays, and stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.kills import QUIET, Killed, intents, kill, lost, puts, resume
from tests.sim.world import A, World
from zvol.journal.records import Claim, Claims, Identity, Intent
from zvol.journal.request import Request
from zvol.model import Target

OTHERS = {
    "another account": Identity("http://simulated:8080/zstack", "account b"),
    "another name of the server": Identity("http://other:8080/zstack", "account test"),
    "an account that is not known": Identity("http://simulated:8080/zstack", None),
}
other = pytest.mark.parametrize("who", OTHERS.values(), ids=OTHERS)


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
    world.clock.at(world.clock.now + 60, lambda: world.server.rows.pop(A))  # it becomes invisible
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("unknown", 3)
    assert result.error is not None
    assert result.error.kind == "elsewhere"
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
    engine._elsewhere = lambda uuid: journal.has_foreign_intent(ours, uuid)
    [result] = engine.recover([Target(A, A)])
    assert (result.outcome, result.exit) == ("unknown", 3)
    engine = world.new_engine()
    engine._elsewhere = lambda uuid: journal.has_foreign_intent(OTHERS["another account"], uuid)
    [result] = engine.recover([Target(A, A)])
    assert result.outcome == "gone", "to whoever sent it, it is"
    world.close()


@other
def test_a_living_run_of_somebody_else_is_busy_and_named_with_its_server(who: Identity, tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    ours, world.identity = world.identity, who
    going_on = world.new_engine().recover([Target(A, A)])
    world.clock.at(world.clock.now + 5.0, lambda: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        next(going_on)
    [theirs] = world.journals  # still open: the process lives
    theirs.locks.take(theirs.runs()[0].id)
    world.identity = ours
    [result] = world.new_engine().recover([Target(A, A)])
    assert (result.outcome, result.exit) == ("busy", 6)
    assert result.error is not None
    assert (who.base in result.error.message) is (who.base != ours.base)
    world.close()


# ---- our own, with somebody else in between ------------------------------------------------------------------------
def both(world: World, second: float = QUIET + 40.0) -> tuple[Identity, Identity]:
    """Have a run of ours die after its PUT, and one of somebody else after it has waited for that and sent its own."""
    ours, theirs = world.identity, OTHERS["another account"]
    kill(world, 5.0)
    world.identity = theirs
    kill(world, second)
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


def test_a_job_of_a_run_of_both_does_not_end_the_wait(tmp_path: Path) -> None:
    """Two dead runs of one account on one volume: the job of the newer one has ended, that of the older one may act."""
    world = World(tmp_path, lost)
    world.server.refuse[A] = "ID.1003"
    world.server.run_seconds = 20.0
    ours, _ = both(world, QUIET + 15.0)
    world.clock.pass_by(25.0)
    world.server.refuse.clear()
    journal = world.journal()
    adopted = journal.adopt([run.id for run in reversed(journal.runs())], ours)
    began = world.clock.now
    [result] = world.new_engine().resume(journal, adopted.volumes)
    assert result.outcome == "recovered"
    assert puts(world)[2] - began >= QUIET
    world.close()


@pytest.mark.parametrize("sent", [True, False])
def test_what_was_never_sent_waits_for_what_somebody_else_has_sent(sent: bool, tmp_path: Path) -> None:
    """Our run died before its PUT; somebody else has sent one since."""
    world = World(tmp_path, lost if sent else None)
    ours, theirs = world.identity, OTHERS["another account"]
    journal = world.journal()
    volume = world.server.resource(A)
    assert volume is not None
    run = journal.begin(ours, Request(), world.clock.wall())
    journal.claim(run, [Claim(A, A, volume.last_op_date)])
    world.close()
    if sent:
        world.identity = theirs
        kill(world, 5.0)
        world.identity = ours
    began = world.clock.now
    [result] = resume(world)
    assert result.outcome == "recovered"
    waited = puts(world)[-1] - began
    assert QUIET <= waited < QUIET + 10 if sent else waited < 1


def test_what_was_taken_over_waits_for_what_somebody_else_has_sent(tmp_path: Path) -> None:
    """Ours dies after its PUT, somebody else's after it has sent, and ours again while it settles both."""
    world = World(tmp_path, lambda kind, number: "lost" if (kind, number) == ("put", 2) else None)
    world.server.refuse[A] = "ID.1003"
    world.server.run_seconds = 20.0
    ours, theirs = both(world)
    world.server.refuse.clear()
    kill(world, 50.0)
    began = world.clock.now
    [result] = resume(world)
    assert result.outcome == "recovered"
    assert len(puts(world)) == 3
    assert puts(world)[2] - began >= QUIET, "the job of ours that was refused does not end the wait"
    assert intents(world, ours) == []
    assert intents(world, theirs) == [(A, False)]


def test_what_goes_out_of_sight_while_it_is_resumed_is_not_gone(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number < 3 else None)
    ours, theirs = both(world)
    del world.server.rows[A]
    [result] = resume(world)
    assert (result.outcome, result.exit) == ("unknown", 3)
    assert result.error is not None
    assert result.error.kind == "elsewhere"
    assert len(intents(world, ours)) == len(intents(world, theirs)) == 1


def test_a_living_run_that_has_said_its_word_is_not_on_the_volume_any_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    other = world.journal()
    first = other.begin(world.identity, Request(), world.clock.wall())
    other.claim(first, [Claim(A, A, "then")])
    other.record_intents([(first, A, Intent("1" * 32, "then"))], world.clock.wall())
    other.record_outcome(first, A, "recovered", settled=False)
    other.flush()
    journal = world.journal()
    run = journal.begin(world.identity, Request(), world.clock.wall())
    claims = journal.claim(run, [Claim(A, A, "later")])
    assert claims == Claims({}, {A: [Intent("1" * 32, "then", inherited=True)]}, frozenset())
    other.record_intents([(first, A, Intent("2" * 32, "then"))], world.clock.wall())
    other.record_outcome(first, A, "recovered", settled=False)
    other.flush()
    journal.close()
    again = world.journal()
    [left] = again.adopt([run], world.identity).volumes
    assert (left.holder, left.foreign) == (None, True)
    world.close()


def test_a_volume_that_another_living_run_is_on_is_busy_for_resume(tmp_path: Path) -> None:
    world = World(tmp_path, lost)
    kill(world, 5.0)
    journal = world.journal()
    theirs = journal.begin(OTHERS["another name of the server"], Request(), world.clock.wall())
    journal.claim(theirs, [Claim(A, A, None)])
    second = world.journal()
    [mine] = [run.id for run in second.runs() if run.identity == world.identity]
    [left] = second.adopt([mine], world.identity).volumes
    assert left.holder is not None
    assert (left.holder.run, left.holder.base, left.foreign) == (theirs, "http://other:8080/zstack", False)
    [result] = world.new_engine().resume(second, [left])
    assert result.outcome == "busy"
    assert result.error is not None
    assert "http://other:8080/zstack" in result.error.message
    assert len(puts(world)) == 1
    assert [run.unfinished for run in second.runs() if run.id == mine] == [1], "it can be resumed later"
    world.close()


def test_of_two_dead_runs_on_one_volume_the_newer_one_gets_all(tmp_path: Path) -> None:
    """They are of one account since the user confirmed it for the older one."""
    world = World(tmp_path, lambda kind, number: "lost" if kind == "put" and number < 3 else None)
    ours, theirs = both(world)
    journal = world.journal()
    ids = [run.id for run in reversed(journal.runs())]
    adopted = journal.adopt(ids, ours)
    [left] = adopted.volumes
    assert left.run == ids[1]
    assert [intent.inherited for intent in left.intents] == [True, False]
    assert {run.identity for run in journal.runs()} == {ours}
    began = world.clock.now
    [result] = world.new_engine().resume(journal, adopted.volumes)
    assert result.outcome == "recovered"
    assert puts(world)[2] - began >= QUIET
    assert sum(run.unfinished for run in journal.runs()) == 0
    world.close()
    assert intents(world, ours) == intents(world, theirs) == []
