"""Intents and PUTs: each PUT is sent once, and its intent is durable before that."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from zvol.errors import LocalState, NeverSent
from zvol.recovery import outcomes
from zvol.recovery.change_gate import ChangeGate
from zvol.recovery.claimer import Claimer
from zvol.recovery.classification import answer_text, put_result_of
from zvol.recovery.context import EngineContext
from zvol.recovery.request_pace import asked_to_wait
from zvol.recovery.states import PutResult
from zvol.recovery.task import FRESH, Place, VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack import answers
from zvol.zstack.client import PUT_SECONDS

GROUP: Final = 64
"""Maximum intents in one commit."""

LATE_TRIES: Final = 3
"""Maximum tries in a row to send a PUT that took too long."""

LONG: Final = 1.0
"""Seconds that a commit, or opening a connection, must take at least to count as such a try."""


class Submitter:
    """Takes volumes from `found` to `in flight`: claims, intents, PUTs, and the answers to these.

    `stopped` tells whether a signal came, also while the journal is being written.
    """

    def __init__(self, context: EngineContext, tasks: Tasks, stopped: Callable[[], bool]) -> None:
        self._context, self._tasks, self._stopped = context, tasks, stopped
        self._claimer, self._gate = Claimer(context, tasks), ChangeGate(context, tasks)
        self._in_flight = 0
        self._outages = 0

    @property
    def idle(self) -> bool:
        """No PUT is in flight."""
        return not self._in_flight

    @property
    def wants_more(self) -> bool:
        """The next volumes of the queue will be sent soon."""
        tasks = self._tasks
        return tasks.size(Place.TO_WRITE) < self._wanted and tasks.may_send and tasks.next_in(Place.QUEUED) is not None

    @property
    def _wanted(self) -> int:
        """The number of intents of the next commit: for those that can be sent now, and for a window of those after.

        0 while enough can be sent: a commit is worth it when less than a quarter of a window is left.
        """
        window, ready = self._context.window, self._tasks.size(Place.TO_SEND)
        room, ahead = max(0, window.room), window.ahead
        return min(GROUP, room + ahead - ready) if ready < room or (ready - room) * 4 <= ahead else 0

    def due(self, now: float) -> float:
        """Return when the next PUT may leave, if one waits."""
        window, waiting = self._context.window, self._tasks.size(Place.TO_SEND) or self._tasks.size(Place.QUEUED)
        dues = (window.due, window.silent_at) if waiting else ()
        return min((due for due in dues if due > now), default=math.inf)

    def tick(self, now: float) -> None:
        """Record and send what is ready; nothing is sent before every volume was read once."""
        breaker = self._context.breaker
        if breaker.closed:
            self._context.settle_policy.tick(now)
        if not breaker.closed or not self._tasks.all_read or not self._tasks.may_send:
            return
        if self._outages != breaker.outages:
            self._outages = breaker.outages
            self._tasks.server_was_away()
        if self._context.pool.free:
            self._context.window.tick(now)
        try:
            self._claimer.claim()
            self._prepare()
            self._record_intents()
        except LocalState as error:
            self._tasks.journal_failed(error)
        self._send()

    def _fresh(self, task: VolumeTask) -> bool:
        """Tell whether the last read is new enough for a PUT at this moment: the journal may have taken long."""
        return task.fresh(self._context.clock.monotonic())

    # ---- intents -------------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        """Queue an intent for the volumes that were read a moment ago."""
        while self.wants_more:
            task = self._tasks.next_in(Place.QUEUED)
            if task is None or task.polling or not self._fresh(task):
                return
            self._tasks.begin_intent(task)

    def _record_intents(self) -> None:
        """Make the next group of intents durable in one commit."""
        tasks, began = self._tasks, self._context.clock.monotonic()
        group = self._group(self._wanted)
        if not group:
            return
        jobs = self._context.journal.record_intents(group)
        took = self._context.clock.monotonic() - began
        for task, job in zip(group, jobs, strict=True):
            if self._fresh(task):
                tasks.intent_recorded(task, job)
            else:
                self._context.journal.settle_intent(job)
                self._too_late(task, took, f"it took {took:.1f} s to write the journal")

    def _group(self, most: int) -> list[VolumeTask]:
        """Return the next volumes that need an intent."""
        group = list[VolumeTask]()
        for task in self._tasks.waiting(Place.TO_WRITE):
            if not self._fresh(task):
                self._tasks.read_expired(task)
            elif len(group) < most:
                group.append(task)
        return group

    # ---- PUTs ----------------------------------------------------------------------------------------------------
    def _send(self) -> None:
        """Send PUTs while there are free places."""
        pool, window, now = self._context.pool, self._context.window, self._context.clock.monotonic()
        places = self._context.breaker.allowed_submissions(now, self._context.options.concurrency)
        while pool.free_for_change and self._in_flight < places and window.due <= now and not self._stopped():
            task = self._tasks.next_in(Place.TO_SEND)
            if task is None:
                return
            if self._fresh(task):
                self._put(task)
            else:
                self._tasks.read_expired(task)

    def _put(self, task: VolumeTask) -> None:
        client, kind, job, read_at = self._context.client, task.kind, task.job, task.read_at
        api_timeout, now = self._context.settle_policy.requested(kind), self._context.clock.monotonic()
        assert job is not None
        assert read_at is not None
        self._in_flight += 1
        self._tasks.submitted(task, now)
        tags = (task.request.system_tags, task.request.user_tags)
        seconds = min(PUT_SECONDS, self._tasks.time_left(task, now))

        def send() -> object:
            return client.submit(
                task.uuid, job, api_timeout, *tags, fresh_until=read_at + FRESH, seconds=seconds, kind=kind
            )

        self._context.pool.submit(send, lambda done: self._answered(task, job, done))

    def _answered(self, task: VolumeTask, job: str, done: WorkResult) -> None:
        """Handle the answer to a PUT."""
        self._in_flight -= 1
        if done.error is not None:
            raise done.error
        if not task.in_flight or task.job != job:
            return  # it was given up: its outcome stays "unknown"
        answer, now, breaker = done.value, self._context.clock.monotonic(), self._context.breaker
        if isinstance(answer, NeverSent):
            self._never_sent(task, answer, done, now)
            return
        assert isinstance(answer, answers.PUT_ANSWERS)
        if put_result_of(answer, task.uuid) is PutResult.UNCLEAR:
            breaker.record_failure(now, answer_text(answer), began=done.began, put=True)
            self._context.window.unclear(done.began, now, too_many=asked_to_wait(answer) is not None)
        else:
            breaker.record_success(now, put=True)
            self._tasks.change_answered(now)
        self._tasks.put_answered(task, answer, now)
        self._gate.put_answered(task, answer, now)

    def _never_sent(self, task: VolumeTask, never: NeverSent, done: WorkResult, now: float) -> None:
        """Try a PUT again of which no byte left, unless the server is not trusted or sending has stopped."""
        self._tasks.not_submitted(task, never)
        if not self._tasks.is_pending(task):
            return
        if never.reason == "stale":
            self._too_late(task, done.ended - done.began, never.message)
        else:
            self._context.breaker.record_failure(now, never.message, never, began=done.began, put=True)

    def _too_late(self, task: VolumeTask, took: float, why: str) -> None:
        """Read a volume again whose PUT could only leave when its read was too old, up to a limit.

        If nothing took long, the read was nearly too old before; in a large run that is normal.
        """
        assert task.read_at is not None
        age = self._context.clock.monotonic() - task.read_at
        self._tasks.read_expired(task, slow=took >= LONG)
        if task.late >= LATE_TRIES:
            self._tasks.give_up(task, outcomes.too_late(LATE_TRIES, age, why, task.kind))
