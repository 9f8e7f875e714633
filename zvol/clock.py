"""The clock of this process, in one place so that tests can hand in another one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    import queue

T = TypeVar("T")

ASLEEP_TOO: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops CLOCK_MONOTONIC while it is suspended, and what was read before that would look fresh."""


class Clock(Protocol):
    """Time as zvol sees it; all values are seconds."""

    def monotonic(self) -> float:
        """Return a time that never goes back, and goes on while the machine sleeps; for waits and deadlines."""

    def wall(self) -> float:
        """Return the time of day as seconds since 1970, UTC; for the journal and for people."""

    def get(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        """Return the next item of a queue, None when `timeout` passed first."""

    def real(self, seconds: float) -> float:
        """Return how long a socket must really wait for `seconds` of this clock."""


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.clock_gettime(ASLEEP_TOO)

    def wall(self) -> float:
        return time.time()

    def get(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        from queue import Empty

        try:
            return source.get(timeout=max(0.0, timeout))
        except Empty:
            return None

    def real(self, seconds: float) -> float:
        return seconds
