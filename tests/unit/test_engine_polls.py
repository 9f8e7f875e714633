"""What is polled next of a volume, and how many polls may be under way."""

from __future__ import annotations

import math
import queue
from dataclasses import dataclass, field

import pytest

from tests.sim.world import A
from zvol.model import Target
from zvol.recovery.next_poll import Poll, PollConditions, grace_poll_wanted, longest_backoff, next_poll
from zvol.recovery.poll_limit import (
    FOLLOW_UP_LIMITS,
    JOB_POLLS,
    READS,
    READS_ALONE,
    FollowUpLimit,
    FollowUpRequest,
    PollKind,
    PollLimit,
)
from zvol.recovery.poll_schedule import PollSchedule
from zvol.recovery.poll_times import GRACE_POLLS, LONGEST_POLL
from zvol.recovery.states import ENDED, JobStatus, Phase, ProtocolState
from zvol.recovery.task import VolumeTask
from zvol.recovery.worker_pool import WorkerPool, WorkResult

NOW = 1000.0
SMALL, LARGE = PollConditions(small=True), PollConditions()


@dataclass(frozen=True)
class Case:
    """A task with these fields, polled in these conditions."""

    expected: Poll
    conditions: PollConditions = SMALL
    phase: Phase = Phase.POLL
    fields: dict[str, object] = field(default_factory=dict)

    @property
    def task(self) -> VolumeTask:
        return VolumeTask(Target(A, A), state=ProtocolState(self.phase), job="1" * 32, **self.fields)  # type: ignore[arg-type]


def fields(**values: object) -> dict[str, object]:
    return values


CASES = {
    "small: the job before each read": Case(Poll.JOB),
    "small: the volume after its job": Case(Poll.VOLUME, fields=fields(job_polled=True)),
    "small: a job that runs is polled again": Case(Poll.JOB, fields=fields(job_status=JobStatus.RUNNING)),
    "a job that is excluded is not polled": Case(Poll.VOLUME, fields=fields(job_excluded=True)),
    "a volume that has no PUT out has no job": Case(Poll.VOLUME, phase=Phase.START),
    "after a refused PUT only the volume counts": Case(Poll.VOLUME, phase=Phase.REFUSED),
    "after a report of done only the volume counts": Case(Poll.VOLUME, phase=Phase.REPORTED_DONE),
    "what cannot act any more has no job": Case(Poll.VOLUME, phase=Phase.RETRY),
    "settling: the jobs of earlier runs": Case(Poll.JOB, phase=Phase.SETTLE, fields=fields(earlier_jobs=("2" * 32,))),
    "settling: without jobs only time tells": Case(Poll.VOLUME, phase=Phase.SETTLE),
    "large: the volume first": Case(Poll.VOLUME, LARGE, fields=fields(next_job_poll=NOW + 0.1)),
    "large: the job when its time has come": Case(Poll.JOB, LARGE, fields=fields(next_job_poll=NOW)),
    "large: not while jobs are paused": Case(Poll.VOLUME, LARGE._replace(jobs_not_before=NOW + 0.1)),
    "large: after the pause": Case(Poll.JOB, LARGE._replace(jobs_not_before=NOW)),
    "large: each job once where no read is allowed": Case(
        Poll.JOB, LARGE._replace(reads_denied=True), fields=fields(next_job_poll=NOW + 5)
    ),
    "large: ... and no more often than otherwise": Case(
        Poll.VOLUME,
        LARGE._replace(reads_denied=True),
        fields=fields(next_job_poll=NOW + 5, job_status=JobStatus.RUNNING),
    ),
    "large: ... and not while jobs are paused": Case(
        Poll.VOLUME, LARGE._replace(reads_denied=True, jobs_not_before=NOW + 1)
    ),
    "small: the pause is for large runs": Case(Poll.JOB, SMALL._replace(jobs_not_before=NOW + 1)),
    "the server is away: a read goes first": Case(Poll.VOLUME, SMALL._replace(probing=True)),
} | {f"a job that ended ({status}) is not polled": Case(Poll.VOLUME, fields={"job_status": status}) for status in ENDED}


@pytest.mark.parametrize("name", CASES)
def test_what_is_polled(name: str) -> None:
    case = CASES[name]
    assert next_poll(case.task, NOW, case.conditions) is case.expected


