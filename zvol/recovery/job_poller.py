"""Polls jobs, where the volume alone does not show what the server did."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from zvol.recovery.context import EngineContext
from zvol.recovery.poll_limit import PollKind, PollLimit
from zvol.recovery.states import Phase
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.volume_reader import SHORTEST_READ
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack import answers
from zvol.zstack.client import READ_SECONDS


class JobPoller:
    """Polls the jobs that are due (`next_poll`) while there are places; each volume is read after that.

    An answer that is not clear may mean that the server is away, or only that it cannot report this job: `check` finds
    that out by a read of the volume.
    """

    def __init__(
        self, context: EngineContext, tasks: Tasks, limit: PollLimit, check: Callable[[VolumeTask], None]
    ) -> None:
        self._context, self._tasks, self._limit, self._check = context, tasks, limit, check

    def tick(self, now: float) -> None:
        """Begin the polls that are due; while the server is away all volumes are queued for a read instead."""
        while self._limit.free(PollKind.JOB) or not self._context.breaker.closed:
            task = self._tasks.take_job_due(now)
            if task is None:
                return
            self._poll(task, now)

    def _poll(self, task: VolumeTask, now: float) -> None:
        """Poll the job of the last PUT, or one that an earlier run left open."""
        job = task.earlier_jobs[0] if task.phase is Phase.SETTLE else task.job
        assert job is not None
        self._tasks.poll_begins([task])
        self._limit.begin(PollKind.JOB)
        client, kind = self._context.client, task.kind
        seconds = max(SHORTEST_READ, min(READ_SECONDS, self._tasks.time_left(task, now)))
        read = partial(client.job, job, seconds, kind=kind)
        self._context.pool.submit(read, lambda done: self._answered(task, job, done))

    def _answered(self, task: VolumeTask, job: str, done: WorkResult) -> None:
        self._limit.end(PollKind.JOB)
        if done.error is not None:
            raise done.error
        now, answer, breaker = self._context.clock.monotonic(), done.value, self._context.breaker
        assert isinstance(answer, answers.JOB_ANSWERS)
        self._tasks.job_polled(task, job, answer, now, done.ended)
        if not self._tasks.is_pending(task):
            return
        if not isinstance(answer, answers.Unrecognized):
            breaker.record_success(now)
        elif task.read_alone or not breaker.closed:
            self._tasks.poll_now(task, now)
        else:
            self._check(task)
