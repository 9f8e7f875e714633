"""Drives the protocol of many volumes at once: one coordinator that decides, worker threads that wait for the server.

Everything but the requests themselves runs in the caller's thread; results are taken from the inbox.  So there are no
locks, and a signal handler may call `stop` at any time.
"""

from __future__ import annotations

import math
import queue
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import LocalState
from zvol.journal.records import Identity
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import Outcome, Result, Target
from zvol.recovery import outcomes
from zvol.recovery.circuit_breaker import GIVE_UP_SECONDS, CircuitBreaker
from zvol.recovery.context import EngineContext, SessionRenewal
from zvol.recovery.job_poller import JobPoller
from zvol.recovery.no_follow_ups import NoFollowUps
from zvol.recovery.poll_limit import JOB_POLLS, PollLimit
from zvol.recovery.run_journal import RunJournal
from zvol.recovery.settle_policy import SettlePolicy
from zvol.recovery.states import ProtocolState
from zvol.recovery.submitter import Submitter
from zvol.recovery.task import Options, VolumeTask, resumed_task
from zvol.recovery.tasks import Tasks
from zvol.recovery.timeouts import STOP_SECONDS, Timeouts
from zvol.recovery.volume_poller import VolumePoller
from zvol.recovery.window import Window
from zvol.recovery.worker_pool import WorkerPool, WorkResult
from zvol.zstack.dates import normalized_date
from zvol.zstack.resource_kinds import KINDS

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.journal.records import UnfinishedVolume
    from zvol.recovery.follow_ups.stage import FollowUpStage
    from zvol.recovery.run_status import Observer, RunStatus
    from zvol.zstack.client import Client


class Engine:
    """Recovers one volume or many.

    `run_id` is the run that began in the journal, None before that; `skipped` are volumes that were read and left as
    they are; `lost` is why the journal could not be written.
    """

    def __init__(
        self,
        client: Client,
        options: Options,
        open_journal: Callable[[], Journal],
        clock: Clock,
        *,
        identity: Identity,
        renew: Callable[[], bool] | None = None,
        elsewhere: Callable[[str], bool] | None = None,
        observer: Observer | None = None,
        began: float | None = None,
        pool: Callable[[int, queue.SimpleQueue[WorkResult | None], Callable[[], float]], WorkerPool] = WorkerPool,
    ) -> None:
        self.client, self.options, self.clock = client, options, clock
        self.identity = identity
        self._began = began
        self._open_journal = open_journal
        self._renew = renew
        self._elsewhere = elsewhere
        self._observer = observer
        self._pool = pool
        self._random = random.Random()  # noqa: S311  (jitter)
        self._stops = 0
        self._inbox: queue.SimpleQueue[WorkResult | None] = queue.SimpleQueue()
        self._run: EngineRun | None = None

    @property
    def run_id(self) -> str | None:
        return None if self._run is None else self._run.context.journal.run

    @property
    def skipped(self) -> list[VolumeTask]:
        return [] if self._run is None else self._run.tasks.skipped

    @property
    def lost(self) -> LocalState | None:
        return None if self._run is None else self._run.context.journal.error

    def recover(self, targets: Sequence[Target], request: Request = DEFAULT_REQUEST) -> Iterator[Result]:
        """Recover volumes; yield each result as soon as it is known."""
        tasks = [
            VolumeTask(target, request, state=ProtocolState(expected_last_op_date=normalized_date(target.shown)))
            for target in targets
        ]
        self._run = self._new_run(tasks, self._run_journal(), follow_ups=request.has_follow_ups)
        return self._run.results()

    def resume(self, journal: Journal, volumes: Sequence[UnfinishedVolume]) -> Iterator[Result]:
        """Settle and finish interrupted runs, all together; `volumes` are from `Journal.adopt`."""
        now, ours = self.clock.monotonic(), [volume for volume in volumes if volume.holder is None]
        back = [volume for volume in ours if volume.state == "followups"]
        tasks = [
            resumed_task(volume, order, now, self.options.timeout)
            for order, volume in enumerate(ours)
            if volume not in back
        ]
        self._run = run = self._new_run(tasks, self._run_journal(journal, [volume.run for volume in volumes]))
        for volume in volumes:
            if volume.holder is not None:
                busy = outcomes.busy(volume.holder, self.identity, KINDS[volume.target])
                result = Result(volume.asked, volume.uuid, Outcome.BUSY, error=busy, target=volume.target)
                run.follow_up_stage.vm_concluded(result)
                run.tasks.report(result)
        for volume in back:
            run.follow_up_stage.resume(volume)
        return run.results()

    def stop(self) -> None:
        """Send nothing new, poll what is open for a little longer, then end; the second call ends it at once.

        May be called from a signal handler.
        """
        self._stops += 1
        self._inbox.put(None)

    # ---- inside --------------------------------------------------------------------------------------------------
    def _run_journal(self, journal: Journal | None = None, resumed: Sequence[str] = ()) -> RunJournal:
        elsewhere = self._elsewhere or (lambda _uuid: False)
        return RunJournal(
            self._open_journal,
            self.identity,
            self.clock,
            self.options.waits,
            journal=journal,
            resumed=resumed,
            elsewhere=elsewhere,
        )

    def _new_run(self, tasks: Iterable[VolumeTask], journal: RunJournal, *, follow_ups: bool = True) -> EngineRun:
        give_up_after = GIVE_UP_SECONDS if self.options.timeout > GIVE_UP_SECONDS else math.inf
        pool = self._pool(self.options.concurrency, self._inbox, self.clock.monotonic)
        context = EngineContext(
            self.options,
            self.client,
            pool,
            CircuitBreaker(self._jitter, give_up_after),
            Window(self.options.most_under_way),
            self.clock,
            self._jitter,
            SettlePolicy(self.options, self.client, pool),
            journal,
            SessionRenewal(self._renew),
        )
        began = self.clock.monotonic() if self._began is None else self._began
        return EngineRun(context, tasks, began, self._observer, lambda: self._stops, follow_ups=follow_ups)

    def _jitter(self) -> float:
        return self._random.uniform(0.75, 1.25)


