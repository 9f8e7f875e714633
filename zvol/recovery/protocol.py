"""The state machine of recovering one volume: events in, commands out, no clock and no socket.

`TRANSITIONS` is the whole protocol: for each phase and kind of event, what zvol concludes or does next.  The model in
`tests/model` walks this same table through every interleaving of network, server and other people, and shows that each
of its conditions is needed.  Time enters only as two facts of an `Observed`: `quiet` (the quiet period was over before
these reads began) and `grace_elapsed` (the server reported "done" a while ago).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def conclude(
    state: ProtocolState,
    outcome: Outcome,
    why: Reason = Reason.NONE,
    *,
    by_zvol: bool = False,
    phase: Phase = Phase.DONE,
) -> Move:
    return state._replace(phase=phase), Conclude(outcome, why, by_zvol)


def keep_polling(state: ProtocolState, _event: Event) -> Move:
    return state, Command.POLL


def conclude_absent(state: ProtocolState) -> Move:
    """Conclude that it is gone, unless it may only be invisible here and a request of another account may act."""
    if state.foreign:
        return conclude(state, Outcome.UNKNOWN, Reason.ELSEWHERE, phase=Phase.UNRESOLVED)
    return conclude(state, Outcome.GONE)


def send_again(state: ProtocolState, event: Observed) -> Move:
    """Send under a new job id, unless the volume changed: nothing of ours can act, and it is still deleted."""
    if event.last_op != state.expected_last_op_date:
        return conclude(state, Outcome.FAILED, Reason.CHANGED)
    if state.sends >= MAX_SENDS:
        return conclude(state, Outcome.UNKNOWN, Reason.NO_SENDS_LEFT)
    return state._replace(phase=Phase.INTENT), Command.WRITE


# ---- one rule for each phase -------------------------------------------------------------------------------------
def start(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.ALREADY)
    if event.observation is Observation.ABSENT:
        return conclude_absent(state)
    if event.observation is Observation.DENIED:
        return conclude(state, Outcome.NOT_SENT, Reason.SESSION)
    if state.expected_last_op_date not in (None, event.last_op):
        return conclude(state, Outcome.FAILED, Reason.CHANGED)
    return state._replace(phase=Phase.INTENT, expected_last_op_date=event.last_op), Command.WRITE


def settle(state: ProtocolState, event: Event) -> Move:
    """Wait until an open intent of an earlier run cannot act any more; only then does this run begin.

    The user meant the deletion that is there now, so the lastOpDate of this run's first read counts.  The intent may be
    one of another server or account: then no job is polled, and only the end of the quiet period counts.
    """
    assert isinstance(event, Observed)
    if event.job in ENDED or event.quiet:
        return start(state._replace(phase=Phase.START), event)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.ALREADY, phase=Phase.UNSETTLED)
    if event.observation is Observation.ABSENT:
        return conclude_absent(state)
    return keep_polling(state, event)


def intent_recorded(state: ProtocolState, _event: Event) -> Move:
    return state._replace(phase=Phase.SENDING, sends=state.sends + 1, answered=False), Command.SEND


def read_expired(state: ProtocolState, _event: Event) -> Move:
    """Read the volume again before its PUT leaves; an intent that was recorded for it is void."""
    sends = state.sends - (state.phase is Phase.SENDING)
    return state._replace(phase=Phase.RETRY if sends else Phase.START, sends=sends), Command.POLL


def put_answered(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, PutAnswered)
    match event.put:
        case PutResult.ACCEPTED:
            return state._replace(phase=Phase.POLL, answered=True), Command.POLL
        case PutResult.DUPLICATE | PutResult.UNCLEAR:
            return state._replace(phase=Phase.POLL), Command.POLL
        case PutResult.DONE:
            return state._replace(phase=Phase.REPORTED_DONE), Command.POLL
        case PutResult.REFUSED:
            return state._replace(phase=Phase.REFUSED), Command.POLL
        case PutResult.SESSION:
            return without_session(state)
        case PutResult.REDIRECTED:
            return conclude(state, Outcome.FAILED, Reason.REDIRECT)
        case PutResult.NEVER_SENT:
            return conclude(state, Outcome.NOT_SENT if state.sends == 1 else Outcome.UNKNOWN, Reason.GAVE_UP)


def without_session(state: ProtocolState) -> Move:
    """Log in again, or fail the second time: the server did nothing, since it does not accept our session."""
    if state.renewed:
        return conclude(state, Outcome.FAILED, Reason.SESSION)
    return state._replace(phase=Phase.RENEW), Command.RENEW


def polled(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.ABSENT:
        return conclude_absent(state)
    if event.job is JobStatus.SESSION and event.observation is not Observation.BACK:
        return without_session(state)
    if event.job in (JobStatus.DONE, JobStatus.REFUSED):
        return job_ended(state, event)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.RECOVERED, phase=Phase.DONE if cannot_act(event) else Phase.UNSETTLED)
    if event.quiet and event.observation is Observation.DELETED:
        return send_again(state, event)
    if event.quiet and event.observation is Observation.DENIED:
        return conclude(state, Outcome.UNKNOWN, Reason.SESSION)
    return keep_polling(state, event)


def cannot_act(event: Observed) -> bool:
    """No request of ours can act any more."""
    return event.quiet or event.job is JobStatus.SESSION


def job_ended(state: ProtocolState, event: Observed) -> Move:
    """The job has ended, done or certainly refused; the volume, read after that, decides."""
    if event.job is JobStatus.DONE:
        return reported_done(state._replace(phase=Phase.REPORTED_DONE), event)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.RECOVERED)
    if event.observation is Observation.DENIED:
        return conclude(state, Outcome.UNKNOWN, Reason.NOT_READ_BACK, phase=Phase.UNRESOLVED)
    return conclude(state, Outcome.FAILED, Reason.SERVER)


def reported_done(state: ProtocolState, event: Event) -> Move:
    """The server reported done: the volume is back, or is read again for a while before that is a contradiction."""
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.RECOVERED, by_zvol=True)
    if event.observation is Observation.ABSENT:
        return conclude_absent(state)
    if event.observation is Observation.DENIED:
        return conclude(state, Outcome.UNKNOWN, Reason.NOT_READ_BACK, phase=Phase.UNRESOLVED)
    if event.last_op != state.expected_last_op_date:
        return conclude(state, Outcome.FAILED, Reason.CHANGED)
    if event.grace_elapsed:
        return conclude(state, Outcome.CONTRADICTED)
    return keep_polling(state, event)


def refused(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.RECOVERED)
    if event.observation is Observation.ABSENT:
        return conclude_absent(state)
    return conclude(state, Outcome.FAILED, Reason.SERVER)


def session_renewed(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, SessionRenewed)
    if not event.ok:
        return conclude(state, Outcome.FAILED, Reason.SESSION)
    return state._replace(phase=Phase.RETRY, renewed=True), Command.POLL


def retry(state: ProtocolState, event: Event) -> Move:
    assert isinstance(event, Observed)
    if event.observation is Observation.BACK:
        return conclude(state, Outcome.RECOVERED)
    if event.observation is Observation.ABSENT:
        return conclude_absent(state)
    if event.observation is Observation.DENIED:
        return conclude(state, Outcome.FAILED, Reason.SESSION)
    return send_again(state, event)


def give_up_unsent(state: ProtocolState, _event: Event) -> Move:
    outcome = Outcome.NOT_SENT if state.sends == 0 else Outcome.UNKNOWN
    return conclude(state, outcome, Reason.GAVE_UP)


def give_up_unresolved(state: ProtocolState, _event: Event) -> Move:
    """Conclude `unknown`: a PUT of ours may act, or the volume could not be read back."""
    return conclude(state, Outcome.UNKNOWN, Reason.GAVE_UP, phase=Phase.UNRESOLVED)


TRANSITIONS: Final[Mapping[tuple[Phase, type[Event]], Rule]] = {
    (Phase.START, Observed): start,
    (Phase.START, GiveUp): give_up_unsent,
    (Phase.SETTLE, Observed): settle,
    (Phase.SETTLE, GiveUp): give_up_unresolved,
    (Phase.INTENT, IntentRecorded): intent_recorded,
    (Phase.INTENT, ReadExpired): read_expired,
    (Phase.INTENT, GiveUp): give_up_unsent,
    (Phase.SENDING, ReadExpired): read_expired,
    (Phase.SENDING, PutAnswered): put_answered,
    (Phase.SENDING, GiveUp): give_up_unresolved,
    (Phase.POLL, Observed): polled,
    (Phase.POLL, GiveUp): give_up_unresolved,
    (Phase.REPORTED_DONE, Observed): reported_done,
    (Phase.REPORTED_DONE, GiveUp): give_up_unresolved,
    (Phase.REFUSED, Observed): refused,
    (Phase.REFUSED, GiveUp): give_up_unresolved,
    (Phase.RENEW, SessionRenewed): session_renewed,
    (Phase.RENEW, GiveUp): give_up_unresolved,
    (Phase.RETRY, Observed): retry,
    (Phase.RETRY, GiveUp): give_up_unresolved,
}


def advance(state: ProtocolState, event: Event, table: Mapping[tuple[Phase, type[Event]], Rule] = TRANSITIONS) -> Move:
    """Return the next state and the command; raises KeyError if the event cannot occur in this phase."""
    return table[state.phase, type(event)](state, event)


def resumed(expected_last_op_date: str | None) -> ProtocolState:
    """Return the state of a volume whose intent an interrupted run left open: its PUT may act."""
    return ProtocolState(phase=Phase.POLL, expected_last_op_date=expected_last_op_date, sends=1)
