"""Drives the protocol of many volumes at once: one coordinator that decides, a crew that waits for the server.

Everything but the requests themselves runs in the caller's thread; what the crew brings back is taken from the inbox.
So there are no locks, and a signal handler may call `stop` at any time.
"""

from __future__ import annotations

import math
import queue
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import LocalState
from zvol.journal.records import Identity
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import Outcome, Result, Target
from zvol.recovery import outcomes
from zvol.recovery.batch import Batch
from zvol.recovery.circuit_breaker import GIVE_UP_SECONDS, CircuitBreaker
from zvol.recovery.follow_up_stage import FollowUpStage
from zvol.recovery.protocol import resumed
from zvol.recovery.run_status import Observer, pulse
from zvol.recovery.states import Phase, ProtocolState
from zvol.recovery.submitter import Submitter
from zvol.recovery.task import FIRST_LOOK, Options, VolumeTask
from zvol.recovery.timeouts import LAST_WATCH, Timeouts
from zvol.recovery.volume_poller import VolumePoller
from zvol.recovery.worker_pool import Done, WorkerPool
from zvol.zstack.dates import normalized_date

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.journal.records import UnfinishedVolume
    from zvol.zstack.client import Client

HEARTBEAT: Final = 1.0
"""Seconds the coordinator sleeps at most."""


