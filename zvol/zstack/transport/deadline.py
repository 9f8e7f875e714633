"""The deadline and the progress of one request.

A read timeout does not bound a server that sends one byte a second, so every wait on a socket gets
the remaining time of the whole request from the deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from zvol.clock import SystemClock

MIN_BYTES_PER_SECOND: Final = 4096
"""An answer that is slower than this is not waited for beyond the request's own timeout."""

real_now: Final = SystemClock().monotonic
"""Real seconds, suspension of the machine included: a connection was idle for that time, too."""


class Step(IntEnum):
    """The progress of a request; before SENT not a byte of it can have left."""

    LOOKUP = 0
    CONNECT = 1
    TUNNEL = 2
    TLS = 3
    READY = 4
    SENT = 5


class StaleRequest(Exception):
    """The first byte could leave only after `fresh_until`."""


class RequestDeadline:
    """The deadline of one request, from the look-up of the name to the last byte of the answer.

    All times are real seconds except those of `clock`, on which `fresh_until` is the last moment for the first byte to
    leave and `sent_at` the moment it left.  `connecting` bounds the look-up and the connection to all addresses
    together; a connection that was idle for more than `idle` is not used.  An answer that keeps arriving may take up to
    `max_seconds`: every MIN_BYTES_PER_SECOND bytes of it add a second, and no pause in it is longer than `seconds`.
    """

    def __init__(
        self,
        seconds: float,
        *,
        connecting: float,
        idle: float,
        clock: Callable[[], float],
        max_seconds: float = 0.0,
        fresh_until: float | None = None,
    ) -> None:
        now = real_now()
        self.step = Step.LOOKUP
        self.idle = idle
        self.received = 0
        self.fresh_until = fresh_until
        self.sent_at: float | None = None
        self.stale = False
        self.peer: dict[str, Any] | None = None  # the server's certificate in a handshake that failed
        self._clock = clock
        self._began, self._seconds, self._max_seconds = now, seconds, max_seconds
        self._until = now + seconds
        self._connected_by = now + min(seconds, connecting)

    def remaining(self, *, connecting: bool = False) -> float:
        """Return the remaining seconds, or those for connecting; raises TimeoutError when there are none."""
        left = (self._connected_by if connecting else self._until) - real_now()
        if left <= 0:
            raise TimeoutError("the time allowed is over")
        return left

    def record_received(self, count: int) -> None:
        """Count bytes of the answer, and extend the deadline by them."""
        if not self.sent:
            return
        self.received += count
        if self._max_seconds > self._seconds:
            extended = self._began + self._seconds + self.received / MIN_BYTES_PER_SECOND
            self._until = min(extended, real_now() + self._seconds, self._began + self._max_seconds)

    def record_sent(self) -> None:
        """Record that the first byte leaves now.

        Raises StaleRequest and TimeoutError when it must not leave any more; then nothing has left.
        """
        self.remaining()
        now = self._clock()
        self.stale = self.fresh_until is not None and now > self.fresh_until
        if self.stale:
            raise StaleRequest
        self.sent_at, self.step = now, Step.SENT

    @property
    def sent(self) -> bool:
        return self.step is Step.SENT

    @property
    def expired(self) -> bool:
        return real_now() >= self._until
