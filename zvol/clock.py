"""The clock of this process, in one place so that tests can hand in another one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    import queue

T = TypeVar("T")

ASLEEP_TOO: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops CLOCK_MONOTONIC while it is suspended, and what was read before that would look fresh."""


LAST: Final = 0.05
"""What is left is nothing when it is less than this: no request ends in it; seconds."""


class Clock(Protocol):
    """Time as zvol sees it; all values are seconds."""

    def monotonic(self) -> float:
        """Return a time that never goes back, and goes on while the machine sleeps; for waits and deadlines."""

    def wall(self) -> float:
        """Return the time of day as seconds since 1970, UTC; for the journal and for people."""

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        """Return the next item of a queue, None when `timeout` passed first."""

    def real(self, seconds: float) -> float:
        """Return how long a socket must really wait for `seconds` of this clock."""


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.clock_gettime(ASLEEP_TOO)

    def wall(self) -> float:
        return time.time()

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        from queue import Empty

        try:
            return source.get(timeout=max(0.0, timeout))
        except Empty:
            return None

    def real(self, seconds: float) -> float:
        return seconds


class TimeLimit:
    """When a command must have ended, counted from `began`: one limit for all its requests and waits together.

    Only the transport and `pause` look at it; `lift` takes it away where other rules begin to count.
    """

    def __init__(self, clock: Clock, seconds: float = float("inf"), began: float | None = None) -> None:
        self.clock, self.seconds = clock, seconds
        self._until = (clock.monotonic() if began is None else began) + seconds

    @property
    def began(self) -> float:
        """Return when the time began to count (monotonic), as if nobody had been asked anything meanwhile."""
        return self._until - self.seconds

    @property
    def over(self) -> bool:
        return self.left() < LAST

    def left(self) -> float:
        """Return the seconds that are left, none when time is up."""
        return max(0.0, self._until - self.clock.monotonic())

    def lift(self) -> None:
        """Let nothing be over from now on."""
        self._until = float("inf")

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than there is time."""
        from queue import SimpleQueue

        self.clock.wait_for_item(SimpleQueue[None](), min(seconds, self.left()))

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """While inside, somebody is asked, and the time that this takes does not count."""
        began = self.clock.monotonic()
        try:
            yield
        finally:
            self._until += self.clock.monotonic() - began
