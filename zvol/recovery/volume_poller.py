"""Reads of volumes: how zvol finds out what has become of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import AuthError, Refused, TransientError, Untrusted, ZvolError
from zvol.model import Outcome, Volume
from zvol.recovery import last_seen, outcomes
from zvol.recovery.batch import Batch
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.job_poller import JobPoller
from zvol.recovery.read_batch import ReadResult
from zvol.recovery.states import ENDED, Observation, Observed, Phase
from zvol.recovery.task import LONGEST_LOOK, LastSeen, VolumeTask, observation_of
from zvol.recovery.volume_reader import LAST_READ, VolumeReader
from zvol.recovery.worker_pool import WorkerPool
from zvol.zstack.client import READ_SECONDS
from zvol.zstack.volumes import last_op_date_of

if TYPE_CHECKING:
    from zvol.zstack.client import Client

PATIENCE: Final = 10.0
"""Seconds for which a volume is read again after the server said done."""

PACE: Final = 0.2
"""Seconds between two reads of a large batch that are not full."""

FIRST_APART: Final = 0.5
LONGEST_APART: Final = 20.0
"""Seconds between two reads of a volume that cannot be read while others can, at first and later."""

AHEAD: Final = LONGEST_LOOK / 2
"""A read that is not full takes volumes along that are due within so many seconds."""

GRACE: Final = 3
"""Looks at the job of a volume that is back, so as to learn whether it was our own doing."""


class VolumePoller:
    """Reads volumes in batches; jobs are asked beside that, and only where the volume alone does not tell."""

    def __init__(
        self,
        batch: Batch,
        client: Client,
        pool: WorkerPool,
        breaker: CircuitBreaker,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self.batch, self.pool, self.breaker = batch, pool, breaker
        self.clock, self.jitter = clock, jitter
        self.reader = VolumeReader(client, pool, breaker, clock, batch.time_left, self._seen)
        self._probe: list[VolumeTask] = []
        self._job_poller = JobPoller(batch, client, pool, breaker, clock, self.reader.check)
        self._next_read = 0.0

    def tick(self, now: float, *, ahead: bool) -> None:
        """Start the looks that are due; while the gate is closed, one read goes first and everybody else waits.

        `ahead`: volumes of the queue are wanted soon, so their last read must be a new one.
        """
        self.reader.tick()
        if not self.breaker.closed:
            self._job_poller.release(now)
            if not self.breaker.checking and now >= self.breaker.retry_at and not self._probe and self.pool.free:
                self.breaker.retry_at = now + PACE
                self._probe = self._one()
                self.reader.probe(self._probe, LAST_READ if self.breaker.is_last_try(now) else READ_SECONDS)
            return
        if now >= self._next_read and self.reader.free:
            self._look_round(now)
        self._job_poller.tick()
        while self.batch.unread and self.reader.free:
            self.reader.read([*islice(self.batch.pop(self.batch.unread, Phase.START), self.reader.size)])
        if ahead and self.reader.free and not self.batch.queue[0].busy and not self.batch.queue[0].fresh(now):
            self.reader.read([task for task in islice(self.batch.queue, self.reader.size) if not task.busy])
        self.reader.tick()

    def due(self) -> float:
        """Return the monotonic time of the next look; infinity when something must come back first."""
        if (
            not self.pool.free
            or self.breaker.checking
            or (not self.reader.free if self.breaker.closed else self._probe)
        ):
            return math.inf
        return max(self.batch.schedule.next(), self._next_read) if self.breaker.closed else self.breaker.retry_at

    def _look_round(self, now: float) -> None:
        """Read the volumes that are due, or ask their jobs."""
        size = self.reader.size
        reads = self._due(now, now, size)
        if reads and not self.batch.small:
            reads += self._due(now + AHEAD, now, size - len(reads))
            self._next_read = now + PACE if len(reads) < size else 0.0
        self.reader.read(reads)

    def _due(self, until: float, now: float, most: int) -> list[VolumeTask]:
        """Take those whose next look is due by then; return those to read, the others' jobs are asked first."""
        reads = []
        for task in self.batch.schedule.take(until, most):
            if self._job_poller.wants(task, now):
                self._job_poller.want(task)
            else:
                reads.append(task)
        return reads

    def _one(self) -> list[VolumeTask]:
        """Return a volume whose read shows whether the server is back, another one each time."""
        batch = self.batch
        if not batch.schedule and not batch.unread and not batch.queue:
            batch.take_all_back()
        if batch.found:
            batch.found.append(batch.found.pop(0))
            return batch.found[-1:]
        taken = batch.schedule.take(math.inf, 1) or [*islice(batch.pop(batch.unread, Phase.START), 1)]
        if not taken and batch.head() is not None:
            batch.queue.rotate(-1)
            return [batch.queue[-1]]
        return taken

    # ---- the volume ----------------------------------------------------------------------------------------------
    def _seen(self, read: ReadResult) -> None:
        """Take in a read: of volumes, or of what stood in its way."""
        self._probe = [] if read.tasks == self._probe else self._probe
        tasks = [task for task in read.tasks if task.uuid in self.batch.pending]
        now, error = self.clock.monotonic(), read.error
        if isinstance(error, TransientError):
            self._weather(tasks, read, error, now)
        else:
            self._answered(tasks, read, error, now)
        for task in tasks:
            if read.last and task.final is not None:
                self.batch.end_now(task)

    def _answered(self, tasks: list[VolumeTask], read: ReadResult, error: ZvolError | None, now: float) -> None:
        """The server said something; whether it was the volumes or not."""
        if isinstance(error, Untrusted) and not read.own:
            self.breaker.record_failure(now, error.message, began=read.began)
        else:
            self.breaker.record_success(now)
            self._heard(read)
        self.batch.denied = isinstance(error, AuthError)
        if error is not None and self._again_with_new_session(tasks, error):
            self._put_back(tasks, now)
            return
        found = read.volumes.found if read.volumes is not None else {}
        for task in tasks:
            self.batch.first.discard(task.uuid)
            if error is not None:
                self._unseen(task, error, now, quiet=task.uuid in read.quiet)
            else:
                self._look(task, found.get(task.uuid), read.began, now, quiet=task.uuid in read.quiet)

    def _heard(self, read: ReadResult) -> None:
        for task in self.batch.schedule:
            if task.quiet is not None:
                task.quiet.note(read.began, read.ended)

    def _weather(self, tasks: list[VolumeTask], read: ReadResult, error: TransientError, now: float) -> None:
        """The server is away, or it cannot read just this volume."""
        for task in tasks:
            task.read_seen = LastSeen(error.message, self.clock.wall())
        if read.own:
            for task in tasks:
                self._ailing(task, now)
            return
        never = error.never_sent
        self.breaker.record_failure(now, error.message, never, began=read.began)
        self._put_back(tasks, now)
        if never is not None and never.untrusted:
            self.batch.give_up_pending(outcomes.not_sent_for(never))

    def _ailing(self, task: VolumeTask, now: float) -> None:
        """Read a volume by itself from now on, and let nobody wait for it."""
        batch = self.batch
        task.apart, task.job_asked = True, False
        task.ailing = now if task.ailing is None else task.ailing
        batch.first.discard(task.uuid)
        if task.phase is Phase.START and task in batch.queue:
            batch.queue.remove(task)
        task.wait = min(LONGEST_APART, max(FIRST_APART, task.wait * 2))
        batch.schedule.put(task, now + task.wait * self.jitter())

    def _put_back(self, tasks: list[VolumeTask], now: float) -> None:
        """Nothing was learnt of these volumes."""
        for task in reversed(tasks):
            if task.phase is not Phase.START or task.apart:
                self._later(task, now)
            elif task.read_at is None and len(tasks) == 1:
                self.batch.unread.append(task)
            elif task.read_at is None:
                self.batch.unread.appendleft(task)

    def _later(self, task: VolumeTask, now: float) -> None:
        """Look again less and less often; so that the reads of very many volumes stay few, each less often still."""
        longest = max(LONGEST_LOOK, len(self.batch.schedule) / self.reader.size * PACE)
        task.wait = min(longest, task.wait * 1.6)
        self.batch.schedule.put(task, now + task.wait * self.jitter())

    def _again_with_new_session(self, tasks: list[VolumeTask], error: ZvolError) -> bool:
        """Before anything was sent, a session that is not accepted is renewed once and the volumes are read again."""
        unsent = all(task.phase is Phase.START for task in tasks)
        return unsent and isinstance(error, AuthError) and self.batch.renewable and self.batch.renew()

    def _unseen(self, task: VolumeTask, error: ZvolError, now: float, *, quiet: bool) -> None:
        """The server answered, and it was not the volume."""
        task.read_seen = LastSeen(error.message, self.clock.wall())
        if task.phase is Phase.START:
            outcome = Outcome.FAILED if isinstance(error, Refused) else Outcome.NOT_SENT
            self.batch.end(task, outcome, outcomes.not_sent_for(error))
            return
        task.job_asked = False
        self._later(task, now)
        if isinstance(error, AuthError) and task.watched:
            self.batch.feed(task, Observed(Observation.DENIED, job=task.job_status, quiet=quiet))

    def _look(self, task: VolumeTask, volume: Volume | None, began: float, now: float, *, quiet: bool) -> None:
        observation = observation_of(volume)
        if not task.watched and task.phase is not Phase.START:
            return
        apart, first = task.apart, task.read_at is None
        asked_at = volume.asked_at if volume is not None else None
        task.volume, task.read_at = volume or task.volume, began if asked_at is None else asked_at
        task.read_seen = LastSeen(last_seen.volume(volume), self.clock.wall())
        task.apart, task.ailing = False, None
        if apart and task.phase is Phase.START:
            self.batch.schedule.drop(task)
        if task.phase is Phase.START and volume is not None and observation is Observation.DELETED:
            if self._decided(task, volume):
                return
            if first:
                meant = task.state.expected_last_op_date or last_op_date_of(
                    volume
                )  # a list or an earlier run may tell which was meant
                task.state = replace(task.state, expected_last_op_date=meant)
                self.batch.found.append(task)
            elif apart:
                self.batch.queue.appendleft(task)
            return
        if observation is Observation.BACK and self._wait_for_job(task, now):
            return
        if observation is Observation.ABSENT and not task.claimed and self.batch.elsewhere(task.uuid):
            task.state = replace(task.state, foreign=True)
        grace_elapsed = task.claimed_at is not None and began - task.claimed_at >= PATIENCE
        if task.phase is not Phase.START:
            self._later(task, now)
        task.job_asked = False
        self.batch.feed(task, Observed(observation, last_op_date_of(volume), task.job_status, quiet, grace_elapsed))

    def _decided(self, task: VolumeTask, volume: Volume) -> bool:
        """Some deleted volumes are not to be recovered although the server would do it; and a dry run ends here."""
        error = outcomes.guard(volume, allow_root=task.request.allow_root)
        if error is not None:
            self.batch.end(task, Outcome.FAILED, error)
        elif task.request.dry_run and task.state.expected_last_op_date not in (None, last_op_date_of(volume)):
            self.batch.end(task, Outcome.FAILED, outcomes.CHANGED)
        elif task.request.dry_run:
            self.batch.end(task, Outcome.WOULD_RECOVER)
        else:
            return False
        return True

    def _wait_for_job(self, task: VolumeTask, now: float) -> bool:
        """The volume is back and its job has not said so yet: ask it a few times more, to know whether it was ours."""
        if (
            task.phase is not Phase.POLL
            or task.job_status in ENDED
            or not self.batch.small
            or task.job_grace_polls >= GRACE
        ):
            return False
        task.job_grace_polls += 1
        task.job_asked = False
        self.batch.schedule.put(task, now + 0.04 * task.job_grace_polls)
        return True
