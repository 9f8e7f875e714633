"""Reads of volumes that are back, and of their tags: 100 at a time, beside the reads that recover others."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import TransientError, ZvolError
from zvol.recovery.batch_size import BATCH
from zvol.recovery.changes import Change, ChangeState, Kind, refusal
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.follow_up_task import FollowUpTask
from zvol.recovery.poll_schedule import PollSchedule
from zvol.recovery.poll_times import FIRST_POLL, LONGEST_POLL
from zvol.recovery.read_batch import look
from zvol.recovery.worker_pool import Done, WorkerPool
from zvol.zstack import answers
from zvol.zstack.volumes import Volumes

if TYPE_CHECKING:
    from zvol.zstack.client import Client

PACE: Final = 0.2
"""Seconds between two rounds of looks of a large batch."""

AHEAD: Final = 0.5
"""Seconds: a round also takes volumes that are due this much later."""

LOOKS: Final = 2
"""Looks of a kind at the same time."""

ASKS: Final = 4
"""Jobs of a large batch that are asked at the same time."""

LONGEST_ASK: Final = 30.0


class FollowUpPoller:
    """Looks at volumes when they are due, and asks the jobs of their changes; `seen` hears of each look.

    `free` tells how many requests more there may be.  A look that fails is repeated with one volume: when that works,
    the others go on by halves, and what fails alone is its own error; when not, everybody waits at the gate.
    """

    def __init__(
        self,
        client: Client,
        pool: WorkerPool,
        clock: Clock,
        breaker: CircuitBreaker,
        *,
        small: bool,
        free: Callable[[], int],
    ) -> None:
        self._client, self._pool, self._clock, self._breaker = client, pool, clock, breaker
        self._small, self._free = small, free
        self.seen: Callable[[FollowUpTask, float, ZvolError | None], None] = lambda _follow, _began, _error: None
        self.refused: Callable[[FollowUpTask, Change, object, float], None] = lambda _follow, _change, _answer, _now: (
            None
        )
        self.working = 0
        self.schedule: PollSchedule[FollowUpTask] = PollSchedule()
        self._waiting: dict[Kind, deque[FollowUpTask]] = {kind: deque() for kind in Kind}
        self._asks: deque[FollowUpTask] = deque()
        self._looking: Counter[Kind] = Counter()
        self._asking = 0
        self._probing = False
        self._next_round = 0.0
        self._most = dict.fromkeys(Kind, BATCH)
        self._failed: dict[Kind, int] = {}
        self._good_at = -math.inf

    def put(self, follow_up: FollowUpTask, time: float) -> None:
        """Look at a volume at a time, often at first."""
        follow_up.wait = FIRST_POLL
        self.schedule.put(follow_up, time)

    def later(self, follow_up: FollowUpTask, now: float) -> None:
        """Look again, less and less often."""
        follow_up.wait = min(LONGEST_POLL, follow_up.wait * 1.6)
        self.schedule.put(follow_up, now + follow_up.wait)

    def due(self) -> float:
        """Return the monotonic time of the next look; infinity when something must come back first."""
        if self._free() <= 0:
            return math.inf
        if not self._breaker.closed:
            return math.inf if self._probing else self._breaker.retry_at
        return max(self.schedule.next(), self._next_round)

    def tick(self, now: float) -> None:
        """Start what is due; while the gate is closed, one look goes first and everybody else waits."""
        if not self._breaker.closed:
            self._release(now)
            if now >= self._breaker.retry_at and not self._probing and self._free() > 0:
                self._probe()
            return
        if now >= self._next_round:
            self._round(now)
        while self._asks and self._free() > 0 and (self._small or self._asking < ASKS):
            self._ask(self._asks.popleft())
        for kind, waiting in self._waiting.items():
            while waiting and self._free() > 0 and self._looking[kind] < LOOKS:
                self._look(kind, self._part(waiting, self._most[kind]))

    def _round(self, now: float) -> None:
        """Sort the volumes that are due by what is to be looked at."""
        due = self.schedule.take(now, BATCH)
        if due and not self._small:
            due += self.schedule.take(now + AHEAD, BATCH - len(due))
            self._next_round = now + PACE if len(due) < BATCH else 0.0
        for follow_up in due:
            change = follow_up.head
            if change is not None and self._wants(change, now):
                self._asks.append(follow_up)
            elif change is not None:
                self._waiting[follow_up.looks_at].append(follow_up)

    def _wants(self, change: Change, now: float) -> bool:
        """Tell whether the job is to be asked before the look."""
        if change.stand is not ChangeState.SENT or change.flying or change.asked or change.done or change.refused:
            return False
        return self._small or now >= change.next_ask

    def _part(self, waiting: deque[FollowUpTask], most: int) -> list[FollowUpTask]:
        """Take those that are looked at together; who failed alone stays alone."""
        part = [waiting.popleft()]
        while waiting and len(part) < most and not part[0].alone and not waiting[0].alone:
            part.append(waiting.popleft())
        return part

    def _probe(self) -> None:
        self._probing = True
        for follow_up in self.schedule.take(math.inf, 1):
            self._look(follow_up.looks_at, [follow_up])
            return
        self._probing = False

    def _release(self, now: float) -> None:
        for waiting in (*self._waiting.values(), self._asks):
            while waiting:
                self.schedule.put(waiting.popleft(), now)

    # ---- a look --------------------------------------------------------------------------------------------------
    def _look(self, kind: Kind, follow_ups: list[FollowUpTask]) -> None:
        follow_ups = [follow_up for follow_up in follow_ups if follow_up.head is not None]
        if not follow_ups:
            return
        self.working += 1
        self._looking[kind] += 1
        uuids = [follow_up.uuid for follow_up in follow_ups]
        quiet = {f.uuid for f in follow_ups if f.head is not None and f.head.quiet is not None and f.head.quiet.over}

        def read() -> object:
            return self._client.user_tags(uuids) if kind is Kind.TAG else look(self._client, uuids)

        self._pool.submit(read, lambda done: self._looked(kind, follow_ups, quiet, done))

    def _looked(self, kind: Kind, follow_ups: list[FollowUpTask], quiet: set[str], done: Done) -> None:
        self.working -= 1
        self._looking[kind] -= 1
        self._probing = False
        now, error = self._clock.monotonic(), done.error
        if error is not None and not isinstance(error, ZvolError):
            raise error
        if error is not None and len(follow_ups) > 1:
            self._most[kind], self._failed[kind] = 1, len(follow_ups)
            for follow_up in follow_ups:
                self.schedule.put(follow_up, now)
            return
        if isinstance(error, TransientError):
            self._weather(kind, follow_ups[0], error, done, now)
            return
        self._good(kind, follow_ups, now)
        for follow_up in self._told(follow_ups, kind, done):
            follow_up.quiet = follow_up.uuid in quiet
            self.seen(follow_up, done.began, error)

    def _good(self, kind: Kind, follow_ups: list[FollowUpTask], now: float) -> None:
        self._breaker.record_success(now)
        self._good_at = now
        if len(follow_ups) == 1 and kind in self._failed:
            self._most[kind] = max(1, self._failed.pop(kind) // 2)

    def _told(self, follow_ups: list[FollowUpTask], kind: Kind, done: Done) -> Iterator[FollowUpTask]:
        """Write down what was seen of each."""
        tags = done.value if isinstance(done.value, dict) else {}
        seen = done.value if isinstance(done.value, Volumes) else Volumes({})
        for follow_up in follow_ups:
            change = follow_up.head
            if change is None:
                continue
            follow_up.alone = follow_up.uuid in seen.unclear  # an odd inventory is read by itself
            if follow_up.alone:
                self.schedule.put(follow_up, done.ended)
                continue
            follow_up.troubled = None
            change.asked = False
            if change.quiet is not None:
                change.quiet.note(done.began, done.ended)
            if done.error is None and kind is Kind.TAG:
                follow_up.tags = tags.get(follow_up.uuid, frozenset())
            elif done.error is None:
                follow_up.volume, follow_up.read = seen.found.get(follow_up.uuid), True
                asked_at = follow_up.volume.asked_at if follow_up.volume is not None else None
                follow_up.read_at = done.began if asked_at is None else asked_at
            yield follow_up

    def _weather(self, kind: Kind, follow_up: FollowUpTask, error: TransientError, done: Done, now: float) -> None:
        """One look failed: whether that is one volume's error or everybody's, the looks at the others tell."""
        own = follow_up.troubled is not None and self._good_at > follow_up.failed_at
        follow_up.alone, follow_up.reason, follow_up.failed_at = True, error.message, now
        follow_up.troubled = done.began if follow_up.troubled is None else follow_up.troubled
        if own:
            self._most[kind] = BATCH  # it was this volume, not the size
        else:
            self._breaker.record_failure(now, error.message, error.never_sent, began=done.began)
        self.later(follow_up, now)

    # ---- a job ---------------------------------------------------------------------------------------------------
    def _ask(self, follow_up: FollowUpTask) -> None:
        change = follow_up.head
        if change is None or change.job is None:
            return
        job = change.job
        self.working += 1
        self._asking += 1
        self._pool.submit(lambda: self._client.change_job(job), lambda done: self._asked(follow_up, change, done))

    def _asked(self, follow_up: FollowUpTask, change: Change, done: Done) -> None:
        """Take in what the job said; what is true is read after that."""
        self.working -= 1
        self._asking -= 1
        if done.error is not None:
            raise done.error
        now, answer = self._clock.monotonic(), done.value
        change.asked = True
        change.next_ask, change.ask_wait = now + change.ask_wait, min(LONGEST_ASK, change.ask_wait * 2)
        if follow_up.head is not change:
            return
        self.schedule.put(follow_up, now)
        if isinstance(answer, answers.Unrecognized):
            self._breaker.record_failure(now, answer.reason, began=done.began)
            return
        self._breaker.record_success(now)
        if isinstance(answer, answers.Done):
            change.done, change.heard = True, now
        elif refusal(answer) is not None:
            self.refused(follow_up, change, answer, now)
