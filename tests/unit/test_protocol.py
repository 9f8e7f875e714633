"""Each rule of recovering one volume, as the events that happen and the commands that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from zvol.model import Outcome
from zvol.recovery.protocol import advance, resumed
from zvol.recovery.states import (
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
    Reason,
    SessionRenewed,
)

DAY, LATER = "Nov 23, 2026 9:05:50 PM", "Nov 23, 2026 9:07:00 PM"
"""The lastOpDate of the deletion that was asked about, and that of another one."""

DELETED = Observed(Observation.DELETED, DAY)
AGAIN = Observed(Observation.DELETED, LATER)
BACK = Observed(Observation.BACK)
ABSENT = Observed(Observation.ABSENT)
DENIED = Observed(Observation.DENIED)
WRITTEN = IntentRecorded()
GIVE_UP = GiveUp()
ACCEPTED, LOST, DUPLICATE = (
    PutAnswered(PutResult.ACCEPTED),
    PutAnswered(PutResult.UNCLEAR),
    PutAnswered(PutResult.DUPLICATE),
)

WAIT, WRITE, SEND, LOG_IN = Command.POLL, Command.WRITE, Command.SEND, Command.RENEW
RECOVERED, BY_ZVOL = Conclude(Outcome.RECOVERED), Conclude(Outcome.RECOVERED, by_zvol=True)
ALREADY, GONE, CONTRADICTED = Conclude(Outcome.ALREADY), Conclude(Outcome.GONE), Conclude(Outcome.CONTRADICTED)


def failed(why: Reason) -> Conclude:
    return Conclude(Outcome.FAILED, why)


def unknown(why: Reason = Reason.GAVE_UP) -> Conclude:
    return Conclude(Outcome.UNKNOWN, why)


def not_sent(why: Reason = Reason.GAVE_UP) -> Conclude:
    return Conclude(Outcome.NOT_SENT, why)


def job(seen: JobStatus, look: Observed = DELETED, *, grace_elapsed: bool = False) -> Observed:
    """Return a look at the job, and at the volume after that."""
    return Observed(look.observation, look.last_op, seen, grace_elapsed=grace_elapsed)


def quiet(look: Observed = DELETED) -> Observed:
    """Return an observation that began when the quiet period was over."""
    return Observed(look.observation, look.last_op, look.job, quiet=True)


FRESH = ProtocolState()


@dataclass(frozen=True)
class Case:
    """What happens, what zvol does about each thing, and the phase it ends in; it begins at `state`."""

    events: Sequence[Event]
    commands: Sequence[Decision]
    ends: Phase = Phase.DONE
    state: ProtocolState = FRESH


SENT = (DELETED, WRITTEN)
"""What happens before a PUT, and ..."""
SENDS = (WRITE, SEND)
"""... what zvol does."""
ONCE_MORE: tuple[Event, ...] = (LOST, quiet(), WRITTEN)
RESUMED = resumed(DAY)
SETTLING = ProtocolState(phase=Phase.SETTLE, expected_last_op_date=DAY)

READ_FIRST = {
    "not deleted: it is back already": Case([BACK], [ALREADY]),
    "absent: it is gone": Case([ABSENT], [GONE]),
    "no session: nothing was sent": Case([DENIED], [not_sent(Reason.SESSION)]),
    "nothing is sent before the intent is written": Case([DELETED], [WRITE], Phase.INTENT),
    "stopped before the first look": Case([GIVE_UP], [not_sent()]),
    "stopped before the intent": Case([DELETED, GIVE_UP], [WRITE, not_sent()]),
}

PUT_ONCE = {
    "it never left": Case([*SENT, PutAnswered(PutResult.NEVER_SENT)], [*SENDS, not_sent()]),
    "accepted: watch": Case([*SENT, ACCEPTED], [*SENDS, WAIT], Phase.POLL),
    "no answer may mean anything: watch": Case([*SENT, LOST], [*SENDS, WAIT], Phase.POLL),
    "a duplicate has arrived: watch": Case([*SENT, DUPLICATE], [*SENDS, WAIT], Phase.POLL),
    "a redirect is the answer of something else": Case(
        [*SENT, PutAnswered(PutResult.REDIRECTED)], [*SENDS, failed(Reason.REDIRECT)]
    ),
    "refused, and still deleted after that": Case(
        [*SENT, PutAnswered(PutResult.REFUSED), DELETED], [*SENDS, WAIT, failed(Reason.SERVER)]
    ),
    "refused, and back after that": Case([*SENT, PutAnswered(PutResult.REFUSED), BACK], [*SENDS, WAIT, RECOVERED]),
    "refused, and gone after that": Case([*SENT, PutAnswered(PutResult.REFUSED), ABSENT], [*SENDS, WAIT, GONE]),
    "stopped while the PUT is out": Case([*SENT, GIVE_UP], [*SENDS, unknown()], Phase.UNRESOLVED),
}

POLLED = {
    "back after an answer, the job unknown: recovered, the intent stays open": Case(
        [*SENT, ACCEPTED, BACK], [*SENDS, WAIT, RECOVERED], Phase.UNSETTLED
    ),
    "back without an answer: the intent stays open too": Case(
        [*SENT, LOST, BACK], [*SENDS, WAIT, RECOVERED], Phase.UNSETTLED
    ),
    "back and the job says done": Case([*SENT, ACCEPTED, job(JobStatus.DONE, BACK)], [*SENDS, WAIT, BY_ZVOL]),
    "back and the job was refused: somebody else did it": Case(
        [*SENT, ACCEPTED, job(JobStatus.REFUSED, BACK)], [*SENDS, WAIT, RECOVERED]
    ),
    "back and the wait is over": Case([*SENT, LOST, quiet(BACK)], [*SENDS, WAIT, RECOVERED]),
    "the job was refused and the volume is still deleted": Case(
        [*SENT, ACCEPTED, job(JobStatus.REFUSED)], [*SENDS, WAIT, failed(Reason.SERVER)]
    ),
    "a job that is not certain ends nothing": Case(
        [*SENT, ACCEPTED, job(JobStatus.UNCLEAR)], [*SENDS, WAIT, WAIT], Phase.POLL
    ),
    "a running job ends nothing": Case([*SENT, ACCEPTED, job(JobStatus.RUNNING)], [*SENDS, WAIT, WAIT], Phase.POLL),
    "destroyed meanwhile": Case([*SENT, ACCEPTED, ABSENT], [*SENDS, WAIT, GONE]),
    "the deadline": Case([*SENT, ACCEPTED, DELETED, GIVE_UP], [*SENDS, WAIT, WAIT, unknown()], Phase.UNRESOLVED),
}

ONE_WAIT = {
    "nothing is sent before the wait is over": Case(
        [*SENT, LOST, DELETED, DELETED], [*SENDS, WAIT, WAIT, WAIT], Phase.POLL
    ),
    "the wait is over: one more PUT, under a new intent": Case(
        [*SENT, LOST, quiet(), WRITTEN], [*SENDS, WAIT, WRITE, SEND], Phase.SENDING
    ),
    "three PUTs and no more": Case(
        [*SENT, *ONCE_MORE * (MAX_SENDS - 1), LOST, quiet()],
        [*SENDS, *[WAIT, *SENDS] * (MAX_SENDS - 1), WAIT, unknown(Reason.NO_SENDS_LEFT)],
    ),
    "the second one never left: the first one was sent": Case(
        [*SENT, LOST, quiet(), WRITTEN, PutAnswered(PutResult.NEVER_SENT)], [*SENDS, WAIT, *SENDS, unknown()]
    ),
    "stopped before the second one": Case([*SENT, LOST, quiet(), GIVE_UP], [*SENDS, WAIT, WRITE, unknown()]),
    "the wait is over and it cannot be read": Case(
        [*SENT, LOST, quiet(DENIED)], [*SENDS, WAIT, unknown(Reason.SESSION)]
    ),
}

CHANGED = {
    "deleted again: no second PUT": Case([*SENT, LOST, quiet(AGAIN)], [*SENDS, WAIT, failed(Reason.CHANGED)]),
    "deleted again while the wait is not over: watch": Case([*SENT, LOST, AGAIN], [*SENDS, WAIT, WAIT], Phase.POLL),
    "a missing date is another date": Case(
        [*SENT, LOST, quiet(Observed(Observation.DELETED))], [*SENDS, WAIT, failed(Reason.CHANGED)]
    ),
    "for a resumed run too": Case([quiet(AGAIN)], [failed(Reason.CHANGED)], state=RESUMED),
    "a resumed run may send again": Case([quiet()], [WRITE], Phase.INTENT, RESUMED),
    "a resumed run watches first": Case([DELETED, BACK], [WAIT, RECOVERED], Phase.UNSETTLED, RESUMED),
    "with a new session too": Case(
        [*SENT, ACCEPTED, job(JobStatus.SESSION), SessionRenewed(True), AGAIN],
        [*SENDS, WAIT, LOG_IN, WAIT, failed(Reason.CHANGED)],
    ),
}

OPEN_INTENT = {
    "a later run waits for it": Case([DELETED, job(JobStatus.RUNNING)], [WAIT, WAIT], Phase.SETTLE, SETTLING),
    "a later run begins when its job has ended": Case([job(JobStatus.DONE)], [WRITE], Phase.INTENT, SETTLING),
    "a later run begins when the wait is over": Case([quiet()], [WRITE], Phase.INTENT, SETTLING),
    "a later run was asked for the deletion it saw first": Case(
        [quiet(AGAIN)], [failed(Reason.CHANGED)], state=SETTLING
    ),
    "a later run finds it back, the older PUT may act": Case([BACK], [ALREADY], Phase.UNSETTLED, SETTLING),
    "a later run finds it back, nothing may act": Case([quiet(BACK)], [ALREADY], state=SETTLING),
    "a later run finds it gone": Case([ABSENT], [GONE], state=SETTLING),
    "a later run gives up": Case([DELETED, GIVE_UP], [WAIT, unknown()], Phase.UNRESOLVED, SETTLING),
}

READ_BACK = {
    "done and unreadable: unknown, never recovered": Case(
        [*SENT, ACCEPTED, job(JobStatus.DONE, DENIED)], [*SENDS, WAIT, unknown(Reason.NOT_READ_BACK)], Phase.UNRESOLVED
    ),
    "refused and unreadable: unknown, never failed": Case(
        [*SENT, ACCEPTED, job(JobStatus.REFUSED, DENIED)],
        [*SENDS, WAIT, unknown(Reason.NOT_READ_BACK)],
        Phase.UNRESOLVED,
    ),
    "done and still deleted: read again": Case(
        [*SENT, ACCEPTED, job(JobStatus.DONE)], [*SENDS, WAIT, WAIT], Phase.REPORTED_DONE
    ),
    "... and then it is back": Case([*SENT, ACCEPTED, job(JobStatus.DONE), BACK], [*SENDS, WAIT, WAIT, BY_ZVOL]),
    "... for a while only": Case(
        [*SENT, ACCEPTED, job(JobStatus.DONE), job(JobStatus.DONE, grace_elapsed=True)],
        [*SENDS, WAIT, WAIT, CONTRADICTED],
    ),
    "... and it was deleted again": Case(
        [*SENT, ACCEPTED, job(JobStatus.DONE, AGAIN)], [*SENDS, WAIT, failed(Reason.CHANGED)]
    ),
    "... and then nothing is sent again": Case(
        [*SENT, ACCEPTED, job(JobStatus.DONE), quiet()], [*SENDS, WAIT, WAIT, WAIT], Phase.REPORTED_DONE
    ),
    "an answer with the volume in it is read back too": Case(
        [*SENT, PutAnswered(PutResult.DONE), DELETED, BACK], [*SENDS, WAIT, WAIT, BY_ZVOL]
    ),
}

SESSION = {
    "the job found no session: log in, read, send": Case(
        [*SENT, ACCEPTED, job(JobStatus.SESSION), SessionRenewed(True), DELETED, WRITTEN],
        [*SENDS, WAIT, LOG_IN, WAIT, WRITE, SEND],
        Phase.SENDING,
    ),
    "once only": Case(
        [
            *SENT,
            ACCEPTED,
            job(JobStatus.SESSION),
            SessionRenewed(True),
            DELETED,
            WRITTEN,
            ACCEPTED,
            job(JobStatus.SESSION),
        ],
        [*SENDS, WAIT, LOG_IN, WAIT, *SENDS, WAIT, failed(Reason.SESSION)],
    ),
    "no new session": Case(
        [*SENT, ACCEPTED, job(JobStatus.SESSION, DENIED), SessionRenewed(False)],
        [*SENDS, WAIT, LOG_IN, failed(Reason.SESSION)],
    ),
    "a synchronous server says so itself": Case(
        [*SENT, PutAnswered(PutResult.SESSION), SessionRenewed(True), BACK], [*SENDS, LOG_IN, WAIT, RECOVERED]
    ),
    "somebody else has brought it back": Case(
        [*SENT, ACCEPTED, job(JobStatus.SESSION, BACK)], [*SENDS, WAIT, RECOVERED]
    ),
}

CASES = {
    f"{part}: {name}": case
    for part, cases in {
        "1 read first": READ_FIRST,
        "2-3 intent and PUT": PUT_ONCE,
        "4 poll": POLLED,
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


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.UNSETTLED, Phase.UNRESOLVED])
def test_nothing_happens_after_the_last_word(phase: Phase) -> None:
    with pytest.raises(KeyError):
        advance(ProtocolState(phase=phase), DELETED)
