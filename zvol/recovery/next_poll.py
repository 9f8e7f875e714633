"""Decides whether the volume or its job is polled next, once a volume is due.

The queues schedule the polls, and `poll_times.py` has the waits; `poll_limit.py` says how many polls may be
under way.  `volume_poller.py` begins the rounds, and the one read while the server does not answer; `volume_reader.py`
holds back the parts of a batch that could not be read.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from zvol.recovery.poll_times import GRACE_POLLS, LONGEST_POLL, ROUND
from zvol.recovery.states import ENDED, JobStatus, Phase
from zvol.recovery.task import VolumeTask


class Poll(StrEnum):
    """What is polled: the volume, or its job first and the volume after that."""

    VOLUME = "volume"
    JOB = "job"


class PollConditions(NamedTuple):
    """The conditions of all polls of a run; times are monotonic seconds.

    `small`: there are so few volumes that each job is polled before each read.  `probing`: the server does not answer,
    and one read goes first.  `jobs_not_before`: until when no job of a large run is polled.  `reads_denied`: the server
    refuses our reads, so only jobs can be polled.
    """

    small: bool = False
    probing: bool = False
    jobs_not_before: float = -math.inf
    reads_denied: bool = False


def next_poll(task: VolumeTask, now: float, conditions: PollConditions) -> Poll:
    """Return what is polled next of a volume that is due."""
    return Poll.JOB if _job_first(task, now, conditions) else Poll.VOLUME


def _job_first(task: VolumeTask, now: float, conditions: PollConditions) -> bool:
    """A small run polls the job before each read; a large one where the volume does not come back, or is not shown."""
    if task.job_polled or task.job_excluded or task.job_status in ENDED:
        return False
    if task.phase is not Phase.POLL and not (task.phase is Phase.SETTLE and task.earlier_jobs):
        return False
    if conditions.probing:
        return False
    if conditions.small:
        return True
    only_jobs_tell = conditions.reads_denied and task.job_status is JobStatus.NOT_POLLED
    return now >= conditions.jobs_not_before and (now >= task.next_job_poll or only_jobs_tell)


def longest_backoff(polled: int, batch_size: int) -> float:
    """Return the longest time between two reads of a volume: with very many, the reads of all must stay few."""
    return max(LONGEST_POLL, polled / batch_size * ROUND)


def grace_poll_wanted(task: VolumeTask, conditions: PollConditions) -> bool:
    """Tell whether the job of a volume that is back is polled once more before the conclusion."""
    waits = task.phase is Phase.POLL and task.job_status not in ENDED
    return waits and conditions.small and task.job_grace_polls < GRACE_POLLS