class Engine:
    """Recovers volumes; a batch of one is a batch."""

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
        pool: Callable[[int, queue.SimpleQueue[Done | None], Callable[[], float]], WorkerPool] = WorkerPool,
    ) -> None:
        self.client, self.options, self.clock = client, options, clock
        self.identity = identity
        self._began = began
        self.run_id: str | None = None
        self.left: list[VolumeTask] = []
        self.lost: LocalState | None = None
        self._open_journal = open_journal
        self._renew = renew
        self._elsewhere = elsewhere
        self._observer = observer
        self._pool = pool
        self._random = random.Random()  # noqa: S311  (jitter)
        self._stops = 0
        self._inbox: queue.SimpleQueue[Done | None] = queue.SimpleQueue()

    def recover(self, target: Sequence[Target], request: Request = DEFAULT_REQUEST) -> Iterator[Result]:
        """Bring volumes back; yield each one's result as soon as it is known."""
        tasks = [
            VolumeTask(want, request, state=ProtocolState(expected_last_op_date=normalized_date(want.shown)))
            for want in target
        ]
        return self._drive(Batch(tasks, self.options, self._renew))

    def resume(self, journal: Journal, left: Sequence[UnfinishedVolume]) -> Iterator[Result]:
        """Settle and finish what interrupted runs left open, all together; `left` is what `Journal.adopt` returned."""
        now, mine = self.clock.monotonic(), [volume for volume in left if volume.holder is None]
        back = [volume for volume in mine if volume.state == "followups"]
        tasks = [self._resumed(volume, order, now) for order, volume in enumerate(mine) if volume not in back]
        batch = Batch(tasks, self.options, self._renew)
        batch.journal, batch.runs = journal, list(dict.fromkeys(volume.run for volume in left))
        for volume in left:
            if volume.holder is not None:
                error = outcomes.busy(volume.holder, self.identity)
                batch.results.append(Result(volume.asked, volume.uuid, Outcome.BUSY, error=error))
        return self._drive(batch, back)

    def _resumed(self, volume: UnfinishedVolume, order: int, now: float) -> VolumeTask:
        task = VolumeTask(
            Target(volume.asked, volume.uuid, order), volume.request, volume.run, held=volume.held, claimed=True
        )
        task.followups = volume.followups
        own = [intent for intent in volume.intents if not intent.inherited]
        task.state = ProtocolState(
            expected_last_op_date=normalized_date(volume.last_op), foreign=volume.foreign
        )  # the deletion that was meant
        if own:
            task.state = replace(resumed(normalized_date(own[-1].last_op)), foreign=volume.foreign)
            task.new_job(own[-1].job)
            task.job_unasked = volume.foreign or len(own) < len(volume.intents)
        elif volume.intents or volume.foreign:
            task.state = replace(task.state, phase=Phase.SETTLE)
            task.prior = [] if volume.foreign else [intent.job for intent in volume.intents]
        if task.phase is not Phase.START:
            task.deadline = now + self.options.timeout
            task.begin_looking(now, FIRST_LOOK)
        return task

    def stop(self) -> None:
        """Send nothing new, watch what is open for a little longer, then end; the second call ends it at once.

        May be called from a signal handler.
        """
        self._stops += 1
        self._inbox.put(None)

    # ---- the loop ------------------------------------------------------------------------------------------------
    def _drive(self, batch: Batch, back: Sequence[UnfinishedVolume] = ()) -> Iterator[Result]:
        breaker = CircuitBreaker(self._jitter, GIVE_UP_SECONDS if self.options.timeout > GIVE_UP_SECONDS else math.inf)
        batch.clear_at = self.clock.monotonic() if self._began is None else self._began
        pool = self._pool(self.options.concurrency, self._inbox, self.clock.monotonic)
        stopped = lambda: self._stops > 0  # noqa: E731  (a signal may come while the journal is written)
        submitter = Submitter(batch, self.client, pool, breaker, self.clock, self._open_journal, self.identity, stopped)
        if self._elsewhere is not None:
            batch.elsewhere = lambda uuid: self._sent_elsewhere(uuid, submitter)
        volume_poller = VolumePoller(batch, self.client, pool, breaker, self.clock, self._jitter)
        follow_up_stage = FollowUpStage(batch, self.client, pool, self.clock, self._jitter, submitter)
        timeouts = Timeouts(batch, volume_poller.reader, breaker, follow_up_stage, submitter.land)
        for task in batch.schedule:
            task.quiet = submitter.settle_policy.silence(self.clock.monotonic())
        for volume in back:
            follow_up_stage.resume(volume)
        try:
            yield from self._say(batch)
            while batch.pending or follow_up_stage.open:
                self._tick(batch, breaker, submitter, volume_poller, timeouts)
                yield from self._say(batch)
                if batch.pending or follow_up_stage.open:
                    due = min(volume_poller.due(), follow_up_stage.due(), timeouts.due()) - self.clock.monotonic()
                    pool.wait(self.clock, min(HEARTBEAT, max(0.0, due)))
                yield from self._say(batch)  # what is known does not wait for the journal
        finally:
            pool.shutdown()
            self._close(batch)

    def _tick(
        self,
        batch: Batch,
        breaker: CircuitBreaker,
        submitter: Submitter,
        volume_poller: VolumePoller,
        timeouts: Timeouts,
    ) -> None:
        now = self.clock.monotonic()
        self.run_id = batch.run
        if self._stops:
            self._stop(batch, timeouts, now)
        timeouts.tick(now)
        if breaker.should_give_up() and submitter.idle and not any(task.watched for task in batch.schedule):
            batch.give_up_pending(outcomes.unreachable(breaker.reason, breaker.never_sent))
        volume_poller.tick(now, ahead=submitter.wants_more())
        timeouts.follow_up_stage.tick(now)
        submitter.tick(now)
        self._tell_lost(batch)
        if self._observer is not None:
            self._observer.tick(lambda: pulse(batch, breaker, self.clock.monotonic(), timeouts.follow_up_stage))

    def _stop(self, batch: Batch, timeouts: Timeouts, now: float) -> None:
        """After the first signal nothing new is sent, after the second nothing is waited for."""
        if not batch.stopping:
            batch.stopping = True
            batch.give_up_pending(outcomes.stopped(in_journal=bool(batch.runs)))
            timeouts.stop(now)
            if (batch.pending or timeouts.follow_up_stage.open) and self._stops == 1 and self._observer is not None:
                self._observer.stopping(LAST_WATCH)
        if self._stops > 1:
            for task in [*batch.pending.values()]:
                batch.give_up(task, outcomes.stopped(in_journal=bool(batch.runs)))
            timeouts.follow_up_stage.stop(now, 0.0)

    def _say(self, batch: Batch) -> Iterator[Result]:
        while batch.results:
            yield batch.results.popleft()

    def _close(self, batch: Batch) -> None:
        """Write down what was said."""
        self.run_id, self.left = batch.run, batch.left
        if batch.journal is not None and batch.runs:
            try:
                batch.journal.finish(self.clock.wall(), *batch.runs)
            except LocalState as error:
                batch.local = batch.local or error
        self._tell_lost(batch)

    def _tell_lost(self, batch: Batch) -> None:
        """When the journal cannot be written, tell at once and once what is open, for nothing else may remember it."""
        if batch.local is None or self.lost is not None:
            return
        self.lost = batch.local
        if self._observer is not None:
            tasks = [*batch.pending.values(), *batch.unknown]
            jobs = [(task.uuid, task.job) for task in tasks if task.job is not None]
            unsent = sum(one.error is not None and one.error.kind == "local" for one in batch.results)
            self._observer.journal_lost(batch.local, jobs, unsent)

    def _sent_elsewhere(self, uuid: str, submitter: Submitter) -> bool:
        """Look into the journal; where that cannot be read, nothing further is sent."""
        assert self._elsewhere is not None
        try:
            return self._elsewhere(uuid)
        except LocalState as error:
            submitter.fail(error)
            return False

    def _jitter(self) -> float:
        return self._random.uniform(0.75, 1.25)
