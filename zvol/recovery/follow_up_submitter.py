"""The requests of follow-ups: each is remembered before it leaves, and sent once."""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from zvol.clock import Clock
from zvol.errors import Exit, LocalState, NeverSent
from zvol.recovery.changes import Change, ChangeState, Kind, refusal
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.follow_up_task import FollowUpTask
from zvol.recovery.poll_times import FIRST_POLL
from zvol.recovery.task import FRESH
from zvol.recovery.worker_pool import Done, WorkerPool
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.zstack.client import Client

CHANGE_SECONDS: Final = 60.0
"""Seconds for which a change is watched, and for which what stands in its way is waited for."""

OPEN_LIMIT: Final = 64
"""Changes that may keep the server busy at the same time."""


class FollowUpStore(Protocol):
    """What remembers the changes, so that a run that is killed can be finished."""

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""

    def note(self, follow_up: FollowUpTask, change: Change) -> None:
        """Note where a change stands now."""

    def end(self, follow_up: FollowUpTask) -> bool:
        """Note that nothing more is done for a volume; tell whether a resumed run knows of what is left."""


class FollowUpSubmitter:
    """Sends changes while there are free places.

    `look` has a volume looked at, `leave` gives up what was not sent (why, exit code).
    """

    def __init__(
        self,
        client: Client,
        pool: WorkerPool,
        clock: Clock,
        breaker: CircuitBreaker,
        memory: FollowUpStore,
        *,
        api_timeout: float,
        renew: Callable[[], bool],
    ) -> None:
        self._client, self._pool, self._clock, self._breaker, self._memory = client, pool, clock, breaker, memory
        self._api_timeout, self._renew = api_timeout, renew
        self.look: Callable[[FollowUpTask, float], None] = lambda _follow, _time: None
        self.leave: Callable[[FollowUpTask, str, Exit], None] = lambda _follow, _why, _exit: None
        self.working = 0
        self._ready: deque[FollowUpTask] = deque()
        self._under_way: set[FollowUpTask] = set()

    def put(self, follow_up: FollowUpTask) -> None:
        """Have the next change of a volume sent."""
        self._ready.append(follow_up)

    def due(self) -> float:
        """Return the monotonic time from which something can be sent; infinity when nothing waits for that."""
        settle_policy = len(self._under_way) >= OPEN_LIMIT or (
            self._breaker.submit_failing_since is not None and self.working
        )
        return math.inf if settle_policy or not self._ready else self._breaker.submit_after

    def take_back(self, now: float) -> None:
        """Have those that wait looked at: nothing can be sent now."""
        while self._ready:
            self.look(self._ready.popleft(), now)

    def tick(self, now: float, free: int) -> None:
        """Let changes leave, each with its row in the journal."""
        group = self._group(now, min(free, self._breaker.allowed_submissions(now, self.working + free) - self.working))
        if not group:
            return
        try:
            self._memory.before(group)
        except LocalState as error:
            for follow_up in group:
                self._not_now(follow_up)
                self.leave(follow_up, error.message, Exit.LOCAL)
            return
        for follow_up in group:
            self._post(follow_up, self._clock.monotonic())

    def _group(self, now: float, places: int) -> list[FollowUpTask]:
        self._under_way = {one for one in self._under_way if stands(one, ChangeState.SENT)}
        places = min(places, OPEN_LIMIT - len(self._under_way))
        group: list[FollowUpTask] = []
        while self._ready and len(group) < places:
            follow_up = self._ready.popleft()
            change = follow_up.head
            if change is None or change.stand is not ChangeState.PLANNED:
                continue
            if change.kind is Kind.ATTACH and not follow_up.fresh(now):
                self.look(follow_up, now)
                continue
            change.job, change.stand = uuid.uuid4().hex, ChangeState.SENT
            group.append(follow_up)
        return group

    def _not_now(self, follow_up: FollowUpTask) -> None:
        """The change was not sent after all."""
        change = follow_up.head
        assert change is not None
        change.again()
        self._memory.note(follow_up, change)

    def _post(self, follow_up: FollowUpTask, now: float) -> None:
        """Send one change, unless the journal took so long that the last read of its volume is too old."""
        change = follow_up.head
        assert change is not None
        assert change.job is not None
        if change.kind is Kind.ATTACH and not follow_up.fresh(now):
            self._not_now(follow_up)
            self.look(follow_up, now)
            return
        fresh_until = (follow_up.read_at or 0.0) + FRESH if change.kind is Kind.ATTACH else None
        path, body = change.request(follow_up.uuid)
        job = change.job
        change.until, change.flying = now + CHANGE_SECONDS, True
        change.before = follow_up.volume.text("lastAttachDate") if follow_up.volume is not None else None
        self.working += 1
        self._under_way.add(follow_up)

        def send() -> object:
            return self._client.change(path, body, job, self._api_timeout, fresh_until)

        self._pool.submit(send, lambda done: self._answered(follow_up, change, done))

    def _answered(self, follow_up: FollowUpTask, change: Change, done: Done) -> None:
        """Take in what came of a request."""
        self.working -= 1
        change.flying = False
        if done.error is not None:
            raise done.error
        answer, now = done.value, self._clock.monotonic()
        if isinstance(answer, NeverSent):
            self._never_sent(follow_up, change, answer, done.began, now)
            return
        if isinstance(answer, answers.Unrecognized):
            self._breaker.record_failure(now, answer.reason, began=done.began, put=True)
        else:
            self._breaker.record_success(now, put=True)
        if follow_up.head is not change:
            return  # it was given up: "not known" was said, and stays true
        if isinstance(answer, answers.Done):
            change.done, change.heard = True, now
        self.refused(follow_up, change, answer, now)
        ended = change.done or change.refused is not None or change.stand is not ChangeState.SENT
        change.next_ask = now + change.ask_wait
        self.look(follow_up, now if ended else now + FIRST_POLL)

    def _never_sent(self, follow_up: FollowUpTask, change: Change, never: NeverSent, began: float, now: float) -> None:
        """Not a byte has left: it is free to try again, unless it is a matter of trust."""
        if follow_up.head is not change:
            return
        self._not_now(follow_up)
        if never.untrusted:
            self.leave(follow_up, never.message, Exit.UNTRUSTED)
            return
        if never.reason != "stale":
            self._breaker.record_failure(now, never.message, never, began=began, put=True)
        self.look(follow_up, now)

    def refused(self, follow_up: FollowUpTask, change: Change, answer: object, now: float) -> None:
        """Take in that nothing was executed, if the answer says so; with a new session it is sent once more."""
        why = refusal(answer)
        if why is None:
            return
        if isinstance(answer, answers.Failed) and answer.session and not change.renewed and self._renew():
            self._not_now(follow_up)
            change.renewed = True
            return
        (change.refused, change.refused_exit), change.heard = why, now


def stands(follow_up: FollowUpTask, stand: ChangeState) -> bool:
    """Tell whether the change that is worked on stands so."""
    return follow_up.head is not None and follow_up.head.stand is stand