def _follow_up_stage(context: EngineContext, tasks: Tasks) -> FollowUpStage:
    from zvol.recovery.follow_ups.stage import FollowUpStage

    return FollowUpStage(context, tasks)


HEARTBEAT: Final = 1.0
"""Seconds the coordinator sleeps at most."""


class EngineRun:
    """Recovers volumes until each has a result and no follow-up is left; `stops` counts the signals.

    Without `follow_ups` there cannot be any, and their modules are not imported.
    """

    def __init__(
        self,
        context: EngineContext,
        tasks: Iterable[VolumeTask],
        began: float,
        observer: Observer | None,
        stops: Callable[[], int],
        *,
        follow_ups: bool,
    ) -> None:
        self.context = context
        self.tasks = Tasks(context, tasks, began)
        limit = PollLimit(context.pool, context.options.concurrency if self.tasks.small else JOB_POLLS)
        self._submitter = Submitter(context, self.tasks, lambda: stops() > 0)
        self._volume_poller = VolumePoller(context, self.tasks, limit)
        self._job_poller = JobPoller(context, self.tasks, limit, self._volume_poller.reader.check)
        self._timeouts = Timeouts(context, self.tasks, self._volume_poller.reader)
        self.follow_up_stage = _follow_up_stage(context, self.tasks) if follow_ups else NoFollowUps()
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
                    now = context.clock.monotonic()
                    dues = (self._volume_poller.due(), self.follow_up_stage.due(), self._timeouts.due())
                    due = min(*dues, self._submitter.due(now))
                    context.pool.wait(context.clock, min(HEARTBEAT, max(0.0, due - now)))
                yield from self.tasks.hand_out()  # known results do not wait for the journal
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
        if (
            breaker.should_give_up()
            and self._submitter.idle
            and not any(task.awaiting_effect for task in self.tasks.polled)
        ):
            self.tasks.stop_sending(outcomes.unreachable(breaker.reason, breaker.never_sent, breaker.hint))
        self._volume_poller.tick(now, refresh=self._submitter.wants_more)
        self._job_poller.tick(now)
        self.follow_up_stage.tick(now)
        self._submitter.tick(now)
        self._report_loss()
        if self._observer is not None:
            self._observer.tick(self._status)

    def _status(self) -> RunStatus:
        from zvol.recovery.run_status import run_status

        return run_status(self.context, self.tasks, self.follow_up_stage)

    def _stop(self, now: float) -> None:
        """Stop sending after the first signal, and stop waiting after the second."""
        stopped = outcomes.stopped(in_journal=bool(self.context.journal.runs))
        if not self.tasks.stopping:
            self._timeouts.stop(stopped, now)
            self.follow_up_stage.stop(now, STOP_SECONDS)
            if self._working and self._stops() == 1 and self._observer is not None:
                self._observer.stopping(STOP_SECONDS)
        if self._stops() > 1:
            for task in self.tasks.pending:
                self.tasks.give_up(task, stopped)
            self.follow_up_stage.stop(now, 0.0)

    def _report_loss(self) -> None:
        """Report open jobs once, as soon as the journal cannot be written: they may be recorded nowhere else."""
        error = self.context.journal.error
        if error is None or self._loss_reported:
            return
        self._loss_reported = True
        if self._observer is not None:
            open_tasks = [*self.tasks.pending, *self.tasks.unresolved]
            jobs = [(task.uuid, task.job) for task in open_tasks if task.job is not None]
            not_sent = sum(one.error is not None and one.error.kind == "local" for one in self.tasks.results)
            self._observer.journal_lost(error, jobs, not_sent)
