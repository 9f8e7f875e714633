"""The protocol holds whatever happens, and each of its conditions is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.model.explore import explore
from tests.model.world import Model, Rules, Setting, World
from zvol.model import Outcome
from zvol.recovery import protocol
from zvol.recovery.protocol import TRANSITIONS
from zvol.recovery.states import Answered, Do, Event, GiveUp, Job, Look, Phase, Say, Sight, State

CALM = Setting(deletions=0)

HOLDS = {
    "one wait": Setting(),
    "an old server without the duplicate check": Setting(guard=False, faults=0),
    "two nodes, one of them fenced": Setting(nodes=2, fences=1, sends=2, deletions=0, lost_saves=0, faults=0),
    "a proxy doubles a PUT, nobody deletes again": Setting(doubles=1, sends=2, deletions=0),
    "a session expires": Setting(expiries=1, sends=2, lost_saves=0),
    "somebody runs it again later": Setting(later=1, sends=2, faults=0, lost_saves=0),
}


@pytest.mark.parametrize("name", HOLDS)
def test_the_protocol_holds(name: str) -> None:
    found = explore(Model(HOLDS[name]))
    print(f"{name}: {found.states} states")
    assert found.broken == {}
    assert found.states > 2_000


def changed(**rules: Any) -> Mapping[Any, Any]:
    """Return the product's table with the rule for a Look in some phases replaced."""
    return {**TRANSITIONS, **{(Phase(name), Look): rule for name, rule in rules.items()}}


def believes_the_job(state: State, event: Event) -> protocol.Move:
    """Weaker: the job alone decides; the volume is not read after it."""
    assert isinstance(event, Look)
    if event.job is Job.REFUSED:
        return protocol.say(state, Outcome.FAILED)
    return protocol.watch(state, event)


def closes_at_once(state: State, event: Event) -> protocol.Move:
    """Weaker: "recovered" closes the intent although the PUT may still act."""
    after, command = protocol.watch(state, event)
    return (replace(after, phase=Phase.DONE) if after.phase is Phase.OPEN else after), command


def ignores_the_episode(state: State, event: Event) -> protocol.Move:
    """Weaker: a second PUT does not look at lastOpDate."""
    assert isinstance(event, Look)
    if event.sight is Sight.DELETED:
        state = replace(state, episode=event.last_op)
    return protocol.watch(state, event)


def believes_soft_faults(state: State, event: Event) -> protocol.Move:
    """Weaker: a failure that is not certain, or no record, counts as an end."""
    assert isinstance(event, Look)
    if event.job is Job.UNCLEAR and event.sight is Sight.DELETED:
        return protocol.say(state, Outcome.FAILED)
    return protocol.watch(state, event)


def in_server(world: World) -> bool:
    return bool(world.server)


WEAKER = {
    "the larger of the two waits instead of their sum": (Rules(quiet=lambda w: not in_server(w)), CALM, "I1"),
    "no api_timeout after the settle wait": (Rules(quiet=lambda w: not w.net), CALM, "I1"),
    "no wait at all": (Rules(quiet=lambda _w: True), CALM, "I1"),
    "the intent after the PUT": (Rules(intent_first=False), CALM, "I1"),
    "no read of the volume after the job": (Rules(table=changed(watch=believes_the_job)), Setting(), "I3"),
    "a report that closes the intent": (Rules(table=changed(watch=closes_at_once)), Setting(), "I6"),
    "any lastOpDate": (Rules(table=changed(watch=ignores_the_episode)), Setting(), "I7"),
    "a passing fault is an end": (Rules(table=changed(watch=believes_soft_faults)), CALM, "I3"),
    "a later run does not settle first": (Rules(settles=False), Setting(later=1, sends=2, deletions=0), "I1"),
}


@pytest.mark.parametrize("name", WEAKER)
def test_each_condition_is_needed(name: str) -> None:
    rules, setting, promise = WEAKER[name]
    found = explore(Model(setting, rules), first_only=True)
    if promise not in found.names:
        found = explore(Model(setting, rules))
    assert promise in found.names, found.broken
    shortest = next(steps for broken, steps in found.broken.items() if broken.startswith(promise))
    print(f"{name}: {promise} after {len(shortest)} steps: {'; '.join(shortest)}")


def test_the_model_reaches_every_row_of_the_table() -> None:
    """Every rule is exercised, but for giving up (a decision of the engine's clock) and what only a person decides."""
    fired: set[Any] = set()
    for name in ("one wait", "a session expires", "somebody runs it again later"):
        model = Model(HOLDS[name])
        explore(model)
        fired |= model.fired
    never = {row for row in TRANSITIONS if row[1] is not GiveUp} - fired
    # a refusal or a synchronous answer of the PUT, and the closing of an intent, are not in this world
    assert never == {(Phase.CLAIMED, Look), (Phase.REFUSED, Look), (Phase.OPEN, Look)} & never
    assert (Phase.WATCH, Look) in fired
    assert (Phase.SENDING, Answered) in fired


def test_a_synchronous_answer_is_not_believed_without_the_volume() -> None:
    state = State(phase=Phase.CLAIMED, episode="x", sends=1)
    look = Look(Sight.DELETED, "x")
    assert protocol.advance(state, look)[1] is Do.WATCH
    assert protocol.advance(state, replace(look, patience=True))[1] == Say(Outcome.CONTRADICTED)
    assert protocol.advance(state, Look(Sight.BACK))[1] == Say(Outcome.RECOVERED, by_zvol=True)
