"""A run is resumed with other settings than those it began with: the longer ones count for what it has sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sim.follow_ups import TAG, FollowUpWorld
from tests.sim.follow_ups import killed as killed_with_follow_ups
from tests.sim.kills import kill, lost, puts, resume
from tests.sim.world import A, World
from zvol.journal.records import Claim, Identity, Intent
from zvol.journal.request import DEFAULT_API_TIMEOUT, Request, Waits
from zvol.model import Result
from zvol.recovery.quiet_period import MARGIN
from zvol.zstack.resource_kinds import KINDS, AnyKind

pytestmark = pytest.mark.no_cover

POLLS = 95.0
"""More than it takes to see that both parts of a period are over."""

LONG, SHORT = Waits(300.0, 200.0), Waits(5.0, 5.0)


def killed(world: World, waits: Waits, seconds: float = 2.0, by: Identity | None = None) -> None:
    """Begin a run with these settings and end it soon."""
    ours, new_engine = world.identity, world.new_engine
    world.identity = by or ours
    world.new_engine = lambda **options: new_engine(**(waits._asdict() | options))  # type: ignore[method-assign]
    kill(world, seconds)
    world.new_engine = new_engine  # type: ignore[method-assign]
    world.identity = ours


def forget_waits(world: World) -> None:
    """Let the rows be those of a zvol that did not record them."""
    db = sqlite3.connect(world.path)
    db.execute("UPDATE runs SET request = '{}'")
    db.commit()
    db.close()


def recover(world: World) -> None:
    [result] = world.recover(**SHORT._asdict(), timeout=7200.0)
    assert result.outcome == "recovered"


def again(world: World) -> None:
    [result] = resume(world, **SHORT._asdict())
    assert result.outcome == "recovered"


def killed_again(world: World, waits: Waits, seconds: float) -> None:
    """Resume with these settings, and end that after some time."""

    def stop() -> None:
        raise TimeoutError

    world.clock.at(world.clock.now + seconds, stop)
    with pytest.raises(TimeoutError):
        resume(world, **waits._asdict())
    world.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world whose first PUT is lost, and whose server honours timeouts and names none."""
    world = World(tmp_path, lost)
    world.server.grants = lambda _asked: None
    return world


WAYS = pytest.mark.parametrize("finish", [recover, again])


@WAYS
@pytest.mark.parametrize(("first", "quiet"), [(LONG, 515), (Waits(300.0, 5.0), 320), (Waits(5.0, 200.0), 220)])
def test_the_longer_waits_count(first: Waits, quiet: float, finish: Callable[[World], None], world: World) -> None:
    killed(world, first)
    began = world.clock.now
    finish(world)
    assert quiet <= puts(world)[1] - began < quiet + POLLS


@pytest.mark.parametrize("finish", [World.recover, resume])
def test_own_waits_count_where_they_are_longer(finish: Callable[..., list[Result]], world: World) -> None:
    killed(world, SHORT)
    began = world.clock.now
    [result] = finish(world, **LONG._asdict())
    assert result.outcome == "recovered"
    assert sum(LONG) + MARGIN <= puts(world)[1] - began < sum(LONG) + MARGIN + POLLS


@WAYS
def test_rows_without_them_count_as_what_a_server_allows(finish: Callable[[World], None], world: World) -> None:
    """Also where the server honours the timeout: the one that was requested is not known."""
    killed(world, SHORT)
    forget_waits(world)
    began = world.clock.now
    finish(world)
    quiet = 75.0 + DEFAULT_API_TIMEOUT + MARGIN
    assert quiet <= puts(world)[1] - began < quiet + POLLS


@WAYS
@pytest.mark.parametrize("between", [killed, killed_again])
def test_they_are_kept_by_the_next_run(
    between: Callable[[World, Waits, float], None], finish: Callable[[World], None], world: World
) -> None:
    """Killed, taken over by another run with shorter waits which is killed as well, and finished."""
    killed(world, LONG)
    between(world, SHORT, 40.0)
    began = world.clock.now
    finish(world)
    assert len(puts(world)) == 2
    assert sum(LONG) + MARGIN <= puts(world)[1] - began < sum(LONG) + MARGIN + POLLS


