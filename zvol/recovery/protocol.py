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
    MAX_SENDS,
    Answered,
    Command,
    Do,
    Event,
    GiveUp,
    Job,
    Look,
    Phase,
    Put,
    Renewed,
    Say,
    Sight,
    Stale,
    State,
    Why,
    Written,
)

Move = tuple[State, Command]
Rule = Callable[[State, Event], Move]


def say(
    state: State, outcome: Outcome, why: Why = Why.NONE, *, by_zvol: bool = False, left: Phase = Phase.DONE
) -> Move:
    return replace(state, phase=left), Say(outcome, why, by_zvol)


def stay(state: State, _event: Event) -> Move:
    return state, Do.WATCH


def absent(state: State) -> Move:
    """It is gone, unless it may only be out of our sight: then what others have sent may still bring it back."""
    if state.foreign:
        return say(state, Outcome.UNKNOWN, Why.ELSEWHERE, left=Phase.LEFT)
    return say(state, Outcome.GONE)


def resent(state: State, event: Look) -> Move:
    """Nothing of ours can act any more and the volume is still deleted: send under a new id, if that is still right."""
    if event.last_op != state.episode:
        return say(state, Outcome.FAILED, Why.CHANGED)
    if state.sends >= MAX_SENDS:
        return say(state, Outcome.UNKNOWN, Why.NO_SENDS_LEFT)
    return replace(state, phase=Phase.INTENT), Do.WRITE


# ---- one rule for each phase -------------------------------------------------------------------------------------
def start(state: State, event: Event) -> Move:
    assert isinstance(event, Look)
    if event.sight is Sight.BACK:
        return say(state, Outcome.ALREADY)
    if event.sight is Sight.ABSENT:
        return absent(state)
    if event.sight is Sight.DENIED:
        return say(state, Outcome.NOT_SENT, Why.SESSION)
    if event.sight is Sight.DELETED and state.episode not in (None, event.last_op):
        return say(state, Outcome.FAILED, Why.CHANGED)
    if event.sight is Sight.DELETED:
        return replace(state, phase=Phase.INTENT, episode=event.last_op), Do.WRITE
    return stay(state, event)


def settle(state: State, event: Event) -> Move:
    """An earlier run left an intent open: only when it cannot act any more does this run begin.

    It was asked for the deletion that is there now, so the `episode` of its first look counts.  The intent may be that
    of another server or account: then no job is asked, and only time tells.
    """
    assert isinstance(event, Look)
    if event.job in (Job.DONE, Job.REFUSED, Job.SESSION) or event.quiet:
        return start(replace(state, phase=Phase.START), event)
    if event.sight is Sight.BACK:
        return say(state, Outcome.ALREADY, left=Phase.OPEN)
    if event.sight is Sight.ABSENT:
        return absent(state)
    return stay(state, event)


def written(state: State, _event: Event) -> Move:
    return replace(state, phase=Phase.SENDING, sends=state.sends + 1, answered=False), Do.SEND


def stale(state: State, _event: Event) -> Move:
    """The volume must be read again before its PUT leaves; an intent that was written for it is void."""
    sends = state.sends - (state.phase is Phase.SENDING)
    return replace(state, phase=Phase.RETRY if sends else Phase.START, sends=sends), Do.WATCH


def answered(state: State, event: Event) -> Move:
    assert isinstance(event, Answered)
    match event.put:
        case Put.ACCEPTED:
            return replace(state, phase=Phase.WATCH, answered=True), Do.WATCH
        case Put.DUPLICATE | Put.UNCLEAR:
            return replace(state, phase=Phase.WATCH), Do.WATCH
        case Put.DONE:
            return replace(state, phase=Phase.CLAIMED), Do.WATCH
        case Put.REFUSED:
            return replace(state, phase=Phase.REFUSED), Do.WATCH
        case Put.SESSION:
            return without_session(state)
        case Put.REDIRECTED:
            return say(state, Outcome.FAILED, Why.REDIRECT)
        case Put.NEVER_SENT:
            return say(state, Outcome.NOT_SENT if state.sends == 1 else Outcome.UNKNOWN, Why.GAVE_UP)


def without_session(state: State) -> Move:
    """The server did nothing because it does not accept our session."""
    if state.renewed:
        return say(state, Outcome.FAILED, Why.SESSION)
    return replace(state, phase=Phase.RENEW), Do.RENEW


def watch(state: State, event: Event) -> Move:
    assert isinstance(event, Look)
    if event.sight is Sight.ABSENT:
        return absent(state)
    if event.job is Job.SESSION and event.sight is not Sight.BACK:
        return without_session(state)
    if event.job in (Job.DONE, Job.REFUSED):
        return ended(state, event)
    if event.sight is Sight.BACK:
        return say(state, Outcome.RECOVERED, left=Phase.DONE if settled(event) else Phase.OPEN)
    if event.quiet and event.sight is Sight.DELETED:
        return resent(state, event)
    if event.quiet and event.sight is Sight.DENIED:
        return say(state, Outcome.UNKNOWN, Why.SESSION)
    return stay(state, event)


