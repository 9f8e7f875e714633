"""The state machine of recovering one volume: events in, commands out, no clock and no socket.

`TRANSITIONS` is the whole of it: for each phase and kind of event, what zvol concludes and does next.  The model in
`tests/model` walks this same table through every interleaving of network, server and other people, and shows that each
of its conditions is needed.  Time enters only as two facts in a `Look`: `quiet` (the quiet time was over before these
reads began) and `patience` (the server said "done" a while ago).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from zvol.model import Outcome
from zvol.recovery.states import (
    ENDED,
    MAX_SENDS,
    Command,
    Conclude,
    Decision,
    Event,
    GiveUp,
    IntentRecorded,
    JobStatus,
    Observation,
    Observed,
    Phase,
    ProtocolState,
    PutAnswered,
    PutResult,
    ReadExpired,
    Reason,
    SessionRenewed,
)

Move = tuple[ProtocolState, Decision]
Rule = Callable[[ProtocolState, Event], Move]


def say(
    state: ProtocolState,
    outcome: Outcome,
    why: Reason = Reason.NONE,
    *,
    by_zvol: bool = False,
    left: Phase = Phase.DONE,
) -> Move:
    return replace(state, phase=left), Conclude(outcome, why, by_zvol)


def stay(state: ProtocolState, _event: Event) -> Move:
    return state, Command.POLL


def absent(state: ProtocolState) -> Move:
    """It is gone, unless it may only be out of our sight: then what others have sent may still bring it back."""
    if state.foreign:
        return say(state, Outcome.UNKNOWN, Reason.ELSEWHERE, left=Phase.UNRESOLVED)
    return say(state, Outcome.GONE)


def resent(state: ProtocolState, event: Observed) -> Move:
    """Nothing of ours can act any more and the volume is still deleted: send under a new id, if that is still right."""
    if event.last_op != state.expected_last_op_date:
        return say(state, Outcome.FAILED, Reason.CHANGED)
    if state.sends >= MAX_SENDS:
        return say(state, Outcome.UNKNOWN, Reason.NO_SENDS_LEFT)
    return replace(state, phase=Phase.INTENT), Command.WRITE


# ---- one rule for each phase -------------------------------------------------------------------------------------
def start(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return say(state, Outcome.ALREADY)
    if event.observation is Observation.ABSENT:
        return absent(state)
    if event.observation is Observation.DENIED:
        return say(state, Outcome.NOT_SENT, Reason.SESSION)
    if state.expected_last_op_date not in (None, event.last_op):
        return say(state, Outcome.FAILED, Reason.CHANGED)
    return replace(state, phase=Phase.INTENT, expected_last_op_date=event.last_op), Command.WRITE


def settle(state: ProtocolState, event: Event) -> Move:
    """An earlier run left an intent open: only when it cannot act any more does this run begin.

    It was asked for the deletion that is there now, so the `episode` of its first look counts.  The intent may be that
    of another server or account: then no job is asked, and only time tells.
    """
    assert isinstance(event, Observed)
    if event.job in ENDED or event.quiet:
        return start(replace(state, phase=Phase.START), event)
    if event.observation is Observation.BACK:
        return say(state, Outcome.ALREADY, left=Phase.UNSETTLED)
    if event.observation is Observation.ABSENT:
        return absent(state)
    return stay(state, event)


def written(state: ProtocolState, _event: Event) -> Move:
    return replace(state, phase=Phase.SENDING, sends=state.sends + 1, answered=False), Command.SEND


def stale(state: ProtocolState, _event: Event) -> Move:
    """The volume must be read again before its PUT leaves; an intent that was written for it is void."""
    sends = state.sends - (state.phase is Phase.SENDING)
    return replace(state, phase=Phase.RETRY if sends else Phase.START, sends=sends), Command.POLL


def answered(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, PutAnswered)
    match event.put:
        case PutResult.ACCEPTED:
            return replace(state, phase=Phase.POLL, answered=True), Command.POLL
        case PutResult.DUPLICATE | PutResult.UNCLEAR:
            return replace(state, phase=Phase.POLL), Command.POLL
        case PutResult.DONE:
            return replace(state, phase=Phase.REPORTED_DONE), Command.POLL
        case PutResult.REFUSED:
            return replace(state, phase=Phase.REFUSED), Command.POLL
        case PutResult.SESSION:
            return without_session(state)
        case PutResult.REDIRECTED:
            return say(state, Outcome.FAILED, Reason.REDIRECT)
        case PutResult.NEVER_SENT:
            return say(state, Outcome.NOT_SENT if state.sends == 1 else Outcome.UNKNOWN, Reason.GAVE_UP)


def without_session(state: ProtocolState) -> Move:
    """The server did nothing because it does not accept our session."""
    if state.renewed:
        return say(state, Outcome.FAILED, Reason.SESSION)
    return replace(state, phase=Phase.RENEW), Command.RENEW


def watch(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.ABSENT:
        return absent(state)
    if event.job is JobStatus.SESSION and event.observation is not Observation.BACK:
        return without_session(state)
    if event.job in (JobStatus.DONE, JobStatus.REFUSED):
        return ended(state, event)
    if event.observation is Observation.BACK:
        return say(state, Outcome.RECOVERED, left=Phase.DONE if settled(event) else Phase.UNSETTLED)
    if event.quiet and event.observation is Observation.DELETED:
        return resent(state, event)
    if event.quiet and event.observation is Observation.DENIED:
        return say(state, Outcome.UNKNOWN, Reason.SESSION)
    return stay(state, event)


def settled(event: Observed) -> bool:
    """Nothing of ours can act any more."""
    return event.quiet or event.job is JobStatus.SESSION


def ended(state: ProtocolState, event: Observed) -> Move:
    """The job has ended, done or refused for certain; the volume, read after that, decides."""
    done = event.job is JobStatus.DONE
    if event.observation is Observation.BACK:
        return say(state, Outcome.RECOVERED, by_zvol=done)
    if event.observation is Observation.DENIED:
        return say(state, Outcome.UNKNOWN, Reason.NOT_READ_BACK, left=Phase.UNRESOLVED)
    if done:
        return claimed(replace(state, phase=Phase.REPORTED_DONE), event)
    return say(state, Outcome.FAILED, Reason.SERVER)


def claimed(state: ProtocolState, event: Event) -> Move:
    """The server says done: the volume is back, or is read again for a while before it is called a contradiction."""
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return say(state, Outcome.RECOVERED, by_zvol=True)
    if event.observation is Observation.ABSENT:
        return absent(state)
    if event.observation is Observation.DENIED:
        return say(state, Outcome.UNKNOWN, Reason.NOT_READ_BACK, left=Phase.UNRESOLVED)
    if event.observation is Observation.DELETED and event.last_op != state.expected_last_op_date:
        return say(state, Outcome.FAILED, Reason.CHANGED)
    if event.observation is Observation.DELETED and event.grace_elapsed:
        return say(state, Outcome.CONTRADICTED)
    return stay(state, event)


def refused(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return say(state, Outcome.RECOVERED)
    if event.observation is Observation.ABSENT:
        return absent(state)
    return say(state, Outcome.FAILED, Reason.SERVER)


def renewed(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, SessionRenewed)
    if not event.ok:
        return say(state, Outcome.FAILED, Reason.SESSION)
    return replace(state, phase=Phase.RETRY, renewed=True), Command.POLL


def retry(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return say(state, Outcome.RECOVERED)
    if event.observation is Observation.ABSENT:
        return absent(state)
    if event.observation is Observation.DENIED:
        return say(state, Outcome.FAILED, Reason.SESSION)
    return resent(state, event)


def unsent(state: ProtocolState, _event: Event) -> Move:
    outcome = Outcome.NOT_SENT if state.sends == 0 else Outcome.UNKNOWN
    return say(state, outcome, Reason.GAVE_UP)


def abandoned(state: ProtocolState, _event: Event) -> Move:
    """A PUT of ours may act, or the volume could not be read back: zvol does not know, and says so."""
    return say(state, Outcome.UNKNOWN, Reason.GAVE_UP, left=Phase.UNRESOLVED)


TRANSITIONS: Final[Mapping[tuple[Phase, type[Event]], Rule]] = {
    (Phase.START, Observed): start,
    (Phase.START, GiveUp): unsent,
    (Phase.SETTLE, Observed): settle,
    (Phase.SETTLE, GiveUp): abandoned,
    (Phase.INTENT, IntentRecorded): written,
    (Phase.INTENT, ReadExpired): stale,
    (Phase.INTENT, GiveUp): unsent,
    (Phase.SENDING, ReadExpired): stale,
    (Phase.SENDING, PutAnswered): answered,
    (Phase.SENDING, GiveUp): abandoned,
    (Phase.POLL, Observed): watch,
    (Phase.POLL, GiveUp): abandoned,
    (Phase.REPORTED_DONE, Observed): claimed,
    (Phase.REPORTED_DONE, GiveUp): abandoned,
    (Phase.REFUSED, Observed): refused,
    (Phase.REFUSED, GiveUp): abandoned,
    (Phase.RENEW, SessionRenewed): renewed,
    (Phase.RENEW, GiveUp): abandoned,
    (Phase.RETRY, Observed): retry,
    (Phase.RETRY, GiveUp): abandoned,
}


def advance(state: ProtocolState, event: Event, table: Mapping[tuple[Phase, type[Event]], Rule] = TRANSITIONS) -> Move:
    """Return the next state and what is to be done; KeyError when the event makes no sense in this phase."""
    return table[state.phase, type(event)](state, event)


def resumed(expected_last_op_date: str | None) -> ProtocolState:
    """Return the state of a volume whose intent an interrupted run left open: its PUT may act."""
    return ProtocolState(phase=Phase.POLL, expected_last_op_date=expected_last_op_date, sends=1)
