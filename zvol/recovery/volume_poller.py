"""Reads volumes to find out their state."""

from __future__ import annotations

import math
from typing import Final

from zvol.errors import AuthError, LocalState, Refused, TransientError, Untrusted, ZvolError
from zvol.model import Outcome
from zvol.recovery import outcomes
from zvol.recovery.classification import observation_of
from zvol.recovery.context import EngineContext
from zvol.recovery.next_poll import grace_poll_wanted, longest_backoff
from zvol.recovery.poll_limit import PollKind, PollLimit
from zvol.recovery.poll_times import LONGEST_POLL, ROUND
from zvol.recovery.read_batch import ReadResult
from zvol.recovery.states import Observation, Phase
from zvol.recovery.task import Place, VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.volume_reader import LAST_READ, VolumeReader
from zvol.resource import Resource
from zvol.zstack.client import READ_SECONDS

AHEAD: Final = LONGEST_POLL / 2
"""A read that is not full includes volumes that are due within this many seconds."""


class VolumePoller:
    """Reads the volumes that are due in batches, and reports what that showed.

    While the circuit breaker is open, one read goes first and all others wait.
    """

    def __init__(self, context: EngineContext, tasks: Tasks, limit: PollLimit) -> None:
        self._context, self._tasks, self._limit = context, tasks, limit
        self.reader = VolumeReader(context, tasks, limit, self._read)
        self._probe: list[VolumeTask] = []
        self._next_round = 0.0

    def tick(self, now: float, *, refresh: bool) -> None:
        """Begin the reads that are due; `refresh`: queued volumes are sent soon, so their last read must be new."""
        self.reader.tick()
        if not self._context.breaker.closed:
            self._begin_probe(now)
            return
        if now >= self._next_round and self._limit.free():
            self._begin_round(now)
        while self._tasks.size(Place.UNREAD) and self._limit.free():
            self.reader.read(self._tasks.take_unread(self.reader.size))
        if refresh and self._limit.free():
            self.reader.read(self._tasks.stale_queue(now, self.reader.size))
        self.reader.tick()

    def due(self) -> float:
        """Return the monotonic time of the next read; infinity while it waits for a result."""
        breaker = self._context.breaker
        if not self._limit.free(PollKind.PROBE):
            return math.inf
        if not breaker.closed:
            return math.inf if self._probe else breaker.not_before
        return max(self._tasks.next_poll_at, self._next_round) if self._limit.free() else math.inf

    def _begin_round(self, now: float) -> None:
        size = self.reader.size
        reads = self._tasks.take_due(now, now, size)
        if reads and not self._tasks.small:
            reads += self._tasks.take_due(now, now + AHEAD, size - len(reads))
            pause = min(ROUND, self._context.window.between_reads(now)) if len(reads) < size else 0.0
            self._next_round = now + max(pause, self._context.pool.pace.between_reads)
        self.reader.read(reads)

    def _begin_probe(self, now: float) -> None:
        """Read one volume to see whether the server is back, when the circuit breaker allows it."""
        breaker, tasks = self._context.breaker, self._tasks
        if now < breaker.not_before or self._probe or not self._limit.free(PollKind.PROBE):
            return
        breaker.probe_begins(now, ROUND)
        if not tasks.polled_count and not tasks.size(Place.UNREAD) and not tasks.size(Place.QUEUED):
            tasks.all_reads_expired()
        self._probe = tasks.take_probe()
        self.reader.probe(self._probe, LAST_READ if breaker.is_last_try(now) else READ_SECONDS)

    # ---- results of reads ----------------------------------------------------------------------------------------
    def _read(self, read: ReadResult) -> None:
        """Handle the result of a read: volumes, or an error."""
        self._probe = [] if read.tasks == self._probe else self._probe
        tasks = [task for task in read.tasks if self._tasks.is_pending(task)]
        now = self._context.clock.monotonic()
        if isinstance(read.error, TransientError):
            self._failed(tasks, read, read.error, now)
        else:
            self._answered(tasks, read, read.error, now)
        for task in tasks:
            if read.last and task.concludes_at is not None:
                self._tasks.give_up_late(task)

    def _failed(self, tasks: list[VolumeTask], read: ReadResult, error: TransientError, now: float) -> None:
        """Handle a failed read: the server is away, or cannot read this one volume."""
        for task in tasks:
            self._tasks.read_failed(task, error.message)
        if read.own:
            for task in tasks:
                self._tasks.read_failed_alone(task, now)
            return
        never = error.never_sent
        self._context.breaker.record_failure(now, error.message, never, began=read.began, hint=error.hint)
        if error.retry_after is not None:
            self._context.window.unclear(read.began, now, too_many=True)
        self._tasks.not_read(tasks, now, self._longest)
        if never is not None and never.untrusted:
            self._tasks.stop_sending(outcomes.not_sent_for(never))

    def _answered(self, tasks: list[VolumeTask], read: ReadResult, error: ZvolError | None, now: float) -> None:
        """Handle an answer of the server: the volumes, or an error."""
        if isinstance(error, Untrusted) and not read.own:
            self._context.breaker.record_failure(now, error.message, began=read.began)
        else:
            self._context.breaker.record_success(now)
            self._tasks.server_answered(read.began, read.ended)
        self._tasks.reads_answered(denied=isinstance(error, AuthError))
        if error is not None and self._again_with_new_session(tasks, error):
            self._tasks.not_read(tasks, now, self._longest)
            return
        found = read.resources.found if read.resources is not None else {}
        for task in tasks:
            if error is not None:
                self._not_shown(task, error, read, now)
            else:
                self._shown(task, found.get(task.uuid), read, now)
        self._context.window.was_read(now, self.reader.size)

    def _again_with_new_session(self, tasks: list[VolumeTask], error: ZvolError) -> bool:
        """Before anything was sent, a session that is not accepted is renewed once and the volumes are read again."""
        if not isinstance(error, AuthError) or any(task.phase is not Phase.START for task in tasks):
            return False
        return self._context.session.available and self._context.session.renew()

    def _not_shown(self, task: VolumeTask, error: ZvolError, read: ReadResult, now: float) -> None:
        """Handle an error of the server instead of the volume."""
        self._tasks.read_failed(task, error.full_text if isinstance(error, Refused) else error.message)
        if task.phase is Phase.START:
            outcome = Outcome.FAILED if isinstance(error, Refused) else Outcome.NOT_SENT
            self._tasks.conclude(task, outcome, outcomes.not_sent_for(error))
        elif isinstance(error, AuthError) and task.awaiting_effect:
            quiet = task.uuid in read.quiet
            self._tasks.observed(task, Observation.DENIED, read.began, now, quiet=quiet, longest=self._longest)
        else:
            self._tasks.not_observed(task, now, self._longest)

    def _shown(self, task: VolumeTask, resource: Resource | None, read: ReadResult, now: float) -> None:
        """Handle a volume that was read, or that the server does not have."""
        if not task.awaiting_effect and task.phase is not Phase.START:
            return
        observation = observation_of(resource)
        self._tasks.was_read(task, resource, read.began)
        if task.phase is Phase.START and resource is not None and observation is Observation.DELETED:
            if not self._conclude_unsent(task, resource):
                self._tasks.to_claim(task)
            return
        if task.phase is Phase.START and observation is Observation.BACK and task.claimed_when_back:
            self._tasks.to_claim(task)
            return
        if observation is Observation.BACK and grace_poll_wanted(task, self._tasks.poll_conditions):
            self._tasks.poll_for_job(task, now)
            return
        if observation is Observation.ABSENT and not task.claimed:
            self._look_for_others(task)
            if not self._tasks.is_pending(task):
                return
        quiet = task.uuid in read.quiet
        self._tasks.observed(task, observation, read.began, now, quiet=quiet, longest=self._longest)

    def _conclude_unsent(self, task: VolumeTask, resource: Resource) -> bool:
        """Leave out volumes that must not be recovered although the server would do it; end a dry run here."""
        kind, expected = task.kind, task.state.expected_last_op_date
        reason = kind.refusal(resource, insist=task.request.allow_root)
        if reason is not None:
            self._tasks.conclude(task, Outcome.FAILED, outcomes.guarded(reason, resource))
        elif task.request.dry_run and expected not in (None, kind.deletion_of(resource)):
            self._tasks.conclude(task, Outcome.FAILED, outcomes.changed(kind))
        elif task.request.dry_run:
            self._tasks.conclude(task, Outcome.WOULD_RECOVER)
        else:
            return False
        return True

    def _look_for_others(self, task: VolumeTask) -> None:
        """Check whether a run of another server or account may still recover a volume that is not visible here."""
        try:
            if self._context.journal.sent_elsewhere(task.uuid):
                self._tasks.sent_elsewhere(task)
        except LocalState as error:  # the journal cannot be read, so any request may be open: send nothing further
            self._tasks.journal_failed(error)

    @property
    def _longest(self) -> float:
        return longest_backoff(self._tasks.polled_count, self.reader.size)
