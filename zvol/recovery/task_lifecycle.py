"""Moves a volume from place to place as the protocol commands, until its conclusion."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from zvol.errors import Exit, LocalState, ZvolError
from zvol.model import Outcome, Result
from zvol.recovery import outcomes
from zvol.recovery.classification import observation_of, resource_text
from zvol.recovery.context import EngineContext
from zvol.recovery.protocol import advance
from zvol.recovery.states import (
    ENDED,
    Command,
    Conclude,
    Event,
    GiveUp,
    JobStatus,
    Observation,
    Observed,
    Phase,
    ReadExpired,
    SessionRenewed,
)
from zvol.recovery.task import LastSeen, Place, VolumeTask
from zvol.recovery.task_queues import TaskQueues
from zvol.resource import Resource

SETTLED: Final = 300.0
"""Seconds after a quiet period for noticing its end, sending the volume again and polling it."""

SMALL: Final = 4
"""In a run of at most this many volumes each job is polled before each read."""


class TaskLifecycle(TaskQueues):
    """Executes the commands of the protocol, and concludes.

    `skipped` were read and left as they are; `unresolved` were given up while a PUT may act.  `stopping`: a signal
    came.
    """

    def __init__(self, context: EngineContext, tasks: Iterable[VolumeTask], began: float) -> None:
        super().__init__(context.breaker)
        self.skipped: list[VolumeTask] = []
        self.unresolved: list[VolumeTask] = []
        self.stopping = False
        self._follow_up: Callable[[VolumeTask, Result], bool] = lambda _task, _result: False
        self._context = context
        self._results: deque[Result] = deque()
        self._closed: ZvolError | None = None
        self._began = self._last_progress = began
        self._last_seen = (began, "", LastSeen("", 0.0))
        for task in tasks:
            self._pending[task.uuid] = task
            if task.phase is Phase.START:
                self._move(task, Place.UNREAD)
            else:
                task.quiet = task.left_open = context.settle_policy.silence(
                    context.clock.monotonic(), task.kind, waits=task.waits
                )
                self._poll(task, 0.0)
        self.small = len(self._pending) <= SMALL

    @property
    def may_send(self) -> bool:
        """Whether anything may still be sent."""
        return self._closed is None

    def _seen(self, resource: Resource | None, began: float) -> LastSeen:
        """Return what a read that began then showed of a volume; volumes of one read share it, for less memory."""
        text = resource_text(resource)
        if self._last_seen[:2] != (began, text):
            self._last_seen = (began, text, LastSeen(text, self._context.clock.wall()))
        return self._last_seen[2]

    def take_follow_ups(self, take: Callable[[VolumeTask, Result], bool]) -> None:
        """Pass each result to `take`, which tells whether there are follow-ups, and passes it on after them."""
        self._follow_up = take

    def report(self, result: Result) -> None:
        """Queue a result to be handed out."""
        self._results.append(result)

    @property
    def results(self) -> Sequence[Result]:
        """The results that are not handed out yet."""
        return tuple(self._results)

    def hand_out(self) -> Iterator[Result]:
        """Yield the waiting results, each once."""
        while self._results:
            yield self._results.popleft()

    def end_of(self, task: VolumeTask) -> float:
        """Return the deadline of a volume: counted from its first PUT, or else from the last clear answer.

        zvol waits for the requests of a resumed run until they cannot act, while the server answers.
        """
        if task.never_sent:
            end = self._last_progress + self._context.options.timeout
        else:
            end = math.inf if task.deadline is None else task.deadline
        away = self._context.breaker.away(self._context.clock.monotonic())
        if task.left_open is None or self.stopping or away:
            return end
        return max(end, task.left_open.end_since(self._began) + SETTLED)

    def time_left(self, task: VolumeTask, now: float) -> float:
        """Return for how many seconds zvol may still wait for a volume."""
        return self.end_of(task) - now

    # ---- the end -------------------------------------------------------------------------------------------------
    def conclude(self, task: VolumeTask, outcome: Outcome, error: ZvolError | None = None) -> None:
        """Conclude a volume for which nothing was sent."""
        task.error = error
        self._concluded(task, Conclude(outcome))

    def give_up(self, task: VolumeTask, error: ZvolError | None) -> None:
        """Conclude a volume whose time is up; `error` says why, where nothing was sent.

        One that was just seen back only lacks the answer of its job.
        """
        seen_back = observation_of(task.resource) is Observation.BACK
        if task.phase is Phase.POLL and task.job_grace_polls and seen_back:
            self._feed(task, Observed(Observation.BACK, job=task.job_status))
            return
        if task.phase is Phase.SENDING and not task.in_flight:
            self.read_expired(task)
        task.error = error
        self._feed(task, GiveUp())

    def give_up_late(self, task: VolumeTask) -> None:
        """Conclude a volume after its final read, unless it is concluded already."""
        if self.is_pending(task):
            self.give_up(task, task.time_up)

    def stop_sending(self, error: ZvolError) -> None:
        """Conclude each volume whose PUT has not left as not sent, from now on."""
        self._closed = error
        for task in [one for one in self._pending.values() if one.waits_to_send]:
            self.give_up(task, error)

    def watch_until(self, task: VolumeTask, until: float) -> None:
        """Poll a volume until then at most: a gateway that blocks changes refused its PUT."""
        task.barred, task.deadline = True, min(self.end_of(task), until)

    def journal_failed(self, error: LocalState) -> None:
        """Send nothing further, and poll open requests to their end: the journal cannot be written."""
        self._context.journal.failed(error)
        self.stop_sending(ZvolError(error.message, kind="local", hint=error.hint, exit=Exit.LOCAL))

    def stop(self, error: ZvolError, now: float, until: float) -> None:
        """Send nothing new after a signal, and poll open requests until then."""
        self.stop_sending(error)
        for task in self._pending.values():
            task.deadline = min(self.end_of(task), until)
            if task.read_alone:
                self._poll(task, now)
        self.stopping = True

    def read_expired(self, task: VolumeTask, *, slow: bool = False) -> None:
        """The volume must be read again before its PUT leaves, and an intent that was recorded for it is void.

        `slow`: because something took long.
        """
        task.late += slow
        if task.phase is Phase.SENDING:
            self._context.journal.settle_intent(task.job)
        self._feed(task, ReadExpired())
        if not task.state.sends:
            task.job = None

    # ---- executing commands --------------------------------------------------------------------------------------
    def _feed(self, task: VolumeTask, event: Event) -> None:
        task.state, command = advance(task.state, event)
        match command:
            case Conclude():
                self._concluded(task, command)
            case Command.POLL if task.phase is Phase.START:
                self._move(task, Place.QUEUED, first=True)
            case Command.POLL:
                if task.place not in (Place.POLLED, Place.JOB_DUE):
                    self._poll(task, 0.0)
            case Command.WRITE if self._closed is not None:
                task.error = self._closed
                self._feed(task, GiveUp())
            case Command.WRITE:  # a volume that was sent before has waited before
                self._context.window.dropped(task)
                self._move(task, Place.TO_WRITE, first=task.state.sends > 0)
            case Command.SEND:
                self._move(task, Place.TO_SEND)
            case Command.RENEW:
                self._feed(task, SessionRenewed(self._context.session.renew()))

    def _earlier_job_polled(self, task: VolumeTask, job: str, status: JobStatus, now: float) -> None:
        """Check whether the open intents of earlier runs have ended; when all have, this run may begin."""
        if status not in ENDED:
            return
        self._context.journal.settle_intent(job)
        task.earlier_jobs = tuple(one for one in task.earlier_jobs if one != job)
        task.job_polled = not task.earlier_jobs
        task.job_status = JobStatus.NOT_POLLED if task.earlier_jobs else JobStatus.DONE
        task.next_job_poll = now

    def _concluded(self, task: VolumeTask, conclusion: Conclude) -> None:
        self._pending.pop(task.uuid, None)
        if conclusion.outcome is Outcome.RECOVERED:
            self._context.window.back(task, self._context.clock.monotonic())
        else:
            self._context.window.dropped(task)
        self._move(task, Place.CONCLUDED)
        self._forget_concluded()
        result = outcomes.result(task, conclusion)
        if not self._follow_up(task, result):
            self.report(result)
        if task.phase is Phase.UNRESOLVED:
            self.unresolved.append(task)
        self._context.journal.record_conclusion(task, conclusion)
