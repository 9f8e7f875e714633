"""One volume of a run: the state of the protocol, and what else the engine must remember."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from zvol.errors import ZvolError
from zvol.journal.records import FollowUp, UnfinishedVolume
from zvol.journal.request import DEFAULT_REQUEST, Request, Waits
from zvol.model import Target
from zvol.recovery.poll_times import (
    BACKOFF,
    FIRST_ALONE,
    FIRST_JOB_POLL,
    FIRST_POLL,
    LONGEST_ALONE,
    LONGEST_JOB_POLL,
    LONGEST_POLL,
    QUICK_POLL,
    QUICK_SHARE,
    QUIET_SERVER,
    SHARE,
)
from zvol.recovery.protocol import resumed
from zvol.recovery.quiet_period import QuietPeriod
from zvol.recovery.states import JobStatus, Phase, ProtocolState
from zvol.recovery.window_size import LARGEST
from zvol.resource import Resource
from zvol.zstack.dates import normalized_date, parse_server_date
from zvol.zstack.resource_kinds import KINDS, AnyKind

FRESH: Final = 10.0
"""Maximum age in seconds of the read of a volume whose PUT is sent."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the engine; durations are in seconds.

    `concurrency` limits the requests at a time, `most_under_way` the volumes that the server works on at a time.
    """

    concurrency: int
    timeout: float
    settle_wait: float
    api_timeout: float
    most_under_way: int = LARGEST

    @property
    def waits(self) -> Waits:
        """The time for which a request with these options may act."""
        return Waits(self.api_timeout, self.settle_wait)


class Place(Enum):
    """The places of a volume, in the order in which it passes through them."""

    UNREAD = auto()  # waits for its first read
    FIRST_READ = auto()  # that read is in progress
    FOUND = auto()  # deleted, to be claimed
    QUEUED = auto()  # claimed; the most urgent are sent first
    TO_WRITE = auto()  # its intent must be made durable
    TO_SEND = auto()  # its intent is durable, and a place is free for its PUT soon
    IN_FLIGHT = auto()  # its PUT is in flight
    POLLED = auto()  # polled
    JOB_DUE = auto()  # the same, and its job is polled as soon as there is a place
    TIME_UP = auto()  # one final read, then its conclusion
    CONCLUDED = auto()


class LastSeen(NamedTuple):
    """Something that the server showed, as text; `at` is the time of day as seconds since 1970."""

    text: str
    at: float


@dataclass(slots=True, eq=False)
class VolumeTask:
    """Everything known about one volume; times are monotonic seconds.  Only `tasks.py` and what it inherits change it.

    `run`: its run in the journal, None before the claim.  `read_only`: it is read, and nothing is sent.  `read_at`:
    when the first byte of its last read left, since what it shows may be as old as that.  `follow_ups`: what the
    journal holds of them.  `earlier_jobs`: jobs of earlier runs that may still act; `waits`: how long what an
    interrupted run sent may act.

    `quiet`: the quiet period of its last PUT.  `left_open`: that of what a run that is resumed has sent.

    `poll_backoff`: the wait before its next read.  `polling`: a read of it, or a poll of its job, is in progress;
    `polled_at`: when the last read began.  `job_polled`: its job was polled since the last read.
    `next_job_poll`, `job_backoff`: the same as for reads.  `job_excluded`: its job is not polled, as its quiet period
    is that of another request, too.  `job_grace_polls`: polls of the job since the volume is back.

    `in_flight_at`: when its PUT left, and when that was answered.  `late`: tries in a row to send it that took too
    long.  `read_alone`: it is read by itself, as a read of it failed while the server answered others, since
    `failing_since` (`suspected_at`: when such a read failed first).  `concludes_at`: its time is up, and at this moment
    at the latest it is concluded, with `time_up` as the reason where nothing was sent.
    """

    target: Target
    request: Request = DEFAULT_REQUEST
    run: str | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    read_only: bool = False
    claimed: bool = False
    state: ProtocolState = field(default_factory=ProtocolState)
    place: Place = Place.UNREAD
    resource: Resource | None = None
    read_at: float | None = None
    job: str | None = None
    job_status: JobStatus = JobStatus.NOT_POLLED
    earlier_jobs: tuple[str, ...] = ()
    waits: Waits | None = None
    quiet: QuietPeriod | None = None
    left_open: QuietPeriod | None = None
    error: ZvolError | None = None
    reported_done_at: float | None = None
    deadline: float | None = None
    in_flight_at: float = 0.0
    late: int = 0
    barred: bool = False
    polling: bool = False
    polled_at: float = -math.inf
    poll_backoff: float = FIRST_POLL
    job_polled: bool = False
    job_excluded: bool = False
    next_job_poll: float = 0.0
    job_backoff: float = FIRST_JOB_POLL
    job_grace_polls: int = 0
    read_alone: bool = False
    failing_since: float | None = None
    suspected_at: float | None = None
    concludes_at: float | None = None
    time_up: ZvolError | None = None
    put_seen: LastSeen | None = None
    job_seen: LastSeen | None = None
    read_seen: LastSeen | None = None

    @property
    def uuid(self) -> str:
        return self.target.uuid

    @property
    def kind(self) -> AnyKind:
        return KINDS[self.target.kind]

    @property
    def phase(self) -> Phase:
        return self.state.phase

    @property
    def in_flight(self) -> bool:
        """Its PUT is in flight."""
        return self.place is Place.IN_FLIGHT

    @property
    def awaiting_effect(self) -> bool:
        """A request of ours may act, or has acted: the volume is polled."""
        return self.phase in (Phase.SETTLE, Phase.POLL, Phase.REPORTED_DONE, Phase.REFUSED, Phase.RETRY)

    @property
    def waits_to_send(self) -> bool:
        """Its next PUT has not left."""
        return self.phase in (Phase.START, Phase.INTENT) or (self.phase is Phase.SENDING and not self.in_flight)

    @property
    def never_sent(self) -> bool:
        """No PUT of this run has left."""
        return self.waits_to_send and self.state.sends == (self.phase is Phase.SENDING)

    @property
    def urgency(self) -> tuple[bool, str, int]:
        """Sort by deadline: the oldest deletion is destroyed first; an unreadable date counts as the oldest."""
        expected = self.state.expected_last_op_date or ""
        date = parse_server_date(expected)
        text = "" if date is None else date.isoformat(" ")
        return (date is not None, expected if text == expected else text, self.target.order)  # no second text is kept

    def planned_follow_ups(self) -> Sequence[FollowUp]:
        """Return the changes to make once it is back, as the journal has them."""
        if not self.request.has_follow_ups:
            return ()
        from zvol.recovery.follow_ups.changes import planned

        return planned(self.target, self.request, self.resource)

    @property
    def claimed_when_back(self) -> bool:
        """It will be attached to a VM of this run, so no other run may work on it, whether it was deleted or not."""
        return self.target.vm is not None and not self.claimed and not self.request.dry_run

    @property
    def job_runs(self) -> bool:
        """The server reported this of the job of its PUT."""
        return self.phase is Phase.POLL and self.job_status is JobStatus.RUNNING and not self.job_excluded

    def quick_poll(self, now: float) -> float:
        """Return the wait before the next poll of a job that runs, in a small run; seconds."""
        since = now - self.in_flight_at
        return min(LONGEST_POLL, max(QUICK_POLL, QUIET_SERVER - since, since * QUICK_SHARE))

    def read_due(self, now: float) -> bool:
        """Tell whether it is time to read it, whatever its job shows; one that was seen back is read each time."""
        return self.job_grace_polls > 0 or now >= max(self.polled_at, self.in_flight_at) + self.poll_backoff

    def fresh(self, now: float) -> bool:
        """Tell whether the last read is new enough to send a PUT."""
        return self.read_at is not None and now - self.read_at <= FRESH

    # ---- changes, made by tasks.py only --------------------------------------------------------------------------
    def begin_put(self, job: str) -> None:
        """Start a new PUT with its own job id, and discard what the former one showed."""
        self.job, self.job_status, self.job_polled = job, JobStatus.NOT_POLLED, False
        self.put_seen, self.job_seen, self.error = None, None, None
        self.quiet, self.reported_done_at, self.job_grace_polls, self.job_excluded = None, None, 0, False
        self.barred = False

    def begin_polling(self, now: float, job_after: float) -> None:
        """Poll often again, and the job after `job_after` seconds."""
        self.in_flight_at = now
        self.poll_backoff, self.job_backoff, self.next_job_poll = FIRST_POLL, FIRST_JOB_POLL, now + job_after

    def back_off(self, longest: float, now: float, between_reads: float | None) -> None:
        """Wait longer for the next read; in a large run as long as the others, and longer once this one takes long."""
        wanted = self.poll_backoff * BACKOFF
        if between_reads is not None:
            wanted = max(between_reads, (now - self.in_flight_at) * SHARE)
        self.poll_backoff = min(longest, wanted)

    def record_job_poll(self, now: float, seen: LastSeen) -> None:
        self.polling, self.job_polled, self.job_seen = False, True, seen
        self.next_job_poll, self.job_backoff = now + self.job_backoff, min(LONGEST_JOB_POLL, self.job_backoff * 2)

    def record_read(self, resource: Resource | None, began: float, seen: LastSeen) -> None:
        asked_at = resource.asked_at if resource is not None else None
        self.read_at, self.read_seen = began if asked_at is None else asked_at, seen
        self.resource = resource or self.resource
        self.read_alone, self.failing_since = False, None

    def failed_alone(self, now: float) -> None:
        """Record that a read of it failed while the server answered others."""
        self.read_alone, self.job_polled = True, False
        self.failing_since = now if self.failing_since is None else self.failing_since
        self.poll_backoff = min(LONGEST_ALONE, max(FIRST_ALONE, self.poll_backoff * 2))


def resumed_task(volume: UnfinishedVolume, order: int, now: float, timeout: float) -> VolumeTask:
    """Return the task of an unfinished volume; a PUT of its own may act, or those of earlier runs, or none."""
    own = [intent for intent in volume.intents if not intent.inherited]
    # the deletion to undo
    state = ProtocolState(expected_last_op_date=normalized_date(volume.last_op), foreign=volume.foreign)
    earlier: tuple[str, ...] = ()
    if own:
        state = resumed(normalized_date(own[-1].last_op))._replace(foreign=volume.foreign)
    elif volume.intents or volume.foreign:
        state = state._replace(phase=Phase.SETTLE)
        earlier = () if volume.foreign else tuple(intent.job for intent in volume.intents)
    return VolumeTask(
        Target(volume.asked, volume.uuid, order, kind=volume.target, vm=volume.vm),
        volume.request,
        volume.run,
        volume.follow_ups,
        read_only=volume.read_only,
        claimed=True,
        state=state,
        job=own[-1].job if own else None,
        job_excluded=bool(own) and (volume.foreign or len(own) < len(volume.intents)),
        earlier_jobs=earlier,
        waits=volume.waits,
        deadline=None if state.phase is Phase.START else now + timeout,
        in_flight_at=now,
        next_job_poll=now + FIRST_POLL,
    )