def test_what_a_resumed_run_sends_counts_with_its_own_waits(world: World) -> None:
    """It began with short ones, was resumed with long ones, and killed again after its second PUT."""
    world.server.fault = lambda kind, number: "lost" if kind == "put" and number < 3 else None
    killed(world, SHORT)
    killed_again(world, LONG, sum(LONG) + MARGIN + POLLS)
    assert len(puts(world)) == 2
    began = world.clock.now
    again(world)
    assert sum(LONG) + MARGIN <= puts(world)[2] - began < sum(LONG) + MARGIN + POLLS


def test_those_of_another_account_count_too(world: World) -> None:
    killed(world, LONG, by=Identity("http://elsewhere", "account other"))
    began = world.clock.now
    recover(world)
    assert sum(LONG) + MARGIN <= puts(world)[1] - began < sum(LONG) + MARGIN + POLLS


def test_merged_runs_have_the_longest_of_all(tmp_path: Path) -> None:
    world, run = World(tmp_path), ""
    for waits in (LONG, SHORT):
        journal = world.journal()
        run = journal.begin(world.identity, Request(**waits._asdict()), world.clock.wall())
        world.clock.now += 2.0
        journal.claim(run, [Claim(A, A, None)] if waits is LONG else [])
        if waits is LONG:
            journal.record_intents([(run, A, Intent("1" * 32, None))], world.clock.wall())
        else:
            journal._db.execute(
                "INSERT INTO volumes (run, uuid, asked, seq, state) VALUES (?, ?, ?, 0, 'open')", (run, A, A)
            )
        world.close()
    journal = world.journal()
    [left] = journal.adopt([one.id for one in reversed(journal.runs())], world.identity).volumes
    assert (left.run, left.waits) == (run, LONG)
    world.close()


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-5.0", "0.0", "60", '"60"', "null"])
def test_what_is_no_duration_is_not_known(odd: str) -> None:
    request = Request.from_json(f'{{"api_timeout": {odd}, "settle_wait": {odd}}}')
    assert request.waits == (DEFAULT_API_TIMEOUT, 75.0)
    assert Request.from_json('{"api_timeout": 60.0, "settle_wait": 5.0}').waits == (60.0, 5.0)


# ---- how long what was closed by hand may act ------------------------------------------------------------------------
@pytest.mark.parametrize("waits", [Waits(1.0, 1.0), Waits(60.0, 75.0), Waits(3600.0, 75.0), Waits(3600.0, 3600.0)])
@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_was_closed_by_hand_is_named_for_as_long_as_it_may_act(
    waits: Waits, kind: AnyKind, tmp_path: Path
) -> None:
    world = World(tmp_path, lambda kind, number: "vanish-unheard" if kind == "put" else None, kinds=(kind.name,))
    engine = world.new_engine(**waits._asdict())
    may_act = engine._new_run([], engine._run_journal()).context.settle_policy.longest(kind)
    killed(world, waits, 5.0)
    journal = world.journal()
    [run] = [one.id for one in journal.runs()]
    journal.record_outcome(run, A, "recovered", settled=False)
    journal.finish(world.clock.wall(), run)
    ended = world.clock.wall() - 5.0
    forgotten = journal.forget(run, ended + may_act) or ()
    assert [one.uuid for one in forgotten] == [A]
    world.close()


@pytest.mark.parametrize(("first", "quiet"), [(LONG, 515), (Waits(300.0, 5.0), 320), (Waits(5.0, 200.0), 220)])
def test_a_follow_up_that_a_dead_run_has_sent_is_waited_for_in_the_same_way(
    first: Waits, quiet: float, tmp_path: Path
) -> None:
    world = FollowUpWorld(tmp_path)
    world.server.fault = lambda kind, _number: "lost" if kind == "post" else None
    killed_with_follow_ups(world, TAG, 5.0, **first._asdict())
    world.server.fault = lambda _kind, _number: None
    [result] = world.resume(**SHORT._asdict())
    assert (result.outcome, result.exit) == ("recovered", 0)
    assert quiet <= world.took < quiet + 10


def test_a_resumed_run_that_sent_nothing_waits_for_what_another_account_has_sent(world: World) -> None:
    journal = world.journal()
    volume = world.server.resource(A)
    assert volume is not None
    run = journal.begin(world.identity, Request(), world.clock.wall())
    journal.claim(run, [Claim(A, A, volume.last_op_date)])
    world.close()
    killed(world, LONG, by=Identity("http://elsewhere", "account other"))
    began = world.clock.now
    again(world)
    assert sum(LONG) + MARGIN <= puts(world)[1] - began < sum(LONG) + MARGIN + POLLS
