"""Reads recovered volumes and their tags, 100 at a time, while other volumes are still being recovered."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

from zvol.errors import TransientError, ZvolError
from zvol.recovery.follow_ups.changes import Change, ChangeKind, ChangeState, refusal
from zvol.recovery.follow_ups.context import FollowUpContext
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.poll_limit import FollowUpRequest
from zvol.recovery.poll_schedule import PollSchedule
from zvol.recovery.read_batch import read_resources
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack import answers
from zvol.zstack.client import MAX_BATCH
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.resources import Resources

AHEAD: Final = 0.5
"""Seconds; a round includes volumes that are due this much later."""

READS: Final = {ChangeKind.TAG: FollowUpRequest.READ_TAGS, ChangeKind.ATTACH: FollowUpRequest.READ_VOLUMES}


class FollowUpPoller:
    """Reads volumes when they are due, and polls the jobs of their changes.

    `read` is called after each read with when it began and the error that came instead; `refused` with an answer that
    may be a refusal.  A failed read is repeated with one volume: if that works, the others are read in halves, and
    a volume that fails alone has an error of its own; otherwise the circuit breaker opens.
    """

    def __init__(
        self,
        context: FollowUpContext,
        read: Callable[[FollowUpTask, float, ZvolError | None], None],
        refused: Callable[[FollowUpTask, Change, object, float], None],
    ) -> None:
        self._context, self._on_read, self._on_refused = context, read, refused
        self._schedule: PollSchedule[FollowUpTask] = PollSchedule()
        self._to_read: dict[ChangeKind, deque[FollowUpTask]] = {kind: deque() for kind in ChangeKind}
        self._jobs_due: deque[FollowUpTask] = deque()
        self._probing = False
        self._next_round = 0.0
        self._size = dict.fromkeys(ChangeKind, MAX_BATCH)
        self._failed_size: dict[ChangeKind, int] = {}
        self._answered_at = -math.inf

    def put(self, follow_up: FollowUpTask, time: float) -> None:
        """Read a volume at this time, and often at first."""
        follow_up.poll_often()
        self._schedule.put(follow_up, time)

    def later(self, follow_up: FollowUpTask, now: float) -> None:
        """Read it again, at growing intervals."""
        follow_up.wait_longer()
        self._schedule.put(follow_up, now + follow_up.poll_backoff)

    def drop(self, follow_up: FollowUpTask) -> None:
        """Do not read a volume any more."""
        self._schedule.drop(follow_up)

    def due(self) -> float:
        """Return the monotonic time of the next read; infinity while it waits for a result."""
        if self._context.limit.places <= 0:
            return math.inf
        if not self._context.breaker.closed:
            return math.inf if self._probing else self._context.breaker.retry_at
        return max(self._schedule.next(), self._next_round)

    def tick(self, now: float) -> None:
        """Start the reads that are due; while the circuit breaker is open, send one as a probe and hold the others."""
        breaker, limit = self._context.breaker, self._context.limit
        if not breaker.closed:
            self._release(now)
            if now >= breaker.retry_at and not self._probing and limit.places > 0:
                self._probe()
            return
        if now >= self._next_round:
            self._round(now)
        while self._jobs_due and limit.free(FollowUpRequest.JOB):
            self._poll_job(self._jobs_due.popleft())
        for kind, waiting in self._to_read.items():
            while waiting and limit.free(READS[kind]):
                self._read(kind, self._part(waiting, self._size[kind]))

    def _round(self, now: float) -> None:
        """Sort the volumes that are due by what must be read of them."""
        due = self._schedule.take(now, MAX_BATCH)
        if due and not self._context.limit.small:
            due += self._schedule.take(now + AHEAD, MAX_BATCH - len(due))
            pause = max(self._context.pause() if len(due) < MAX_BATCH else 0.0, self._context.pool.pace.between_reads)
            self._next_round = now + pause
        for follow_up in due:
            change = follow_up.change
            if change is not None and self._job_first(change, now):
                self._jobs_due.append(follow_up)
            elif change is not None:
                self._to_read[follow_up.next_read].append(follow_up)

    def _job_first(self, change: Change, now: float) -> bool:
        """Tell whether the job is polled before the read."""
        if change.state is not ChangeState.SENT or change.in_flight or change.job_polled:
            return False
        if change.done or change.refused:
            return False
        return self._context.limit.small or now >= change.next_job_poll

    def _part(self, waiting: deque[FollowUpTask], most: int) -> list[FollowUpTask]:
        """Take those that are read together; one that failed alone stays alone."""
        part = [waiting.popleft()]
        while waiting and len(part) < most and not part[0].read_alone and not waiting[0].read_alone:
            part.append(waiting.popleft())
        return part

    def _probe(self) -> None:
        """Read one volume to see whether the server is back."""
        for follow_up in self._schedule.take(math.inf, 1):
            self._probing = True
            self._read(follow_up.next_read, [follow_up])

    def _release(self, now: float) -> None:
        for waiting in (*self._to_read.values(), self._jobs_due):
            while waiting:
                self._schedule.put(waiting.popleft(), now)

    # ---- a read --------------------------------------------------------------------------------------------------
    def _read(self, kind: ChangeKind, follow_ups: list[FollowUpTask]) -> None:
        follow_ups = [follow_up for follow_up in follow_ups if follow_up.change is not None]
        if not follow_ups:
            return
        self._context.limit.begin(READS[kind])
        client, uuids = self._context.client, [follow_up.uuid for follow_up in follow_ups]
        quiet = {one.uuid for one in follow_ups if one.change and one.change.quiet and one.change.quiet.over}

        def read() -> object:
            if kind is ChangeKind.TAG:
                return client.user_tags(uuids)
            return read_resources(client, uuids, kind=DATA_VOLUME)

        self._context.pool.submit(read, lambda done: self._answered(kind, follow_ups, quiet, done))

    def _answered(self, kind: ChangeKind, follow_ups: list[FollowUpTask], quiet: set[str], done: WorkResult) -> None:
        self._context.limit.end(READS[kind])
        self._probing = False
        now, error = self._context.clock.monotonic(), done.error
        if error is not None and not isinstance(error, ZvolError):
            raise error
        if isinstance(error, TransientError) and error.retry_after:  # it concerns all requests
            self._context.breaker.record_failure(now, error.message, began=done.began)
            for follow_up in follow_ups:
                self.later(follow_up, now)
        elif error is not None and len(follow_ups) > 1:
            self._size[kind], self._failed_size[kind] = 1, len(follow_ups)
            for follow_up in follow_ups:
                self._schedule.put(follow_up, now)
        elif isinstance(error, TransientError):
            self._failed(kind, follow_ups[0], error, done, now)
        else:
            self._succeeded(kind, follow_ups, now)
            for follow_up in follow_ups:
                if self._record(follow_up, kind, done, quiet=follow_up.uuid in quiet):
                    self._on_read(follow_up, done.began, error)

    def _succeeded(self, kind: ChangeKind, follow_ups: list[FollowUpTask], now: float) -> None:
        self._context.breaker.record_success(now)
        self._answered_at = now
        if len(follow_ups) == 1 and kind in self._failed_size:
            self._size[kind] = max(1, self._failed_size.pop(kind) // 2)

    def _record(self, follow_up: FollowUpTask, kind: ChangeKind, done: WorkResult, *, quiet: bool) -> bool:
        """Record what a read showed of a volume; a volume with a malformed inventory is read by itself."""
        if follow_up.change is None:
            return False
        volumes = done.value if isinstance(done.value, Resources) else Resources({})
        unclear = follow_up.uuid in volumes.unclear
        follow_up.answered(quiet=quiet, unclear=unclear)
        if unclear:
            self._schedule.put(follow_up, done.ended)
            return False
        follow_up.change.was_checked(done.began, done.ended)
        if done.error is None and kind is ChangeKind.TAG:
            tags = done.value if isinstance(done.value, dict) else {}
            follow_up.record_tags(tags.get(follow_up.uuid, frozenset()))
        elif done.error is None:
            follow_up.record_volume(volumes.found.get(follow_up.uuid), done.began)
        return True

    def _failed(
        self, kind: ChangeKind, follow_up: FollowUpTask, error: TransientError, done: WorkResult, now: float
    ) -> None:
        """Handle a failed read of one volume; the reads of others show whether the server is the cause."""
        own = follow_up.failing_since is not None and self._answered_at > follow_up.failed_at
        follow_up.failed(error.message, done.began, now)
        if own:
            self._size[kind] = MAX_BATCH  # it was this volume, not the size
        else:
            self._context.breaker.record_failure(now, error.message, error.never_sent, began=done.began)
        self.later(follow_up, now)

    # ---- a job ---------------------------------------------------------------------------------------------------
    def _poll_job(self, follow_up: FollowUpTask) -> None:
        change = follow_up.change
        if change is None or change.job is None:
            return
        client, job = self._context.client, change.job
        self._context.limit.begin(FollowUpRequest.JOB)
        self._context.pool.submit(
            lambda: client.change_job(job), lambda done: self._job_answered(follow_up, change, done)
        )

    def _job_answered(self, follow_up: FollowUpTask, change: Change, done: WorkResult) -> None:
        """Handle the state of a job; the volume or its tags are read next."""
        self._context.limit.end(FollowUpRequest.JOB)
        if done.error is not None:
            raise done.error
        now, answer = self._context.clock.monotonic(), done.value
        change.record_job(now)
        if follow_up.change is not change:
            return
        self._schedule.put(follow_up, now)
        if isinstance(answer, answers.Unrecognized):
            self._context.breaker.record_failure(now, answer.reason, began=done.began)
            return
        self._context.breaker.record_success(now)
        if isinstance(answer, answers.Done):
            change.report_done(now)
        elif refusal(answer) is not None:
            self._on_refused(follow_up, change, answer, now)
