"""Limits the requests of each kind at a time.

The worker pool has a place for each request; the circuit breaker lets fewer PUTs pass while the server does not answer
them.  The submitters count what they sent, and one request for the version only needs a free place.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final

from zvol.recovery.worker_pool import WorkerPool

READS: Final = 4
"""Maximum reads at a time; more than one, so that one that hangs does not delay the others."""

READS_ALONE: Final = 2
"""Of these, maximum reads of volumes that are read by themselves."""

JOB_POLLS: Final = 8
"""Polls of jobs in a large run; a small one may use all places."""

FOLLOW_UP_OCCUPYING_LIMIT: Final = 64
"""Changes of follow-ups that may keep the server busy at the same time."""


class PollKind(StrEnum):
    READ = "read"
    ALONE = "alone"  # a volume that failed before while others were read
    PROBE = "probe"  # one volume that shows whether the server is up
    LAST = "last"  # volumes whose deadline passed
    JOB = "job"


class PollLimit:
    """The polls in progress, and whether a further one may begin."""

    def __init__(self, pool: WorkerPool, job_polls: int = JOB_POLLS) -> None:
        self._pool, self._job_polls = pool, job_polls
        self._under_way = Counter[PollKind]()

    def begin(self, kind: PollKind) -> None:
        self._under_way[kind] += 1

    def end(self, kind: PollKind) -> None:
        self._under_way[kind] -= 1

    def free(self, kind: PollKind = PollKind.READ) -> bool:
        """Tell whether such a poll may begin: a last read waits only for other last reads."""
        place = self._pool.free > 0
        match kind:
            case PollKind.JOB:
                return place and self._under_way[kind] < self._job_polls
            case PollKind.LAST:
                return self._under_way[kind] < READS and (place or not self._under_way[kind])
            case PollKind.PROBE:
                return place
            case PollKind.ALONE:
                return place and self._reads < READS and self._under_way[kind] < READS_ALONE
            case PollKind.READ:
                return place and self._reads < READS

    @property
    def _reads(self) -> int:
        return self._under_way.total() - self._under_way[PollKind.JOB]


class FollowUpRequest(StrEnum):
    READ_VOLUMES = "read-volumes"
    READ_TAGS = "read-tags"
    JOB = "job"
    CHANGE = "change"


FOLLOW_UP_LIMITS: Final = {FollowUpRequest.READ_VOLUMES: 2, FollowUpRequest.READ_TAGS: 2, FollowUpRequest.JOB: 4}
"""Requests of a kind at the same time; in a small run jobs have no limit of their own."""


def follow_up_share(places: int, *, recovering: bool) -> int:
    """Return how many of the places follow-ups may have: half of them while volumes are being recovered."""
    return max(1, places // 2) if recovering else places


class FollowUpLimit:
    """The requests of follow-ups in progress; they get a share of the places, as far as other requests leave it free.

    `small`: there are few volumes, so each job is polled before each read.
    """

    def __init__(self, pool: WorkerPool, share: int, *, small: bool) -> None:
        self._pool, self._share, self.small = pool, share, small
        self._under_way = Counter[FollowUpRequest]()

    def give(self, share: int) -> None:
        """Set the maximum of requests at a time from now on."""
        self._share = share

    def begin(self, kind: FollowUpRequest) -> None:
        self._under_way[kind] += 1

    def end(self, kind: FollowUpRequest) -> None:
        self._under_way[kind] -= 1

    def under_way(self, kind: FollowUpRequest) -> int:
        return self._under_way[kind]

    @property
    def places(self) -> int:
        """The number of further requests that may begin."""
        return min(self._pool.free, self._share - self._under_way.total())

    def free(self, kind: FollowUpRequest) -> bool:
        """Tell whether such a request may begin."""
        if self.places <= 0:
            return False
        unlimited = kind is FollowUpRequest.CHANGE or (kind is FollowUpRequest.JOB and self.small)
        return unlimited or self._under_way[kind] < FOLLOW_UP_LIMITS[kind]
