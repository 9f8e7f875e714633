"""One volume on its way: the protocol's state, and what the engine must remember beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from zvol.errors import ZvolError
from zvol.journal.records import FollowUp
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import Target, Volume
from zvol.recovery.quiet_period import QuietPeriod
from zvol.recovery.states import JobStatus, Observation, Phase, ProtocolState, PutResult
from zvol.zstack import answers

FIRST_LOOK: Final = 0.1
"""Seconds from the answer of a PUT to the first look; a recovery takes 120-160 ms on a running 5.2.1."""

LONGEST_LOOK: Final = 2.0

FIRST_ASK: Final = 5.0
"""Seconds between the first two looks at the job of a volume that does not come back; doubled each time."""

FRESH: Final = 10.0
"""Seconds for which a read of a volume is good enough to send a PUT on."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the engine works; durations in seconds."""

    concurrency: int = 16
    timeout: float = 1800.0
    settle_wait: float = 75.0
    api_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class LastSeen:
    """Something that was seen on the wire, in words; `at` is the time of day as seconds since 1970."""

    text: str
    at: float


@dataclass(slots=True, eq=False)
class VolumeTask:
    """Monotonic seconds everywhere; `busy` while it is being read or its job asked, `flying` while its PUT is out.

    `since`: when its PUT left, and when that was answered.  `read_at`: when the last read of it left, for what a read
    shows may be as old as that.  `late`: how many tries in a row to send its PUT took too long.
    `run`: its run in the journal, None before the claim.  `held`: it is read, and not sent.  `mute`: its job is not
    asked, for its quiet time is that of another request, too.  `followups` are what the journal holds of them.
    `apart`: it is read by itself, for a read of it failed while the server answered others, since `ailing`
    (`blamed_at`: when such a read failed first).  `final`:
    its time is up, and at this moment at the latest its word is said, with `time_up` as the reason where nothing was
    sent.
    """

    target: Target
    request: Request = DEFAULT_REQUEST
    run: str | None = None
    followups: tuple[FollowUp, ...] = ()
    held: bool = False
    job_unasked: bool = False
    state: ProtocolState = field(default_factory=ProtocolState)
    volume: Volume | None = None
    read_at: float | None = None
    job: str | None = None
    job_status: JobStatus = JobStatus.NOT_ASKED
    job_asked: bool = False
    next_ask: float = 0.0
    ask_wait: float = FIRST_ASK
    prior: list[str] = field(default_factory=list)
    quiet: QuietPeriod | None = None
    error: ZvolError | None = None
    claimed: bool = False
    busy: bool = False
    flying: bool = False
    since: float = 0.0
    next_look: float = 0.0
    turn: int = 0
    wait: float = FIRST_LOOK
    claimed_at: float | None = None
    deadline: float | None = None
    job_grace_polls: int = 0
    late: int = 0
    looked_at: float = -math.inf
    apart: bool = False
    ailing: float | None = None
    blamed_at: float | None = None
    final: float | None = None
    time_up: ZvolError | None = None
    put_seen: LastSeen | None = None
    job_last_seen: LastSeen | None = None
    read_seen: LastSeen | None = None

    @property
    def uuid(self) -> str:
        return self.target.uuid

    @property
    def phase(self) -> Phase:
        return self.state.phase

    @property
    def watched(self) -> bool:
        """A request of ours may act, or has acted: the volume is read again and again."""
        return self.phase in (Phase.SETTLE, Phase.POLL, Phase.REPORTED_DONE, Phase.REFUSED, Phase.RETRY)

    @property
    def waits_to_send(self) -> bool:
        """Its next PUT has not left."""
        return self.phase in (Phase.START, Phase.INTENT) or (self.phase is Phase.SENDING and not self.flying)

    @property
    def never_sent(self) -> bool:
        """No PUT of this run has left."""
        return self.waits_to_send and self.state.sends == (self.phase is Phase.SENDING)

    @property
    def last_seen(self) -> LastSeen | None:
        """Return the last thing that was seen of it on the wire."""
        seen = [one for one in (self.put_seen, self.job_last_seen, self.read_seen) if one is not None]
        return max(seen, key=lambda one: one.at, default=None)

    def new_job(self, job: str) -> None:
        """Begin a new PUT under its own job id; what the former one showed does not count for it."""
        self.job, self.job_status, self.job_asked = job, JobStatus.NOT_ASKED, False
        self.put_seen, self.job_last_seen, self.error = None, None, None
        self.quiet, self.claimed_at, self.job_grace_polls, self.job_unasked = None, None, 0, False

    def begin_looking(self, now: float, ask_after: float) -> None:
        """Look often again; its job is asked after so many seconds."""
        self.since = now
        self.wait, self.ask_wait, self.next_ask = FIRST_LOOK, FIRST_ASK, now + ask_after

    def fresh(self, now: float) -> bool:
        """Tell whether a PUT may leave on the last read."""
        return self.read_at is not None and now - self.read_at <= FRESH


def observation_of(volume: Volume | None) -> Observation:
    if volume is None:
        return Observation.ABSENT
    return Observation.DELETED if volume.deleted else Observation.BACK


def job_status_of(answer: answers.JobAnswer, uuid: str) -> JobStatus:
    """Translate an answer of the job; a job that speaks of another volume says nothing about ours."""
    match answer:
        case answers.Running():
            return JobStatus.RUNNING
        case answers.Done(volume=volume):
            return JobStatus.DONE if volume is None or volume.uuid == uuid else JobStatus.UNCLEAR
        case answers.Failed(session=True):
            return JobStatus.SESSION
        case answers.Failed(certain=True):
            return JobStatus.REFUSED
        case _:
            return JobStatus.UNCLEAR


def put_result_of(answer: answers.PutAnswer, uuid: str) -> PutResult:
    match answer:
        case answers.Accepted():
            return PutResult.ACCEPTED
        case answers.Duplicate():
            return PutResult.DUPLICATE
        case answers.Done(volume=volume):
            return PutResult.DONE if volume is not None and volume.uuid == uuid else PutResult.UNCLEAR
        case answers.Failed(session=True):
            return PutResult.SESSION
        case answers.Failed(certain=True) | answers.Refusal():
            return PutResult.REFUSED
        case answers.Redirected():
            return PutResult.REDIRECTED
        case _:
            return PutResult.UNCLEAR
