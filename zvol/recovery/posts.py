"""The requests of follow-ups: each is remembered before it leaves, and sent once."""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from zvol.clock import Clock
from zvol.errors import Exit, LocalState
from zvol.recovery.changes import Change, Kind, Stand, refusal
from zvol.recovery.crew import Crew, Done
from zvol.recovery.follow import Follow
from zvol.recovery.gate import Gate
from zvol.recovery.track import FIRST_LOOK, FRESH
from zvol.zstack import answers
from zvol.zstack.client import NotSent

if TYPE_CHECKING:
    from zvol.zstack.client import Client

CHANGE_SECONDS: Final = 60.0
"""Seconds for which a change is watched, and for which what stands in its way is waited for."""

OPEN_LIMIT: Final = 64
"""Changes that may keep the server busy at the same time."""


class Memory(Protocol):
    """What remembers the changes, so that a run that is killed can be finished."""

    def before(self, follows: Sequence[Follow]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""

    def note(self, follow: Follow, change: Change) -> None:
        """Note where a change stands now."""

    def end(self, follow: Follow) -> bool:
        """Note that nothing more is done for a volume; tell whether a resumed run knows of what is left."""


class Posts:
    """Sends changes while there are free places.

    `look` has a volume looked at, `leave` gives up what was not sent (why, exit code).
    """

    def __init__(
        self,
        client: Client,
        crew: Crew,
        clock: Clock,
        gate: Gate,
        memory: Memory,
        *,
        api_timeout: float,
        renew: Callable[[], bool],
    ) -> None:
        self._client, self._crew, self._clock, self._gate, self._memory = client, crew, clock, gate, memory
        self._api_timeout, self._renew = api_timeout, renew
        self.look: Callable[[Follow, float], None] = lambda _follow, _time: None
        self.leave: Callable[[Follow, str, Exit], None] = lambda _follow, _why, _exit: None
        self.working = 0
        self._ready: deque[Follow] = deque()
        self._under_way: set[Follow] = set()

    def put(self, follow: Follow) -> None:
        """Have the next change of a volume sent."""
        self._ready.append(follow)

    def due(self) -> float:
        """Return the monotonic time from which something can be sent; infinity when nothing waits for that."""
        waits = len(self._under_way) >= OPEN_LIMIT or (self._gate.doubtful_since is not None and self.working)
        return math.inf if waits or not self._ready else self._gate.puts_from

    def take_back(self, now: float) -> None:
        """Have those that wait looked at: nothing can be sent now."""
        while self._ready:
            self.look(self._ready.popleft(), now)

    def tick(self, now: float, free: int) -> None:
        """Let changes leave, each with its row in the journal."""
        group = self._group(now, min(free, self._gate.places(now, self.working + free) - self.working))
        if not group:
            return
        try:
            self._memory.before(group)
        except LocalState as error:
            for follow in group:
                self._not_now(follow)
                self.leave(follow, error.message, Exit.LOCAL)
            return
        for follow in group:
            self._post(follow, self._clock.monotonic())

    def _group(self, now: float, places: int) -> list[Follow]:
        self._under_way = {one for one in self._under_way if stands(one, Stand.SENT)}
        places = min(places, OPEN_LIMIT - len(self._under_way))
        group: list[Follow] = []
        while self._ready and len(group) < places:
            follow = self._ready.popleft()
            change = follow.head
            if change is None or change.stand is not Stand.PLANNED:
                continue
            if change.kind is Kind.ATTACH and not follow.fresh(now):
                self.look(follow, now)
                continue
            change.job, change.stand = uuid.uuid4().hex, Stand.SENT
            group.append(follow)
        return group

    def _not_now(self, follow: Follow) -> None:
        """The change was not sent after all."""
        change = follow.head
        assert change is not None
        change.again()
        self._memory.note(follow, change)

    def _post(self, follow: Follow, now: float) -> None:
        """Send one change, unless the journal took so long that the last read of its volume is too old."""
        change = follow.head
        assert change is not None
        assert change.job is not None
        if change.kind is Kind.ATTACH and not follow.fresh(now):
            self._not_now(follow)
            self.look(follow, now)
            return
        fresh_until = (follow.read_at or 0.0) + FRESH if change.kind is Kind.ATTACH else None
        path, body = change.request(follow.uuid)
        job = change.job
        change.until, change.flying = now + CHANGE_SECONDS, True
        change.before = follow.volume.text("lastAttachDate") if follow.volume is not None else None
        self.working += 1
        self._under_way.add(follow)

        def send() -> object:
            return self._client.change(path, body, job, self._api_timeout, fresh_until)

        self._crew.do(send, lambda done: self._answered(follow, change, done))

    def _answered(self, follow: Follow, change: Change, done: Done) -> None:
        """Take in what came of a request."""
        self.working -= 1
        change.flying = False
        if done.error is not None:
            raise done.error
        answer, now = done.value, self._clock.monotonic()
        if isinstance(answer, NotSent):
            self._never_sent(follow, change, answer, done.began, now)
            return
        if isinstance(answer, answers.Unclear):
            self._gate.bad(now, answer.reason, began=done.began, put=True)
        else:
            self._gate.good(now, put=True)
        if follow.head is not change:
            return  # it was given up: "not known" was said, and stays true
        if isinstance(answer, answers.Done):
            change.done, change.heard = True, now
        self.refused(follow, change, answer, now)
        ended = change.done or change.refused is not None or change.stand is not Stand.SENT
        change.next_ask = now + change.ask_wait
        self.look(follow, now if ended else now + FIRST_LOOK)

    def _never_sent(self, follow: Follow, change: Change, answer: NotSent, began: float, now: float) -> None:
        """Not a byte has left: it is free to try again, unless it is a matter of trust."""
        never = answer.never_sent
        if follow.head is not change:
            return
        self._not_now(follow)
        if never.untrusted:
            self.leave(follow, never.message, Exit.UNTRUSTED)
            return
        if never.reason != "stale":
            self._gate.bad(now, never.message, never, began=began, put=True)
        self.look(follow, now)

    def refused(self, follow: Follow, change: Change, answer: object, now: float) -> None:
        """Take in that nothing was executed, if the answer says so; with a new session it is sent once more."""
        why = refusal(answer)
        if why is None:
            return
        if isinstance(answer, answers.Failed) and answer.session and not change.renewed and self._renew():
            self._not_now(follow)
            change.renewed = True
            return
        (change.refused, change.refused_exit), change.heard = why, now


def stands(follow: Follow, stand: Stand) -> bool:
    """Tell whether the change that is worked on stands so."""
    return follow.head is not None and follow.head.stand is stand