def settled(event: Look) -> bool:
    """Nothing of ours can act any more."""
    return event.quiet or event.job is Job.SESSION


def ended(state: State, event: Look) -> Move:
    """The job has ended, done or refused for certain; the volume, read after that, decides."""
    done = event.job is Job.DONE
    if event.sight is Sight.BACK:
        return say(state, Outcome.RECOVERED, by_zvol=done)
    if event.sight is Sight.DENIED:
        return say(state, Outcome.UNKNOWN, Why.NOT_READ_BACK, left=Phase.LEFT)
    if event.sight is Sight.UNREADABLE:
        return stay(state, event)
    if done:
        return claimed(replace(state, phase=Phase.CLAIMED), event)
    return say(state, Outcome.FAILED, Why.SERVER)


def claimed(state: State, event: Event) -> Move:
    """The server says done: the volume is back, or is read again for a while before it is called a contradiction."""
    assert isinstance(event, Look)
    if event.sight is Sight.BACK:
        return say(state, Outcome.RECOVERED, by_zvol=True)
    if event.sight is Sight.ABSENT:
        return absent(state)
    if event.sight is Sight.DENIED:
        return say(state, Outcome.UNKNOWN, Why.NOT_READ_BACK, left=Phase.LEFT)
    if event.sight is Sight.DELETED and event.last_op != state.episode:
        return say(state, Outcome.FAILED, Why.CHANGED)
    if event.sight is Sight.DELETED and event.patience:
        return say(state, Outcome.CONTRADICTED)
    return stay(state, event)


def refused(state: State, event: Event) -> Move:
    assert isinstance(event, Look)
    if event.sight is Sight.BACK:
        return say(state, Outcome.RECOVERED)
    if event.sight is Sight.ABSENT:
        return absent(state)
    if event.sight in (Sight.DELETED, Sight.DENIED):
        return say(state, Outcome.FAILED, Why.SERVER)
    return stay(state, event)


def renewed(state: State, event: Event) -> Move:
    assert isinstance(event, Renewed)
    if not event.ok:
        return say(state, Outcome.FAILED, Why.SESSION)
    return replace(state, phase=Phase.RETRY, renewed=True), Do.WATCH


def retry(state: State, event: Event) -> Move:
    assert isinstance(event, Look)
    if event.sight is Sight.BACK:
        return say(state, Outcome.RECOVERED)
    if event.sight is Sight.ABSENT:
        return absent(state)
    if event.sight is Sight.DENIED:
        return say(state, Outcome.FAILED, Why.SESSION)
    if event.sight is Sight.DELETED:
        return resent(state, event)
    return stay(state, event)


def open_intent(state: State, event: Event) -> Move:
    assert isinstance(event, Look)
    if event.job in (Job.DONE, Job.REFUSED, Job.SESSION) or event.quiet:
        return replace(state, phase=Phase.DONE), Do.CLOSE
    return stay(state, event)


def unsent(state: State, _event: Event) -> Move:
    outcome = Outcome.NOT_SENT if state.sends == 0 else Outcome.UNKNOWN
    return say(state, outcome, Why.GAVE_UP)


def abandoned(state: State, _event: Event) -> Move:
    """A PUT of ours may act, or the volume could not be read back: zvol does not know, and says so."""
    return say(state, Outcome.UNKNOWN, Why.GAVE_UP, left=Phase.LEFT)


def without_word(state: State, _event: Event) -> Move:
    """Only the closing of an intent is given up; the word was said before."""
    return state, Do.WATCH


TRANSITIONS: Final[Mapping[tuple[Phase, type[Event]], Rule]] = {
    (Phase.START, Look): start,
    (Phase.START, GiveUp): unsent,
    (Phase.SETTLE, Look): settle,
    (Phase.SETTLE, GiveUp): abandoned,
    (Phase.INTENT, Written): written,
    (Phase.INTENT, Stale): stale,
    (Phase.INTENT, GiveUp): unsent,
    (Phase.SENDING, Stale): stale,
    (Phase.SENDING, Answered): answered,
    (Phase.SENDING, GiveUp): abandoned,
    (Phase.WATCH, Look): watch,
    (Phase.WATCH, GiveUp): abandoned,
    (Phase.CLAIMED, Look): claimed,
    (Phase.CLAIMED, GiveUp): abandoned,
    (Phase.REFUSED, Look): refused,
    (Phase.REFUSED, GiveUp): abandoned,
    (Phase.RENEW, Renewed): renewed,
    (Phase.RENEW, GiveUp): abandoned,
    (Phase.RETRY, Look): retry,
    (Phase.RETRY, GiveUp): abandoned,
    (Phase.OPEN, Look): open_intent,
    (Phase.OPEN, GiveUp): without_word,
}


def advance(state: State, event: Event, table: Mapping[tuple[Phase, type[Event]], Rule] = TRANSITIONS) -> Move:
    """Return the next state and what is to be done; KeyError when the event makes no sense in this phase."""
    return table[state.phase, type(event)](state, event)


def resumed(episode: str | None) -> State:
    """Return the state of a volume whose intent an interrupted run left open: its PUT may act."""
    return State(phase=Phase.WATCH, episode=episode, sends=1)
