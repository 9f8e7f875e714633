"""Weaker rules: each takes one condition away, and each is found broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tests.model.world import JOBS, Rules, Setting, Table, World
from zvol.model import Outcome
from zvol.recovery import protocol
from zvol.recovery.protocol import TRANSITIONS, Move, Rule
from zvol.recovery.states import (
    Event,
    GiveUp,
    JobStatus,
    Observation,
    Observed,
    Phase,
    ProtocolState,
    PutAnswered,
    PutResult,
)

CALM: Final = Setting(crashes=1, lost_saves=1, faults=1, helpers=1, kills=1)
"""Nobody deletes the volume again."""

STORMY: Final = replace(CALM, deletions=1)


@dataclass(frozen=True)
class Weaker:
    """A weaker rule, and the promise that it breaks in a setting."""

    rules: Rules
    setting: Setting
    breaks: str


def changed(rules: Mapping[Phase, Rule], event: type[Event] = Observed) -> Table:
    """Return the product's table with some rules replaced."""
    return {**TRANSITIONS, **{(phase, event): rule for phase, rule in rules.items()}}


# ---- what may be concluded from a read --------------------------------------------------------------------------
def believes_the_job(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.job is JobStatus.REFUSED:
        return protocol.conclude(state, Outcome.FAILED)
    return protocol.polled(state, event)


def believes_done(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.job is JobStatus.DONE:
        return protocol.conclude(state, Outcome.RECOVERED)
    return protocol.polled(state, event)


def closes_at_once(state: ProtocolState, event: Event) -> Move:
    after, command = protocol.polled(state, event)
    return (after._replace(phase=Phase.DONE) if after.phase is Phase.UNSETTLED else after), command


def takes_any_deletion(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    state = state._replace(
        expected_last_op_date=event.last_op
        if event.observation is Observation.DELETED
        else state.expected_last_op_date,
    )
    return TRANSITIONS[state.phase, Observed](state, event)


def fails_when_quiet(state: ProtocolState, event: Event) -> Move:
    """The volume is not read when the quiet period is over."""
    assert isinstance(event, Observed)
    return protocol.conclude(state, Outcome.FAILED) if event.quiet else protocol.polled(state, event)


def starts_at_once(state: ProtocolState, event: Event) -> Move:
    """A later run takes no notice of what an earlier one left open."""
    return protocol.start(state._replace(phase=Phase.START), event)


def settles_without_a_trace(state: ProtocolState, event: Event) -> Move:
    """A later run that finds the volume back closes what an earlier one left open."""
    after, command = protocol.settle(state, event)
    return (after._replace(phase=Phase.DONE) if after.phase is Phase.UNSETTLED else after), command


def forgets(state: ProtocolState, _event: Event) -> Move:
    """Giving up closes the intent."""
    return protocol.conclude(state, Outcome.UNKNOWN)


def takes_silence_for_refusal(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, PutAnswered)
    return protocol.put_answered(state, PutAnswered(PutResult.REFUSED) if event.put is PutResult.UNCLEAR else event)


def takes_silence_for_never_sent(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, PutAnswered)
    return protocol.put_answered(state, PutAnswered(PutResult.NEVER_SENT) if event.put is PutResult.UNCLEAR else event)


# ---- when nothing of ours can act any more ----------------------------------------------------------------------
def larger_wait(world: World) -> bool:
    """Both waits begin at the PUT: the server's is over while a proxy still holds it."""
    return not world.server


def settle_wait_only(world: World) -> bool:
    return not world.net and not any(stage == "arrived" for _, _, stage in world.server)


def one_timeout(world: World) -> bool:
    """The timeout counts once, although the message for the root volume has the whole of it again."""
    return not any(stage not in ("inner", "half", "orphan") for _, _, stage in world.server) and (
        world.state.answered or not world.net
    )


WEAKER: Final[Mapping[str, Weaker]] = {
    "the larger of the two waits, not their sum": Weaker(Rules(quiet=larger_wait), CALM, "I1"),
    "no api_timeout after the settle_wait": Weaker(Rules(quiet=settle_wait_only), CALM, "I1"),
    "no quiet period": Weaker(Rules(quiet=lambda _: True), CALM, "I2"),
    "a quiet period that never ends": Weaker(Rules(quiet=lambda _: False), Setting(sends=2, lost_saves=1), "I5"),
    "the intent is written after the PUT": Weaker(Rules(intent_first=False), CALM, "I1"),
    "no read of the volume after a refused job": Weaker(Rules(changed({Phase.POLL: believes_the_job})), STORMY, "I3"),
    "no read of the volume after a finished job": Weaker(Rules(changed({Phase.POLL: believes_done})), STORMY, "I4"),
    "no read of the volume after the quiet period": Weaker(Rules(changed({Phase.POLL: fails_when_quiet})), CALM, "I3"),
    "an outcome that closes an intent that may act": Weaker(Rules(changed({Phase.POLL: closes_at_once})), STORMY, "I6"),
    "any lastOpDate for a second PUT": Weaker(Rules(changed({Phase.POLL: takes_any_deletion})), STORMY, "I7"),
    "any lastOpDate after a new session": Weaker(
        Rules(changed({Phase.RETRY: takes_any_deletion})), replace(STORMY, expiries=1, crashes=0), "I7"
    ),
    "a transient error counts as the end, and a proxy duplicates a PUT": Weaker(
        Rules(jobs={**JOBS, "soft": JobStatus.REFUSED}), replace(CALM, doubles=1, sends=2), "I3"
    ),
    "a missing job counts as the end": Weaker(Rules(jobs={**JOBS, "-": JobStatus.REFUSED}), CALM, "I3"),
    "no answer counts as a refusal": Weaker(
        Rules(changed({Phase.SENDING: takes_silence_for_refusal}, PutAnswered)), CALM, "I3"
    ),
    "no answer counts as never sent": Weaker(
        Rules(changed({Phase.SENDING: takes_silence_for_never_sent}, PutAnswered)), CALM, "I3"
    ),
    "a later run that does not settle": Weaker(
        Rules(changed({Phase.SETTLE: starts_at_once})), replace(CALM, later=1, sends=2), "I1"
    ),
    "a later run that closes what it did not settle": Weaker(
        Rules(changed({Phase.SETTLE: settles_without_a_trace})), replace(STORMY, later=1, sends=2), "I6"
    ),
    "a resumed run that treats an inherited intent as its own": Weaker(
        Rules(settles_inherited=False), Setting(sends=2, helpers=1, deletions=1, kills=2, later=1), "I8"
    ),
    "no wait for what another account has sent": Weaker(
        Rules(waits_for_others=False), Setting(foreign=True, crashes=1), "I1"
    ),
    "giving up closes the intent": Weaker(
        Rules(changed({Phase.POLL: forgets}, GiveUp)), replace(CALM, later=1, giveups=1, sends=2), "I1"
    ),
    "the timeout counts once for a VM": Weaker(Rules(quiet=one_timeout), replace(CALM, vm=True), "I1"),
    "a VM is judged by its state alone": Weaker(
        Rules(judge=lambda world: world.volume), replace(STORMY, vm=True, crashes=0, faults=0, lost_saves=0), "I4"
    ),
    "a VM is judged by its root volume alone": Weaker(
        Rules(judge=lambda world: world.root or ""), replace(CALM, vm=True, lost_saves=0), "I4"
    ),
    "an answered PUT may have a copy outside the server (A3)": Weaker(
        Rules(), replace(CALM, doubles=1, alone=False), "I1"
    ),
}
