"""One run of the engine: its parts, and the loop that drives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from zvol.model import Result
from zvol.recovery import outcomes
from zvol.recovery.context import EngineContext
from zvol.recovery.follow_up_stage import FollowUpStage
from zvol.recovery.job_poller import JobPoller
from zvol.recovery.poll_limit import JOB_POLLS, PollLimit
from zvol.recovery.run_status import Observer, run_status
from zvol.recovery.submitter import Submitter
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.timeouts import LAST_WATCH, Timeouts
from zvol.recovery.volume_poller import VolumePoller

HEARTBEAT: Final = 1.0
"""Seconds the coordinator sleeps at most."""


class EngineRun:
    """Recovers volumes until each has a result and no follow-up is left; `stops` counts the signals."""

    def __init__(
        self,
        context: EngineContext,
        tasks: Iterable[VolumeTask],
        began: float,
        observer: Observer | None,
        stops: Callable[[], int],
    ) -> None:
        self.context = context
        self.tasks = Tasks(context, tasks, began)
        limit = PollLimit(context.pool, context.options.concurrency if self.tasks.small else JOB_POLLS)
        self._submitter = Submitter(context, self.tasks, lambda: stops() > 0)
        self._volume_poller = VolumePoller(context, self.tasks, limit)
        self._job_poller = JobPoller(context, self.tasks, limit, self._volume_poller.reader.check)
        self._timeouts = Timeouts(context, self.tasks, self._volume_poller.reader)
        self.follow_up_stage = FollowUpStage(context, self.tasks)
        self._observer, self._stops = observer, stops
        self._loss_reported = False

    def results(self) -> Iterator[Result]:
        """Run to the end; yield each result as soon as it is known."""
        context = self.context
        try:
            yield from self.tasks.hand_out()
            while self._working:
                self._tick()
                yield from self.tasks.hand_out()
                if self._working:
                    due = min(self._volume_poller.due(), self.follow_up_stage.due(), self._timeouts.due())
                    context.pool.wait(context.clock, min(HEARTBEAT, max(0.0, due - context.clock.monotonic())))
                yield from self.tasks.hand_out()  # what is known does not wait for the journal
        finally:
            context.pool.shutdown()
            context.journal.finish()
            self._report_loss()

    @property
    def _working(self) -> bool:
        return bool(self.tasks.any_pending or self.follow_up_stage.pending)

    def _tick(self) -> None:
        now, breaker = self.context.clock.monotonic(), self.context.breaker
        if self._stops():
            self._stop(now)
        self._timeouts.tick(now)
        if breaker.should_give_up() and self._submitter.idle and not any(task.watched for task in self.tasks.polled):
            self.tasks.stop_sending(outcomes.unreachable(breaker.reason, breaker.never_sent))
        self._volume_poller.tick(now, refresh=self._submitter.wants_more)
        self._job_poller.tick(now)
        self.follow_up_stage.tick(now)
        self._submitter.tick(now)
        self._report_loss()
        if self._observer is not None:
            self._observer.tick(lambda: run_status(self.context, self.tasks, self.follow_up_stage))

    def _stop(self, now: float) -> None:
        """After the first signal nothing new is sent, after the second nothing is waited for."""
        stopped = outcomes.stopped(in_journal=bool(self.context.journal.runs))
        if not self.tasks.stopping:
            self._timeouts.stop(stopped, now)
            self.follow_up_stage.stop(now, LAST_WATCH)
            if self._working and self._stops() == 1 and self._observer is not None:
                self._observer.stopping(LAST_WATCH)
        if self._stops() > 1:
            for task in self.tasks.pending:
                self.tasks.give_up(task, stopped)
            self.follow_up_stage.stop(now, 0.0)

    def _report_loss(self) -> None:
        """When the journal cannot be written, tell at once and once what is open, for nothing else may remember it."""
        error = self.context.journal.error
        if error is None or self._loss_reported:
            return
        self._loss_reported = True
        if self._observer is not None:
            open_tasks = [*self.tasks.pending, *self.tasks.unresolved]
            jobs = [(task.uuid, task.job) for task in open_tasks if task.job is not None]
            not_sent = sum(one.error is not None and one.error.kind == "local" for one in self.tasks.results)
            self._observer.journal_lost(error, jobs, not_sent)
