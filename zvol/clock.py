"""The clock of this process, which tests can replace."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    import queue

T = TypeVar("T")

MONOTONIC_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops CLOCK_MONOTONIC while it is suspended; a read from before the suspension would then look fresh."""

MIN_REMAINING: Final = 0.05
"""Seconds; a deadline with less than this remaining counts as expired, for no request completes in that time."""


class Clock(Protocol):
    """A source of time for all of zvol; all values are seconds."""

    def monotonic(self) -> float:
        """Return a time for waits and deadlines that never goes back and includes suspension of the machine."""

    def wall(self) -> float:
        """Return the seconds since 1970 UTC, for the journal and for output."""

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        """Return the next item of a queue, None if `timeout` passes first."""

    def real(self, seconds: float) -> float:
        """Return the real seconds that a socket must wait for `seconds` of this clock."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.clock_gettime(MONOTONIC_CLOCK)

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


class CommandDeadline:
    """The deadline of a command, counted from `began` (monotonic), for all its requests and waits together.

    Only the transport and `sleep` obey it; `lift` removes it once other timeouts apply.
    """

    def __init__(self, clock: Clock, seconds: float = float("inf"), began: float | None = None) -> None:
        self.clock, self.seconds = clock, seconds
        self._until = (clock.monotonic() if began is None else began) + seconds

    @property
    def began(self) -> float:
        """Return the start of the time (monotonic), moved forward by the pauses since then."""
        return self._until - self.seconds

    @property
    def expired(self) -> bool:
        return self.remaining() < MIN_REMAINING

    def remaining(self) -> float:
        """Return the remaining seconds, never less than 0."""
        return max(0.0, self._until - self.clock.monotonic())

    def lift(self) -> None:
        """Remove the deadline."""
        self._until = float("inf")

    def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline."""
        from queue import SimpleQueue

        self.clock.wait_for_item(SimpleQueue[None](), min(seconds, self.remaining()))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the time inside the block: the time to answer a prompt does not count."""
        began = self.clock.monotonic()
        try:
            yield
        finally:
            self._until += self.clock.monotonic() - began
