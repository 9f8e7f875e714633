"""The requests of follow-ups: each is recorded before it leaves, and sent once."""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final

from zvol.errors import Exit, LocalState, NeverSent
from zvol.recovery.follow_ups.changes import Change, ChangeKind, ChangeState, refusal
from zvol.recovery.follow_ups.context import FollowUpContext
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.poll_limit import FOLLOW_UP_OCCUPYING_LIMIT, FollowUpRequest
from zvol.recovery.poll_times import FIRST_POLL
from zvol.recovery.task import FRESH
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack import answers

CHANGE_SECONDS: Final = 60.0
"""Seconds for which a change is polled, and for which zvol waits while it cannot be sent."""

SLOW: Final = 1.0
"""Seconds after which a change that is not done does not count any more as one that keeps the server busy."""


class FollowUpSubmitter:
    """Sends changes while there are free places.

    `poll` schedules a read of a volume; `give_up` gives up what was not sent (why, exit code).
    """

    def __init__(
        self,
        context: FollowUpContext,
        poll: Callable[[FollowUpTask, float], None],
        give_up: Callable[[FollowUpTask, str, Exit], None],
    ) -> None:
        self._context, self._poll, self._give_up = context, poll, give_up
        self._ready: deque[FollowUpTask] = deque()
        self._sent: dict[FollowUpTask, float] = {}

    def put(self, follow_up: FollowUpTask) -> None:
        """Queue the next change of a volume."""
        self._ready.append(follow_up)

    def due(self) -> float:
        """Return the monotonic time from which something can be sent; infinity while only an answer helps."""
        breaker, now = self._context.breaker, self._context.clock.monotonic()
        one_at_a_time = breaker.submit_failing_since is not None
        if not self._ready or (one_at_a_time and self._context.limit.under_way(FollowUpRequest.CHANGE) > 0):
            return math.inf
        if self._room(now) > 0:
            return breaker.submit_after
        slow = (sent_at + SLOW for sent_at in self._sent.values() if now - sent_at < SLOW)
        return math.inf if len(self._sent) >= FOLLOW_UP_OCCUPYING_LIMIT else min(slow, default=math.inf)

    def _room(self, now: float) -> int:
        """Return how many further changes the server is to work on: as many as recoveries, without slow ones."""
        self._sent = {one: sent_at for one, sent_at in self._sent.items() if one.is_in(ChangeState.SENT)}
        busy = sum(now - sent_at < SLOW for sent_at in self._sent.values())
        return min(FOLLOW_UP_OCCUPYING_LIMIT - len(self._sent), self._context.most() - busy)

    def take_back(self, now: float) -> None:
        """Read the waiting volumes again: nothing can be sent now."""
        while self._ready:
            self._poll(self._ready.popleft(), now)

    def tick(self, now: float) -> None:
        """Send changes, after each is recorded in the journal."""
        free, under_way = self._context.limit.places, self._context.limit.under_way(FollowUpRequest.CHANGE)
        allowed = self._context.breaker.allowed_submissions(now, under_way + free) - under_way
        group = self._group(now, min(free, allowed))
        if not group:
            return
        try:
            self._context.store.before(group)
        except LocalState as error:
            for follow_up in group:
                self._reset(follow_up)
                self._give_up(follow_up, error.message, Exit.LOCAL)
            return
        for follow_up in group:
            self._post(follow_up, self._context.clock.monotonic())

    def _group(self, now: float, places: int) -> list[FollowUpTask]:
        places = min(places, self._room(now))
        failing = self._context.breaker.submit_failing_since is not None
        group: list[FollowUpTask] = []
        while self._ready and len(group) < places:
            # after one that was not answered the last goes first: the next may hang for the same reason
            follow_up = self._ready.pop() if failing else self._ready.popleft()
            change = follow_up.change
            if change is None or change.state is not ChangeState.PLANNED:
                continue
            if change.kind is ChangeKind.ATTACH and not follow_up.fresh(now):
                self._poll(follow_up, now)
                continue
            change.begin(uuid.uuid4().hex)
            group.append(follow_up)
        return group

    def _reset(self, follow_up: FollowUpTask) -> None:
        """Record that the change was not sent after all."""
        change = follow_up.change
        assert change is not None
        change.reset()
        self._context.store.record(follow_up, change)

    def _post(self, follow_up: FollowUpTask, now: float) -> None:
        """Send one change, unless the journal took so long that the last read of its volume is too old."""
        change, client, api_timeout = follow_up.change, self._context.client, self._context.api_timeout
        assert change is not None
        assert change.job is not None
        if change.kind is ChangeKind.ATTACH and not follow_up.fresh(now):
            self._reset(follow_up)
            self._poll(follow_up, now)
            return
        fresh_until = (follow_up.read_at or 0.0) + FRESH if change.kind is ChangeKind.ATTACH else None
        (path, body), job = change.request(follow_up.uuid), change.job
        volume = follow_up.volume
        change.mark_sent(now + CHANGE_SECONDS, volume.text("lastAttachDate") if volume is not None else None)
        self._context.limit.begin(FollowUpRequest.CHANGE)
        self._sent[follow_up] = now

        def send() -> object:
            return client.change(path, body, job, api_timeout, fresh_until)

        self._context.pool.submit(send, lambda done: self._answered(follow_up, change, done))

    def _answered(self, follow_up: FollowUpTask, change: Change, done: WorkResult) -> None:
        """Handle the answer to a request."""
        self._context.limit.end(FollowUpRequest.CHANGE)
        change.mark_answered()
        if done.error is not None:
            raise done.error
        answer, now, breaker = done.value, self._context.clock.monotonic(), self._context.breaker
        if isinstance(answer, NeverSent):
            self._never_sent(follow_up, change, answer, done.began, now)
            return
        if isinstance(answer, answers.Unrecognized):
            breaker.record_failure(now, answer.reason, began=done.began, put=True)
        else:
            breaker.record_success(now, put=True)
        if follow_up.change is not change:
            return  # it was given up: its outcome stays "unknown"
        if isinstance(answer, answers.Done):
            change.report_done(now)
        self.refused(follow_up, change, answer, now)
        ended = change.done or change.refused is not None or change.state is not ChangeState.SENT
        change.poll_job_later(now)
        self._poll(follow_up, now if ended else now + FIRST_POLL)

    def _never_sent(self, follow_up: FollowUpTask, change: Change, never: NeverSent, began: float, now: float) -> None:
        """Handle a request of which no byte left: it may be sent again, unless the server is not trusted."""
        if follow_up.change is not change:
            return
        self._reset(follow_up)
        if never.untrusted:
            self._give_up(follow_up, never.message, Exit.UNTRUSTED)
            return
        if never.reason != "stale":
            self._context.breaker.record_failure(now, never.message, never, began=began, put=True)
        self._poll(follow_up, now)

    def refused(self, follow_up: FollowUpTask, change: Change, answer: object, now: float) -> None:
        """Record that nothing was executed, if the answer says so; with a new session it is sent once more."""
        why = refusal(answer)
        if why is None:
            return
        if isinstance(answer, answers.Failed) and answer.session and not change.renewed and self._context.renew():
            self._reset(follow_up)
            change.session_renewed()
            return
        change.report_refused(*why, now)