def test_when_it_is_polled() -> None:
    """At the time that was set last, and no more often."""
    schedule, [one, two] = PollSchedule[str](), ["one", "two"]
    for task, time in ((one, NOW), (two, NOW + 2), (one, NOW + 3), (two, NOW + 1)):
        schedule.put(task, time)
    assert schedule.next() == NOW + 1
    assert schedule.take(NOW + 0.9, 9) == []
    assert schedule.take(NOW + 9, 9) == [two, one]
    assert schedule.next() == math.inf


def test_nothing_else_matters() -> None:
    """It changes nothing, and gives the same answer each time."""
    task = CASES["small: the job before each read"].task
    assert next_poll(task, NOW, SMALL) == next_poll(task, NOW, SMALL)
    assert not task.job_polled


@pytest.mark.parametrize(
    ("polls", "status", "phase", "conditions", "expected"),
    [
        (0, JobStatus.RUNNING, Phase.POLL, SMALL, True),
        (GRACE_POLLS - 1, JobStatus.UNCLEAR, Phase.POLL, SMALL, True),
        (GRACE_POLLS, JobStatus.RUNNING, Phase.POLL, SMALL, False),
        (0, JobStatus.DONE, Phase.POLL, SMALL, False),
        (0, JobStatus.RUNNING, Phase.POLL, LARGE, False),
        (0, JobStatus.RUNNING, Phase.SETTLE, SMALL, False),
    ],
)
def test_whether_a_job_is_polled_after_its_volume_is_back(
    polls: int, status: JobStatus, phase: Phase, conditions: PollConditions, expected: bool
) -> None:
    task = Case(Poll.JOB, phase=phase, fields=fields(job_grace_polls=polls, job_status=status)).task
    assert grace_poll_wanted(task, conditions) is expected


def test_very_many_volumes_are_read_less_often() -> None:
    assert longest_backoff(10, 100) == longest_backoff(1000, 100) == LONGEST_POLL
    assert longest_backoff(10_000, 100) == 10 * LONGEST_POLL


# ---- how many ----------------------------------------------------------------------------------------------------
def limit(places: int = 16, **under_way: int) -> PollLimit:
    """Return a limit with the given number of polls of each kind under way."""
    pool = WorkerPool(places, queue.SimpleQueue[WorkResult | None](), lambda: 0.0)
    made = PollLimit(pool)
    for kind, number in under_way.items():
        for _ in range(number):
            made.begin(PollKind(kind))
            pool.busy += 1
    return made


@pytest.mark.parametrize(
    ("places", "under_way", "free"),
    [
        (16, {}, {"read", "alone", "probe", "last", "job"}),
        (16, {"read": READS}, {"probe", "last", "job"}),
        (16, {"alone": READS_ALONE}, {"read", "probe", "last", "job"}),
        (16, {"last": READS}, {"probe", "job"}),
        (16, {"read": READS - 1, "last": 1}, {"probe", "last", "job"}),
        (16, {"job": JOB_POLLS}, {"read", "alone", "probe", "last"}),
        (2, {"job": 2}, {"last"}),
        (2, {"job": 1, "last": 1}, set()),
        (0, {}, {"last"}),
    ],
)
def test_how_many_polls_may_be_under_way(places: int, under_way: dict[str, int], free: set[str]) -> None:
    made = limit(places, **under_way)
    assert {kind for kind in PollKind if made.free(kind)} == free


def test_a_poll_that_ended_leaves_its_place() -> None:
    made = limit(read=READS)
    made.end(PollKind.READ)
    assert made.free()


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("kind", FollowUpRequest)
def test_how_many_requests_of_follow_ups_may_be_under_way(kind: FollowUpRequest, small: bool) -> None:
    """Reads and, in a large run, jobs have a limit of their own; changes have none but the share."""
    made = FollowUpLimit(WorkerPool(16, queue.SimpleQueue[WorkResult | None](), lambda: 0.0), share=10, small=small)
    begun = 0
    while made.free(kind):
        made.begin(kind)
        begun += 1
    unlimited = kind is FollowUpRequest.CHANGE or (small and kind is FollowUpRequest.JOB)
    assert begun == (10 if unlimited else FOLLOW_UP_LIMITS[kind])
    made.end(kind)
    assert made.free(kind)
