"""Looks at jobs, where the volume alone does not tell what has become of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.recovery import last_seen, outcomes
from zvol.recovery.batch import Batch
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.states import ENDED, JobStatus, Phase
from zvol.recovery.task import LastSeen, VolumeTask, job_status_of
from zvol.recovery.volume_reader import SHORTEST
from zvol.recovery.worker_pool import Done, WorkerPool
from zvol.zstack import answers
from zvol.zstack.client import READ_SECONDS

if TYPE_CHECKING:
    from zvol.zstack.client import Client

ASKS: Final = 8
"""Jobs of a large batch that are asked at the same time."""

LONGEST_ASK: Final = 60.0
"""Seconds between two looks at the job of a volume that does not come back."""

NO_NEWS: Final = 1.0
"""Seconds for which no further job of a large batch is asked when one was still running: the others will be, too."""


class JobPoller:
    """In a small batch each job is asked before each read; in a large one, when its volume does not come back, and
    some at first: what they say tells whether it is worth while to ask the others.
    """

    def __init__(
        self,
        batch: Batch,
        client: Client,
        pool: WorkerPool,
        breaker: CircuitBreaker,
        clock: Clock,
        check: Callable[[VolumeTask], None],
    ) -> None:
        self.batch, self.client, self.pool, self.breaker, self.clock = batch, client, pool, breaker, clock
        self._check = check
        self._hurried = False
        self._asking = 0
        self._paused = 0.0
        self._waiting: deque[VolumeTask] = deque()

    def wants(self, task: VolumeTask, now: float) -> bool:
        """Tell whether the job is to be asked before the volume is read."""
        if task.job_asked or task.job_status in ENDED or task.job_unasked:
            return False
        if task.phase is not Phase.POLL and not (task.phase is Phase.SETTLE and task.prior):
            return False
        if self.batch.small:
            return True
        never = task.job_status is JobStatus.NOT_ASKED
        return now >= self._paused and (now >= task.next_ask or (self.batch.denied and never))

    def want(self, task: VolumeTask) -> None:
        """Ask the job of a volume as soon as there is a place."""
        self._waiting.append(task)

    def tick(self) -> None:
        """Ask those that wait, while there are places."""
        places = self.batch.options.concurrency if self.batch.small else ASKS
        while self._waiting and self.pool.free and self._asking < places:
            task = self._waiting.popleft()
            if task.uuid in self.batch.pending:
                self._ask(task)

    def release(self, now: float) -> None:
        """Ask nobody now; those that waited are looked at like all others."""
        while self._waiting:
            task = self._waiting.popleft()
            if task.uuid in self.batch.pending:
                self.batch.schedule.put(task, now)

    def _ask(self, task: VolumeTask) -> None:
        """Ask the job of the last PUT, or of one that an earlier run left open."""
        job = task.prior[0] if task.phase is Phase.SETTLE else task.job
        assert job is not None
        task.busy = True
        self._asking += 1
        seconds = max(SHORTEST, min(READ_SECONDS, self.batch.time_left(task, self.clock.monotonic())))
        self.pool.submit(lambda: self.client.job(job, seconds), lambda done: self._asked(task, job, done))

    def _asked(self, task: VolumeTask, job: str, done: Done) -> None:
        """Take in what the job said; the volume is read after that."""
        self._asking -= 1
        if done.error is not None:
            raise done.error
        now = self.clock.monotonic()
        task.busy, task.job_asked = False, True
        task.next_ask, task.ask_wait = now + task.ask_wait, min(LONGEST_ASK, task.ask_wait * 2)
        if task.uuid not in self.batch.pending:
            return
        answer = done.value
        task.job_last_seen = LastSeen(last_seen.answer(answer), self.clock.wall())
        if isinstance(answer, answers.Unrecognized):
            self._unclear(task, now)
            return
        self.batch.schedule.put(task, now)
        self.breaker.record_success(now)
        assert isinstance(answer, answers.JOB_ANSWERS)
        seen = job_status_of(answer, task.uuid)
        if task.phase is Phase.SETTLE:
            self._settled(task, job, seen, now)
            return
        task.job_status = seen
        if seen not in ENDED and not self.batch.small:
            self._paused = now + NO_NEWS
            self.release(now)
        if seen is JobStatus.SESSION:
            self._hurry(now)
        if seen in ENDED:
            self.batch.clear_at = max(self.batch.clear_at, now)
        if seen is JobStatus.DONE and task.claimed_at is None:
            task.claimed_at = done.ended
        if isinstance(answer, answers.Failed):
            task.error = outcomes.of_answer(answer)

    def _unclear(self, task: VolumeTask, now: float) -> None:
        """Whether the server is away, or only cannot tell of this job, a read of the volume shows."""
        if not self.batch.small:
            self._paused = now + NO_NEWS
            self.release(now)
        if task.apart or not self.breaker.closed:
            self.batch.schedule.put(task, now)
        else:
            self._check(task)

    def _hurry(self, now: float) -> None:
        """Ask all other jobs now, once a run: those sent before the session ended have found none either."""
        if self._hurried:
            return
        self._hurried = True
        for task in list(self.batch.schedule):
            if task.phase is Phase.POLL and task.job_status is JobStatus.NOT_ASKED:
                task.next_ask = now
                if not task.busy and task not in self._waiting:
                    self.batch.schedule.put(task, now)

    def _settled(self, task: VolumeTask, job: str, seen: JobStatus, now: float) -> None:
        """One of the intents that an earlier run left open has ended; when all have, this run may begin."""
        if seen not in ENDED:
            return
        task.prior.remove(job)
        if self.batch.journal is not None:
            self.batch.journal.settle_intent(job)
        task.job_asked = not task.prior
        task.job_status = JobStatus.NOT_ASKED if task.prior else JobStatus.DONE
        task.next_ask = now
