"""Limits how often requests may begin, by what the server, or a gateway before it, has shown.

There is no limit until an answer asks for fewer requests (429, 503, `Retry-After`).  Then all requests together keep
to a rate: less than what was answered before that, lower after each further such answer, and slowly higher while
requests leave at it.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from zvol.errors import TransientError
from zvol.zstack.answers import Failed, Unrecognized

SLOWER: Final = 0.7
"""Factor by which an answer that asks for fewer requests reduces the rate."""

GROWTH: Final = 8.0
"""Seconds of requests at the full rate in which the rate grows by a factor of e; see WAITS."""

WAITS: Final = 10.0
"""Minimum of GROWTH, as a multiple of the wait that the last answer asked for: too high a rate then costs more."""

CAREFUL: Final = 8.0
"""Factor by which the rate grows more slowly near the rate at which a request was refused last."""

AROUND: Final = (0.8, 1.1)
"""The range that counts as near that rate, as multiples of it."""

SLOWEST: Final = 0.1
FIRST_SLOWEST: Final = 2.0
"""Minimum requests a second of the first limit, which is based on few requests."""

NO_LIMIT: Final = 1000.0
"""Requests a second at which the limit is dropped."""

CHANGE_GAP: Final = 1.25
"""A change leaves after this many intervals: if the rate is too high, a read should fail, which can be repeated."""

READ_SHARE: Final = 5
"""One request in this many may be a round of reads."""

WINDOW: Final = 5.0
"""Seconds in which the requests that were answered are counted."""


class RequestPace:
    """Counts requests and the answers to them; times are monotonic seconds."""

    def __init__(self) -> None:
        self._rate = self._refused_at = math.inf
        self._first_at: float | None = None
        self._began_at = self._reduced_at = -math.inf
        self._asked = 0.0
        self.not_before = -math.inf
        self._answered = deque[float]()

    def due(self, *, change: bool = False) -> float:
        """Return when the next request, or the next change, may begin; it may be in the past."""
        gap = (CHANGE_GAP if change else 1.0) / self._rate
        return max(self.not_before, self._began_at + gap)

    def next_due(self, now: float) -> float:
        """Return when something that is held back may begin; infinity when nothing is."""
        return min((due for due in (self.due(), self.due(change=True)) if due > now), default=math.inf)

    @property
    def between_reads(self) -> float:
        """Return the seconds between two rounds of reads, so that most of the requests are not reads."""
        return READ_SHARE / self._rate

    def wait_no_longer(self) -> None:
        """Skip the wait that the last answer asked for: the run ends within seconds."""
        self.not_before = -math.inf

    def limited(self, places: int, now: float) -> int:
        """Return how many of the places may be taken now."""
        if now < self.due():
            return 0
        return places if self._rate == math.inf else min(places, 1)

    def begins(self, now: float) -> None:
        """Record that a request begins; if the one before also left at the full rate, raise the rate."""
        passed = now - self._began_at
        if passed < 2 * CHANGE_GAP / self._rate:
            around = AROUND[0] <= self._rate / self._refused_at < AROUND[1]
            self._rate *= math.exp(passed / max(GROWTH, WAITS * self._asked) / (CAREFUL if around else 1.0))
        if self._rate >= NO_LIMIT:
            self._rate = math.inf
        self._began_at = now
        self._first_at = now if self._first_at is None else self._first_at

    def ends(self, began: float, now: float, value: object, error: BaseException | None) -> None:
        """Record that a request ended, with this result.

        Requests in flight when the rate was reduced show nothing new, and neither does one that is
        refused when nothing was answered lately: that is an outage, which the circuit breaker waits out.
        """
        asked = asked_to_wait(value, error)
        if asked is None and error is None and not isinstance(value, Unrecognized):
            self._answered.append(now)
        while self._answered and self._answered[0] < now - WINDOW:
            self._answered.popleft()
        if asked is None:
            return
        self.not_before, self._asked = max(self.not_before, now + asked), asked
        if began <= self._reduced_at or not self._answered:
            return
        self._reduced_at = now
        if self._rate < math.inf:
            self._refused_at, self._rate = self._rate, max(SLOWEST, self._rate * SLOWER)
            return
        seconds = max(1.0, min(WINDOW, now - (now if self._first_at is None else self._first_at)))
        self._rate = max(FIRST_SLOWEST, len(self._answered) / seconds * SLOWER)


def asked_to_wait(value: object, error: BaseException | None = None) -> float | None:
    """Return for how many seconds the answer in a result asks to wait; None when it asks for nothing."""
    if isinstance(error, TransientError):
        return error.retry_after
    return value.retry_after if isinstance(value, Unrecognized | Failed) else None
