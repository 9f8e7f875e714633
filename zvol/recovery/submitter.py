"""Claims, intents and PUTs: everything that is done before a volume is watched."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import Exit, LocalState, NeverSent, ZvolError
from zvol.journal.records import Identity, Intent
from zvol.recovery import last_seen, outcomes
from zvol.recovery.batch import Batch
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.claimer import Claimer
from zvol.recovery.settle_policy import SettlePolicy
from zvol.recovery.states import IntentRecorded, Observation, Observed, Phase, PutAnswered, PutResult
from zvol.recovery.task import (
    FIRST_ASK,
    FIRST_LOOK,
    FRESH,
    LastSeen,
    VolumeTask,
    put_result_of,
)
from zvol.recovery.worker_pool import Done, WorkerPool
from zvol.zstack import answers
from zvol.zstack.client import PUT_SECONDS
from zvol.zstack.volumes import last_op_date_of

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.zstack.client import Client

GROUP: Final = 64
"""Intents a commit."""

OPEN_LIMIT: Final = 256
"""Volumes that may keep the server busy at the same time.

Those whose PUT was not answered, or was on its way when the server went down, only wait: they are not counted.
"""

LATE_TRIES: Final = 3
"""Tries in a row to send a PUT that took too long, after which it is not tried again."""

LONG: Final = 1.0
"""Seconds that a commit, or opening a connection, must take at least to be such a try."""

COMMIT_PACE: Final = 1.0
"""Seconds for which a group of intents that is not full may be held back."""


class Submitter:
    """Sends each PUT once, with a durable intent before it."""

    def __init__(
        self,
        batch: Batch,
        client: Client,
        pool: WorkerPool,
        breaker: CircuitBreaker,
        clock: Clock,
        open_journal: Callable[[], Journal],
        identity: Identity,
        stopped: Callable[[], bool],
    ) -> None:
        self.batch, self.client, self.pool, self.breaker, self.clock = batch, client, pool, breaker, clock
        self.settle_policy = SettlePolicy(batch.options, client, pool)
        self._claimer = Claimer(batch, self.settle_policy, clock, open_journal, identity)
        self.open_run = self._claimer.open_run
        self._stopped = stopped
        self._flying = 0
        self._outages = 0
        self._committed = -COMMIT_PACE

    @property
    def idle(self) -> bool:
        return not self._flying

    def tick(self, now: float) -> None:
        """Do what can be done now; nothing is sent before every volume was read once."""
        batch, breaker = self.batch, self.breaker
        if breaker.closed:
            self.settle_policy.tick(now)
        if batch.first or not breaker.closed or batch.closing is not None:
            return
        if self._outages != breaker.outages:
            self._outages = breaker.outages
            batch.open.clear()
        try:
            self._claimer.claim()
            self._prepare()
            self._intend()
        except LocalState as error:
            self.fail(error)
        self._send()

    def _fresh(self, task: VolumeTask) -> bool:
        """Tell whether a PUT may leave on the last read as of this moment: the journal may have taken long."""
        return task.fresh(self.clock.monotonic())

    def _send(self) -> None:
        """Let PUTs leave while there are free places."""
        batch = self.batch
        places = self.breaker.allowed_submissions(self.clock.monotonic(), batch.options.concurrency)
        while batch.outbox and self.pool.free and self._flying < places and not self._stopped():
            for task in batch.pop(batch.outbox, Phase.SENDING):
                if self._fresh(task):
                    self._put(task)
                    break
                batch.take_back(task)

    def fail(self, error: LocalState) -> None:
        """The journal cannot be written: nothing further is sent, what is open is watched to its end."""
        self.batch.local = error
        self.batch.give_up_pending(ZvolError(error.message, kind="local", hint=error.hint, exit=Exit.LOCAL))

    def wants_more(self) -> bool:
        """Tell whether the next of the queue are to be sent soon."""
        batch = self.batch
        room = len(batch.ready) < GROUP and len(batch.open) < OPEN_LIMIT
        return room and batch.closing is None and batch.head() is not None

    # ---- intents -------------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        """Let those of the queue become ready that were read a moment ago."""
        batch = self.batch
        while self.wants_more() and self._fresh(batch.queue[0]) and not batch.queue[0].busy:
            task = batch.queue.popleft()
            batch.feed(task, Observed(Observation.DELETED, last_op_date_of(task.volume)))

    def _intend(self) -> None:
        """Make the next group of intents durable in one commit, once it is worth it."""
        batch, began = self.batch, self.clock.monotonic()
        enough = max(1, min(GROUP, 4 * batch.options.concurrency))
        room = OPEN_LIMIT - len(batch.open)
        full = min(enough, len(batch.ready) + len(batch.queue))
        if not batch.ready or len(batch.outbox) > batch.options.concurrency:
            return
        if min(room, len(batch.ready)) < full and began - self._committed < COMMIT_PACE:
            return
        group = self._group(min(enough, room), enough)
        if not group:
            return
        intents = [(t.run or "", t.uuid, Intent(uuid.uuid4().hex, t.state.expected_last_op_date)) for t in group]
        assert batch.journal is not None
        self._committed = began
        try:
            batch.journal.record_intents(intents, self.clock.wall())
        except LocalState:
            batch.ready.extendleft(reversed(group))
            raise
        took = self.clock.monotonic() - began
        for task, (_, _, intent) in zip(group, intents, strict=True):
            if self._fresh(task):
                task.new_job(intent.job)
                batch.feed(task, IntentRecorded())
            else:
                batch.journal.settle_intent(intent.job)
                self._too_late(task, took, f"it took {took:.1f} s to write the journal")

    def _group(self, room: int, most: int) -> list[VolumeTask]:
        """Take the next of those that are ready; who has sent before had a place already."""
        batch, group = self.batch, list[VolumeTask]()
        for task in batch.pop(batch.ready, Phase.INTENT):
            if not self._fresh(task):
                batch.take_back(task)
                continue
            if len(group) >= (most if task.state.sends else room):
                batch.ready.appendleft(task)
                break
            group.append(task)
        return group

    # ---- PUTs ----------------------------------------------------------------------------------------------------
    def _put(self, task: VolumeTask) -> None:
        options, request, job = self.batch.options, task.request, task.job
        read_at, now = task.read_at, self.clock.monotonic()
        if task.deadline is None:
            task.deadline = now + options.timeout
        assert job is not None
        assert read_at is not None
        self._flying += 1
        task.flying, task.since = True, now
        tags, seconds = (request.system_tags, request.user_tags), min(PUT_SECONDS, task.deadline - now)

        def send() -> object:
            return self.client.submit(
                task.uuid, job, options.api_timeout, *tags, fresh_until=read_at + FRESH, seconds=seconds
            )

        self.pool.submit(send, lambda done: self._answered(task, job, done))

    def land(self, task: VolumeTask, now: float) -> None:
        """Wait no longer for the answer to a PUT, which may act all the same."""
        self._take_in(task, answers.Unrecognized("no answer yet"), now)

    def _answered(self, task: VolumeTask, job: str, done: Done) -> None:
        """Take in what came of a PUT."""
        self._flying -= 1
        if done.error is not None:
            raise done.error
        if task.uuid not in self.batch.pending or not task.flying or task.job != job:
            return  # it was given up: "not known" was said, and stays true
        task.flying = False
        answer, now = done.value, self.clock.monotonic()
        if isinstance(answer, NeverSent):
            self._not_sent(task, answer, done, now)
            return
        assert isinstance(answer, answers.PUT_ANSWERS)
        if put_result_of(answer, task.uuid) is PutResult.UNCLEAR:
            self.breaker.record_failure(now, last_seen.answer(answer), began=done.began, put=True)
        else:
            self.breaker.record_success(now, put=True)
            self.batch.clear_at = max(self.batch.clear_at, now)
        self._take_in(task, answer, now)

    def _take_in(self, task: VolumeTask, answer: answers.PutAnswer, now: float) -> None:
        """Watch what a PUT does that has ended."""
        put = put_result_of(answer, task.uuid)
        task.flying = False
        task.put_seen = LastSeen(last_seen.answer(answer), self.clock.wall())
        if put is PutResult.UNCLEAR:
            self.batch.open.pop(task.uuid, None)
        self._remember(task, answer, now)
        task.late = 0
        task.begin_looking(now, 0.0 if self.batch.small else FIRST_ASK)
        self.batch.schedule.put(task, now + (0.0 if put in (PutResult.DONE, PutResult.REFUSED) else FIRST_LOOK))
        self.batch.feed(task, PutAnswered(put))

    def _not_sent(self, task: VolumeTask, never: NeverSent, done: Done, now: float) -> None:
        """Not a byte has left: the same intent is good for another try, unless it is a matter of trust."""
        task.put_seen = LastSeen(never.message, self.clock.wall())
        if task.state.sends == 1:
            task.deadline = None
        task.error = outcomes.not_sent_for(never)
        if never.untrusted:
            self.batch.feed(task, PutAnswered(PutResult.NEVER_SENT))
            return
        if self.batch.closing is not None:
            self.batch.give_up(task, self.batch.closing)
            return
        if never.reason == "stale":
            self._too_late(task, done.ended - done.began, never.message)
            return
        self.breaker.record_failure(now, never.message, never, began=done.began, put=True)
        self.batch.outbox.appendleft(task)

    def _too_late(self, task: VolumeTask, took: float, why: str) -> None:
        """The PUT could only leave when its read was too old: the volume is read again, but not without end.

        Where nothing took long, the read was nearly too old before: in a large batch that means nothing.
        """
        assert task.read_at is not None
        age = self.clock.monotonic() - task.read_at
        self.batch.take_back(task)
        task.late += took >= LONG
        if task.late >= LATE_TRIES:
            self.batch.give_up(task, outcomes.too_late(LATE_TRIES, age, why))

    def _remember(self, task: VolumeTask, answer: answers.PutAnswer, now: float) -> None:
        """Keep the server's words, and begin the quiet time that this answer needs."""
        if isinstance(answer, answers.Accepted):
            task.quiet = self.settle_policy.accepted(now, answer)
        else:
            task.quiet = self.settle_policy.silence(now)
        if isinstance(answer, answers.Done):
            task.claimed_at = now
        if isinstance(answer, answers.Failed | answers.Refusal | answers.Redirected):
            task.error = outcomes.of_answer(answer)
