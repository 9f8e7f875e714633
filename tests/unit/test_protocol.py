"""Each rule of recovering one volume, as the events that zvol is told and the commands that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from zvol.model import Outcome
from zvol.recovery.protocol import advance, resumed
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
    State,
    Why,
    Written,
)

DAY, LATER = "Nov 23, 2026 9:05:50 PM", "Nov 23, 2026 9:07:00 PM"
"""The lastOpDate of the deletion that was asked about, and that of another one."""

DELETED = Look(Sight.DELETED, DAY)
AGAIN = Look(Sight.DELETED, LATER)
BACK = Look(Sight.BACK)
ABSENT = Look(Sight.ABSENT)
DENIED = Look(Sight.DENIED)
UNREADABLE = Look(Sight.UNREADABLE)
WRITTEN = Written()
GIVE_UP = GiveUp()
ACCEPTED, LOST, DUPLICATE = Answered(Put.ACCEPTED), Answered(Put.UNCLEAR), Answered(Put.DUPLICATE)

WAIT, WRITE, SEND, LOG_IN, CLOSE = Do.WATCH, Do.WRITE, Do.SEND, Do.RENEW, Do.CLOSE
RECOVERED, BY_ZVOL = Say(Outcome.RECOVERED), Say(Outcome.RECOVERED, by_zvol=True)
ALREADY, GONE, CONTRADICTED = Say(Outcome.ALREADY), Say(Outcome.GONE), Say(Outcome.CONTRADICTED)


def failed(why: Why) -> Say:
    return Say(Outcome.FAILED, why)


def unknown(why: Why = Why.GAVE_UP) -> Say:
    return Say(Outcome.UNKNOWN, why)


def not_sent(why: Why = Why.GAVE_UP) -> Say:
    return Say(Outcome.NOT_SENT, why)


def job(seen: Job, look: Look = DELETED, *, patience: bool = False) -> Look:
    """Return a look at the job, and at the volume after that."""
    return Look(look.sight, look.last_op, seen, patience=patience)


def quiet(look: Look = DELETED) -> Look:
    """Return a look that began when the quiet time was over."""
    return Look(look.sight, look.last_op, look.job, quiet=True)


FRESH = State()


@dataclass(frozen=True)
class Case:
    """What happens, what zvol does about each thing, and the phase it ends in; it begins at `state`."""

    events: Sequence[Event]
    commands: Sequence[Command]
    ends: Phase = Phase.DONE
    state: State = FRESH


SENT = (DELETED, WRITTEN)
"""What happens before a PUT, and ..."""
SENDS = (WRITE, SEND)
"""... what zvol does."""
ONCE_MORE: tuple[Event, ...] = (LOST, quiet(), WRITTEN)
RESUMED = resumed(DAY)
SETTLING = State(phase=Phase.SETTLE, episode=DAY)
OPEN = State(phase=Phase.OPEN, episode=DAY, sends=1)

READ_FIRST = {
    "not deleted: it is back already": Case([BACK], [ALREADY]),
    "absent: it is gone": Case([ABSENT], [GONE]),
    "no session: nothing was sent": Case([DENIED], [not_sent(Why.SESSION)]),
    "it cannot be read: it is read again": Case([UNREADABLE, BACK], [WAIT, ALREADY]),
    "nothing is sent before the intent is written": Case([DELETED], [WRITE], Phase.INTENT),
    "stopped before the first look": Case([GIVE_UP], [not_sent()]),
    "stopped before the intent": Case([DELETED, GIVE_UP], [WRITE, not_sent()]),
}

PUT_ONCE = {
    "it never left": Case([*SENT, Answered(Put.NEVER_SENT)], [*SENDS, not_sent()]),
    "accepted: watch": Case([*SENT, ACCEPTED], [*SENDS, WAIT], Phase.WATCH),
    "no answer may mean anything: watch": Case([*SENT, LOST], [*SENDS, WAIT], Phase.WATCH),
    "a duplicate has arrived: watch": Case([*SENT, DUPLICATE], [*SENDS, WAIT], Phase.WATCH),
    "a redirect is the answer of something else": Case(
        [*SENT, Answered(Put.REDIRECTED)], [*SENDS, failed(Why.REDIRECT)]
    ),
    "refused, and still deleted after that": Case(
        [*SENT, Answered(Put.REFUSED), DELETED], [*SENDS, WAIT, failed(Why.SERVER)]
    ),
    "refused, and back after that": Case([*SENT, Answered(Put.REFUSED), BACK], [*SENDS, WAIT, RECOVERED]),
    "refused, and gone after that": Case([*SENT, Answered(Put.REFUSED), ABSENT], [*SENDS, WAIT, GONE]),
    "stopped while the PUT is out": Case([*SENT, GIVE_UP], [*SENDS, unknown()], Phase.LEFT),
}

WATCHED = {
    "back after an answer, the job unknown: recovered, the intent stays open": Case(
        [*SENT, ACCEPTED, BACK], [*SENDS, WAIT, RECOVERED], Phase.OPEN
    ),
    "back without an answer: the intent stays open too": Case(
        [*SENT, LOST, BACK], [*SENDS, WAIT, RECOVERED], Phase.OPEN
    ),
    "back and the job says done": Case([*SENT, ACCEPTED, job(Job.DONE, BACK)], [*SENDS, WAIT, BY_ZVOL]),
    "back and the job was refused: somebody else did it": Case(
        [*SENT, ACCEPTED, job(Job.REFUSED, BACK)], [*SENDS, WAIT, RECOVERED]
    ),
    "back and the wait is over": Case([*SENT, LOST, quiet(BACK)], [*SENDS, WAIT, RECOVERED]),
    "the job was refused and the volume is still deleted": Case(
        [*SENT, ACCEPTED, job(Job.REFUSED)], [*SENDS, WAIT, failed(Why.SERVER)]
    ),
    "the job was refused and the volume cannot be read: read it again": Case(
        [*SENT, ACCEPTED, job(Job.REFUSED, UNREADABLE), job(Job.REFUSED)],
        [*SENDS, WAIT, WAIT, failed(Why.SERVER)],
    ),
    "a job that is not certain ends nothing": Case(
        [*SENT, ACCEPTED, job(Job.UNCLEAR)], [*SENDS, WAIT, WAIT], Phase.WATCH
    ),
    "a running job ends nothing": Case([*SENT, ACCEPTED, job(Job.RUNNING)], [*SENDS, WAIT, WAIT], Phase.WATCH),
    "destroyed meanwhile": Case([*SENT, ACCEPTED, ABSENT], [*SENDS, WAIT, GONE]),
    "the deadline": Case([*SENT, ACCEPTED, DELETED, GIVE_UP], [*SENDS, WAIT, WAIT, unknown()], Phase.LEFT),
}

ONE_WAIT = {
    "nothing is sent before the wait is over": Case(
        [*SENT, LOST, DELETED, DELETED], [*SENDS, WAIT, WAIT, WAIT], Phase.WATCH
    ),
    "the wait is over: one more PUT, under a new intent": Case(
        [*SENT, LOST, quiet(), WRITTEN], [*SENDS, WAIT, WRITE, SEND], Phase.SENDING
    ),
    "three PUTs and no more": Case(
        [*SENT, *ONCE_MORE * (MAX_SENDS - 1), LOST, quiet()],
        [*SENDS, *[WAIT, *SENDS] * (MAX_SENDS - 1), WAIT, unknown(Why.NO_SENDS_LEFT)],
    ),
    "the second one never left: the first one was sent": Case(
        [*SENT, LOST, quiet(), WRITTEN, Answered(Put.NEVER_SENT)], [*SENDS, WAIT, *SENDS, unknown()]
    ),
    "stopped before the second one": Case([*SENT, LOST, quiet(), GIVE_UP], [*SENDS, WAIT, WRITE, unknown()]),
    "the wait is over and it cannot be read": Case([*SENT, LOST, quiet(DENIED)], [*SENDS, WAIT, unknown(Why.SESSION)]),
}

CHANGED = {
    "deleted again: no second PUT": Case([*SENT, LOST, quiet(AGAIN)], [*SENDS, WAIT, failed(Why.CHANGED)]),
    "deleted again while the wait is not over: watch": Case([*SENT, LOST, AGAIN], [*SENDS, WAIT, WAIT], Phase.WATCH),
    "a date that is not told is another date": Case(
        [*SENT, LOST, quiet(Look(Sight.DELETED))], [*SENDS, WAIT, failed(Why.CHANGED)]
    ),
    "for a resumed run too": Case([quiet(AGAIN)], [failed(Why.CHANGED)], state=RESUMED),
    "a resumed run may send again": Case([quiet()], [WRITE], Phase.INTENT, RESUMED),
    "a resumed run watches first": Case([DELETED, BACK], [WAIT, RECOVERED], Phase.OPEN, RESUMED),
    "with a new session too": Case(
        [*SENT, ACCEPTED, job(Job.SESSION), Renewed(True), AGAIN],
        [*SENDS, WAIT, LOG_IN, WAIT, failed(Why.CHANGED)],
    ),
}

OPEN_INTENT = {
    "the job has ended: closed": Case([job(Job.DONE, BACK)], [CLOSE], state=OPEN),
    "the wait is over: closed": Case([quiet(BACK)], [CLOSE], state=OPEN),
    "otherwise it stays open": Case([BACK, AGAIN, job(Job.RUNNING)], [WAIT, WAIT, WAIT], Phase.OPEN, OPEN),
    "stopped: the word was said before": Case([GIVE_UP], [WAIT], Phase.OPEN, OPEN),
    "a later run waits for it": Case([DELETED, job(Job.RUNNING)], [WAIT, WAIT], Phase.SETTLE, SETTLING),
    "a later run begins when its job has ended": Case([job(Job.DONE)], [WRITE], Phase.INTENT, SETTLING),
    "a later run begins when the wait is over": Case([quiet()], [WRITE], Phase.INTENT, SETTLING),
    "a later run was asked for the deletion it saw first": Case([quiet(AGAIN)], [failed(Why.CHANGED)], state=SETTLING),
    "a later run finds it back, the older PUT may act": Case([BACK], [ALREADY], Phase.OPEN, SETTLING),
    "a later run finds it back, nothing may act": Case([quiet(BACK)], [ALREADY], state=SETTLING),
    "a later run finds it gone": Case([ABSENT], [GONE], state=SETTLING),
    "a later run gives up": Case([DELETED, GIVE_UP], [WAIT, unknown()], Phase.LEFT, SETTLING),
}

READ_BACK = {
    "done and unreadable: unknown, never recovered": Case(
        [*SENT, ACCEPTED, job(Job.DONE, DENIED)], [*SENDS, WAIT, unknown(Why.NOT_READ_BACK)], Phase.LEFT
    ),
    "refused and unreadable: unknown, never failed": Case(
        [*SENT, ACCEPTED, job(Job.REFUSED, DENIED)], [*SENDS, WAIT, unknown(Why.NOT_READ_BACK)], Phase.LEFT
    ),
    "done and still deleted: read again": Case([*SENT, ACCEPTED, job(Job.DONE)], [*SENDS, WAIT, WAIT], Phase.CLAIMED),
    "... and then it is back": Case([*SENT, ACCEPTED, job(Job.DONE), BACK], [*SENDS, WAIT, WAIT, BY_ZVOL]),
    "... for a while only": Case(
        [*SENT, ACCEPTED, job(Job.DONE), job(Job.DONE, patience=True)], [*SENDS, WAIT, WAIT, CONTRADICTED]
    ),
    "... and it was deleted again": Case([*SENT, ACCEPTED, job(Job.DONE, AGAIN)], [*SENDS, WAIT, failed(Why.CHANGED)]),
    "... and then nothing is sent again": Case(
        [*SENT, ACCEPTED, job(Job.DONE), quiet()], [*SENDS, WAIT, WAIT, WAIT], Phase.CLAIMED
    ),
    "an answer with the volume in it is read back too": Case(
        [*SENT, Answered(Put.DONE), DELETED, BACK], [*SENDS, WAIT, WAIT, BY_ZVOL]
    ),
}

SESSION = {
    "the job found no session: log in, read, send": Case(
        [*SENT, ACCEPTED, job(Job.SESSION), Renewed(True), DELETED, WRITTEN],
        [*SENDS, WAIT, LOG_IN, WAIT, WRITE, SEND],
        Phase.SENDING,
    ),
    "once only": Case(
        [*SENT, ACCEPTED, job(Job.SESSION), Renewed(True), DELETED, WRITTEN, ACCEPTED, job(Job.SESSION)],
        [*SENDS, WAIT, LOG_IN, WAIT, *SENDS, WAIT, failed(Why.SESSION)],
    ),
    "no new session": Case(
        [*SENT, ACCEPTED, job(Job.SESSION, DENIED), Renewed(False)], [*SENDS, WAIT, LOG_IN, failed(Why.SESSION)]
    ),
    "a synchronous server says so itself": Case(
        [*SENT, Answered(Put.SESSION), Renewed(True), BACK], [*SENDS, LOG_IN, WAIT, RECOVERED]
    ),
    "somebody else has brought it back": Case([*SENT, ACCEPTED, job(Job.SESSION, BACK)], [*SENDS, WAIT, RECOVERED]),
}

CASES = {
    f"{part}: {name}": case
    for part, cases in {
        "1 read first": READ_FIRST,
        "2-3 intent and PUT": PUT_ONCE,
        "4 watch": WATCHED,
        "5 one wait": ONE_WAIT,
        "6 lastOpDate": CHANGED,
        "7 open intent": OPEN_INTENT,
        "8 read back": READ_BACK,
        "session": SESSION,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_what_zvol_does(name: str) -> None:
    case, commands = CASES[name], []
    state = case.state
    for event in case.events:
        state, command = advance(state, event)
        commands.append(command)
    assert commands == [*case.commands]
    assert state.phase is case.ends


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.LEFT])
def test_nothing_happens_after_the_last_word(phase: Phase) -> None:
    with pytest.raises(KeyError):
        advance(State(phase=phase), DELETED)
