"""The values of the protocol: phases, observations, events and commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from zvol.model import Outcome

MAX_SENDS: Final = 3
"""Maximum PUTs of one volume in one run."""


class Phase(StrEnum):
    START = "start"  # this run has sent nothing; the volume must be read
    SETTLE = "settle"  # an older intent may still act; nothing is sent until it no longer can
    INTENT = "intent"  # the intent must be made durable
    SENDING = "sending"  # the intent is durable, the PUT is being sent
    POLL = "poll"  # the PUT may act
    REPORTED_DONE = "reported-done"  # the server reported done, and the volume is not back yet
    REFUSED = "refused"  # the server certainly refused; the volume must be read after that
    RENEW = "renew"  # the session was not accepted, so nothing was executed; zvol is logging in again
    RETRY = "retry"  # what was sent cannot act; the volume must be read before the next intent
    UNSETTLED = "unsettled"  # concluded, but a PUT may still act: the intent stays open for a later run to settle
    UNRESOLVED = "unresolved"  # concluded as "unknown": the intent stays open
    DONE = "done"  # concluded, and no request of ours is open


class Observation(StrEnum):
    """What a read of the volume showed."""

    BACK = "back"
    DELETED = "deleted"
    ABSENT = "absent"
    DENIED = "denied"  # the server answered that it does not accept our session


class JobStatus(StrEnum):
    """What the last poll of the job, before the read of the volume, showed."""

    NOT_POLLED = "not-polled"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"  # failed, and certain not to have been executed
    SESSION = "session"  # ID.1001: certain not to have been executed, and a new session may help
    UNCLEAR = "unclear"  # no record, a transient error, a proxy's page: the job may still run


ENDED: Final = (JobStatus.DONE, JobStatus.REFUSED, JobStatus.SESSION)
"""A job with one of these has ended and does not act any more."""


class PutResult(StrEnum):
    """The answer to the PUT, if there was one."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DONE = "done"
    REFUSED = "refused"
    SESSION = "session"
    REDIRECTED = "redirected"
    NEVER_SENT = "never-sent"
    UNCLEAR = "unclear"


# ---- events ------------------------------------------------------------------------------------------------------
class Observed(NamedTuple):
    """The job was polled (or not), and then the volume was read.

    `last_op`: its lastOpDate.  `quiet`: the quiet period was over before this.  `grace_elapsed`: the server reported
    done at least a grace period ago.
    """

    observation: Observation
    last_op: str | None = None
    job: JobStatus = JobStatus.NOT_POLLED
    quiet: bool = False
    grace_elapsed: bool = False


class IntentRecorded:
    """The intent is durable."""


class ReadExpired:
    """The PUT has not left, and the last read of the volume is too old to send it."""


class PutAnswered(NamedTuple):
    """The PUT has ended, with this answer or without one."""

    put: PutResult


class SessionRenewed(NamedTuple):
    """Logging in again was tried."""

    ok: bool


class GiveUp:
    """The deadline has passed, or a signal came."""


Event = Observed | IntentRecorded | ReadExpired | PutAnswered | SessionRenewed | GiveUp


# ---- commands ----------------------------------------------------------------------------------------------------
class Command(StrEnum):
    POLL = "poll"  # read again, later
    WRITE = "write"  # make the intent durable, under a new job id, then report IntentRecorded
    SEND = "send"  # PUT once, then report PutAnswered
    RENEW = "renew"  # log in again, then report SessionRenewed


class Reason(StrEnum):
    """The reason for an outcome, where the outcome alone does not say it."""

    NONE = ""
    SERVER = "server"  # the server refused
    CHANGED = "changed"  # somebody deleted or changed the volume meanwhile
    SESSION = "session"
    REDIRECT = "redirect"
    GAVE_UP = "gave-up"
    NO_SENDS_LEFT = "no-sends-left"
    NOT_READ_BACK = "not-read-back"
    ELSEWHERE = "elsewhere"  # it is not visible here, and a request of another server or account may act


class Conclude(NamedTuple):
    """The conclusion on a volume.  `by_zvol`: the server reported that the job of our own request did it."""

    outcome: Outcome
    why: Reason = Reason.NONE
    by_zvol: bool = False


Decision = Command | Conclude


class ProtocolState(NamedTuple):
    """Everything that the protocol knows about one volume.

    `expected_last_op_date`: the lastOpDate that identifies the deletion to undo.  `sends`: the PUTs of this run,
    `answered`: the last one was accepted.  `renewed`: the session was renewed.
    `foreign`: runs of another server or account have sent something that may act; they may see what we do not.
    """

    phase: Phase = Phase.START
    expected_last_op_date: str | None = None
    sends: int = 0
    answered: bool = False
    renewed: bool = False
    foreign: bool = False
