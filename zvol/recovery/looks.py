"""Reads of volumes that are back, and of their tags: 100 at a time, beside the reads that recover others."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import Weather, ZvolError
from zvol.recovery.agenda import Agenda
from zvol.recovery.changes import Change, Kind, Stand, refusal
from zvol.recovery.crew import Crew, Done
from zvol.recovery.follow import Follow
from zvol.recovery.gate import Gate
from zvol.recovery.parts import look
from zvol.recovery.sizes import BATCH
from zvol.recovery.track import FIRST_LOOK, LONGEST_LOOK
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


class Looks:
    """Looks at volumes when they are due, and asks the jobs of their changes; `seen` hears of each look.

    `free` tells how many requests more there may be.  A look that fails is repeated with one volume: when that works,
    the others go on by halves, and what fails alone is its own trouble; when not, everybody waits at the gate.
    """

    def __init__(
        self, client: Client, crew: Crew, clock: Clock, gate: Gate, *, small: bool, free: Callable[[], int]
    ) -> None:
        self._client, self._crew, self._clock, self._gate = client, crew, clock, gate
        self._small, self._free = small, free
        self.seen: Callable[[Follow, float, ZvolError | None], None] = lambda _follow, _began, _error: None
        self.refused: Callable[[Follow, Change, object, float], None] = lambda _follow, _change, _answer, _now: None
        self.working = 0
        self.agenda: Agenda[Follow] = Agenda()
        self._waiting: dict[Kind, deque[Follow]] = {kind: deque() for kind in Kind}
        self._asks: deque[Follow] = deque()
        self._looking: Counter[Kind] = Counter()
        self._asking = 0
        self._probing = False
        self._next_round = 0.0
        self._most = dict.fromkeys(Kind, BATCH)
        self._failed: dict[Kind, int] = {}
        self._good_at = -math.inf

    def put(self, follow: Follow, time: float) -> None:
        """Look at a volume at a time, often at first."""
        follow.wait = FIRST_LOOK
        self.agenda.put(follow, time)

    def later(self, follow: Follow, now: float) -> None:
        """Look again, less and less often."""
        follow.wait = min(LONGEST_LOOK, follow.wait * 1.6)
        self.agenda.put(follow, now + follow.wait)

    def due(self) -> float:
        """Return the monotonic time of the next look; infinity when something must come back first."""
        if self._free() <= 0:
            return math.inf
        if not self._gate.open:
            return math.inf if self._probing else self._gate.until
        return max(self.agenda.next(), self._next_round)

    def tick(self, now: float) -> None:
        """Start what is due; while the gate is closed, one look goes first and everybody else waits."""
        if not self._gate.open:
            self._release(now)
            if now >= self._gate.until and not self._probing and self._free() > 0:
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
        due = self.agenda.take(now, BATCH)
        if due and not self._small:
            due += self.agenda.take(now + AHEAD, BATCH - len(due))
            self._next_round = now + PACE if len(due) < BATCH else 0.0
        for follow in due:
            change = follow.head
            if change is not None and self._wants(change, now):
                self._asks.append(follow)
            elif change is not None:
                self._waiting[follow.looks_at].append(follow)

    def _wants(self, change: Change, now: float) -> bool:
        """Tell whether the job is to be asked before the look."""
        if change.stand is not Stand.SENT or change.flying or change.asked or change.done or change.refused:
            return False
        return self._small or now >= change.next_ask

    def _part(self, waiting: deque[Follow], most: int) -> list[Follow]:
        """Take those that are looked at together; who failed alone stays alone."""
        part = [waiting.popleft()]
        while waiting and len(part) < most and not part[0].alone and not waiting[0].alone:
            part.append(waiting.popleft())
        return part

    def _probe(self) -> None:
        self._probing = True
        for follow in self.agenda.take(math.inf, 1):
            self._look(follow.looks_at, [follow])
            return
        self._probing = False

    def _release(self, now: float) -> None:
        for waiting in (*self._waiting.values(), self._asks):
            while waiting:
                self.agenda.put(waiting.popleft(), now)

    # ---- a look --------------------------------------------------------------------------------------------------
    def _look(self, kind: Kind, follows: list[Follow]) -> None:
        follows = [follow for follow in follows if follow.head is not None]
        if not follows:
            return
        self.working += 1
        self._looking[kind] += 1
        uuids = [follow.uuid for follow in follows]
        quiet = {f.uuid for f in follows if f.head is not None and f.head.quiet is not None and f.head.quiet.over}

        def read() -> object:
            return self._client.user_tags(uuids) if kind is Kind.TAG else look(self._client, uuids)

        self._crew.do(read, lambda done: self._looked(kind, follows, quiet, done))

    def _looked(self, kind: Kind, follows: list[Follow], quiet: set[str], done: Done) -> None:
        self.working -= 1
        self._looking[kind] -= 1
        self._probing = False
        now, error = self._clock.monotonic(), done.error
        if error is not None and not isinstance(error, Weather | ZvolError):
            raise error
        if error is not None and len(follows) > 1:
            self._most[kind], self._failed[kind] = 1, len(follows)
            for follow in follows:
                self.agenda.put(follow, now)
            return
        if isinstance(error, Weather):
            self._weather(kind, follows[0], error, done, now)
            return
        self._good(kind, follows, now)
        for follow in self._told(follows, kind, done):
            follow.quiet = follow.uuid in quiet
            self.seen(follow, done.began, error)

    def _good(self, kind: Kind, follows: list[Follow], now: float) -> None:
        self._gate.good(now)
        self._good_at = now
        if len(follows) == 1 and kind in self._failed:
            self._most[kind] = max(1, self._failed.pop(kind) // 2)

    def _told(self, follows: list[Follow], kind: Kind, done: Done) -> Iterator[Follow]:
        """Write down what was seen of each."""
        tags = done.value if isinstance(done.value, dict) else {}
        seen = done.value if isinstance(done.value, Volumes) else Volumes({})
        for follow in follows:
            change = follow.head
            if change is None:
                continue
            follow.alone = follow.uuid in seen.unclear  # an odd inventory is read by itself
            if follow.alone:
                self.agenda.put(follow, done.ended)
                continue
            follow.troubled = None
            change.asked = False
            if change.quiet is not None:
                change.quiet.note(done.began, done.ended)
            if done.error is None and kind is Kind.TAG:
                follow.tags = tags.get(follow.uuid, frozenset())
            elif done.error is None:
                follow.volume, follow.read = seen.found.get(follow.uuid), True
                asked_at = follow.volume.asked_at if follow.volume is not None else None
                follow.read_at = done.began if asked_at is None else asked_at
            yield follow

    def _weather(self, kind: Kind, follow: Follow, error: Weather, done: Done, now: float) -> None:
        """One look failed: whether that is one volume's trouble or everybody's, the looks at the others tell."""
        own = follow.troubled is not None and self._good_at > follow.failed_at
        follow.alone, follow.reason, follow.failed_at = True, error.message, now
        follow.troubled = done.began if follow.troubled is None else follow.troubled
        if own:
            self._most[kind] = BATCH  # it was this volume, not the size
        else:
            self._gate.bad(now, error.message, error.never_sent, began=done.began)
        self.later(follow, now)

    # ---- a job ---------------------------------------------------------------------------------------------------
    def _ask(self, follow: Follow) -> None:
        change = follow.head
        if change is None or change.job is None:
            return
        job = change.job
        self.working += 1
        self._asking += 1
        self._crew.do(lambda: self._client.change_job(job), lambda done: self._asked(follow, change, done))

    def _asked(self, follow: Follow, change: Change, done: Done) -> None:
        """Take in what the job said; what is true is read after that."""
        self.working -= 1
        self._asking -= 1
        if done.error is not None:
            raise done.error
        now, answer = self._clock.monotonic(), done.value
        change.asked = True
        change.next_ask, change.ask_wait = now + change.ask_wait, min(LONGEST_ASK, change.ask_wait * 2)
        if follow.head is not change:
            return
        self.agenda.put(follow, now)
        if isinstance(answer, answers.Unclear):
            self._gate.bad(now, answer.reason, began=done.began)
            return
        self._gate.good(now)
        if isinstance(answer, answers.Done):
            change.done, change.heard = True, now
        elif refusal(answer) is not None:
            self.refused(follow, change, answer, now)
