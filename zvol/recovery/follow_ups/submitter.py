"""The requests of follow-ups: each is recorded before it leaves, and sent once.

They are recorded in groups, some before there is room for them on the server; as long as they wait they are planned
like the others, except that the journal says that they may have been sent.
"""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from zvol.errors import Exit, LocalState, NeverSent
from zvol.recovery.follow_ups.changes import Change, ChangeKind, ChangeState, refusal
from zvol.recovery.follow_ups.context import FollowUpContext
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.poll_limit import FOLLOW_UP_OCCUPYING_LIMIT, FollowUpRequest
from zvol.recovery.poll_times import FIRST_POLL
from zvol.recovery.request_pace import asked_to_wait
from zvol.recovery.task import FRESH
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack import answers

CHANGE_SECONDS: Final = 60.0
"""Seconds for which a change is polled, and for which zvol waits while it cannot be sent."""


UNSENT: Final = 1.0
"""Seconds until a volume is read again whose change could not be sent: others go first."""


class Recorded(NamedTuple):
    """A change that waits to be sent, under the job id that the journal has."""

    change: Change
    job: str


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
        self._again: deque[FollowUpTask] = deque()
        self._unsent: set[FollowUpTask] = set()
        self._recorded: dict[FollowUpTask, Recorded] = {}
        self._sent: dict[FollowUpTask, Change] = {}
        self._outages = 0

    def put(self, follow_up: FollowUpTask) -> None:
        """Queue the next change of a volume; one that could not be sent comes after all others."""
        (self._again if follow_up in self._unsent else self._ready).append(follow_up)

    def due(self) -> float:
        """Return the monotonic time from which something can be sent; infinity when nothing waits."""
        breaker, window = self._context.breaker, self._context.window
        if not (self._ready or self._again or self._recorded):
            return math.inf
        if self._room <= 0:
            return window.silent_at if window.room <= 0 else math.inf
        one_at_a_time = breaker.submit_failing_since is not None
        waits = one_at_a_time and self._context.limit.under_way(FollowUpRequest.CHANGE) > 0
        return math.inf if waits else max(breaker.submit_after, window.due)

    @property
    def _room(self) -> int:
        """The number of further changes that the server is to work on."""
        most = min(FOLLOW_UP_OCCUPYING_LIMIT, self._context.share())
        return min(self._context.window.room, most - len(self._sent))

    def take_back(self, now: float) -> None:
        """Read the waiting volumes again: nothing can be sent now."""
        for follow_up in [*self._recorded]:
            self.drop(follow_up)
            self._poll(follow_up, now)
        for waiting in (self._ready, self._again):
            while waiting:
                self._poll(waiting.popleft(), now)

    def drop(self, follow_up: FollowUpTask) -> None:
        """Record that the waiting change of a volume, if there is one, was not sent after all."""
        if recorded := self._recorded.pop(follow_up, None):
            self._context.store.record(follow_up, recorded.change)

    def tick(self, now: float) -> None:
        """Send changes, after each is recorded in the journal."""
        self._record(now)
        self._send(now)

    # ---- the journal ---------------------------------------------------------------------------------------------
    def _record(self, now: float) -> None:
        """Make the next group of changes durable in one commit."""
        group = self._group(now, self._wanted)
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
            change = follow_up.change
            assert change is not None
            assert change.job is not None
            self._recorded[follow_up] = Recorded(change, change.job)
            change.reset()

    @property
    def _wanted(self) -> int:
        """The number of changes to record now: for those that have room, and for half a window after them.

        0 while enough of them wait, and while only one change at a time may be sent.
        """
        waiting, ahead = len(self._recorded), self._context.window.ahead // 2
        if self._context.breaker.submit_failing_since is not None:
            return int(not waiting and self._context.limit.under_way(FollowUpRequest.CHANGE) == 0)
        return max(0, self._room) + ahead - waiting if waiting * 4 <= ahead else 0

    def _group(self, now: float, most: int) -> list[FollowUpTask]:
        failing = self._context.breaker.submit_failing_since is not None
        group: list[FollowUpTask] = []
        while (self._ready or self._again) and len(group) < most:
            # after one that was not answered the last goes first: the next may hang for the same reason
            waiting = self._ready or self._again
            follow_up = waiting.pop() if failing and self._ready else waiting.popleft()
            change = follow_up.change
            if change is None or change.state is not ChangeState.PLANNED:
                continue
            if change.kind is ChangeKind.ATTACH and not follow_up.fresh(now):
                self._poll(follow_up, now)
                continue
            change.begin(uuid.uuid4().hex)
            group.append(follow_up)
        return group

    # ---- the server ----------------------------------------------------------------------------------------------
    def _send(self, now: float) -> None:
        """Send what is recorded, while there are free places."""
        limit, window, breaker = self._context.limit, self._context.window, self._context.breaker
        while self._recorded and limit.places > 0 and self._room > 0 and window.due <= now:
            under_way = limit.under_way(FollowUpRequest.CHANGE)
            if under_way >= breaker.allowed_submissions(now, under_way + 1):
                return
            follow_up = next(iter(self._recorded))
            change, job = self._recorded.pop(follow_up)
            change.begin(job)
            self._post(follow_up, self._context.clock.monotonic())

    def free_places(self, now: float) -> None:
        """Free the places of changes that have ended, and those of all changes after an outage, which may have."""
        window, breaker = self._context.window, self._context.breaker
        for follow_up, change in [*self._sent.items()]:
            if change.state is ChangeState.SENT and follow_up.change is change:
                if self._outages != breaker.outages:
                    window.dropped(follow_up)
                continue
            del self._sent[follow_up]
            if change.state is ChangeState.DONE:
                window.back(follow_up, now)
            else:
                window.dropped(follow_up)
        self._outages = breaker.outages
        window.tick(now)

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
        self._context.window.sent(follow_up, now)
        self._sent[follow_up] = change

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
            self._context.window.unclear(done.began, now, too_many=asked_to_wait(answer) is not None)
            self._context.window.dropped(follow_up)
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
        if never.reason == "stale":
            self._poll(follow_up, now)
            return
        self._context.breaker.record_failure(now, never.message, never, began=began, put=True)
        self._unsent.add(follow_up)
        self._poll(follow_up, now + UNSENT)

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
