"""One request on its way: how far it came, and how long it may still take.

A read timeout does not bound a server that sends a byte a second, so every single wait on a socket asks the attempt of
its thread for the rest of the whole time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from zvol.clock import SystemClock

if TYPE_CHECKING:
    from zvol.zstack.transport.dial import Dialer

SLOWEST: Final = 4096
"""Bytes a second at which an answer that may take longer is still waited for."""

_running = threading.local()

real_now: Final = SystemClock().monotonic
"""Real seconds, those in which the machine slept included: a connection was idle for that long, too."""


class Stage(IntEnum):
    """How far a request came; before SENT not a byte of it can have left."""

    LOOKUP = 0
    CONNECT = 1
    TUNNEL = 2
    TLS = 3
    READY = 4
    SENT = 5


class TooOld(Exception):
    """The first byte could leave only now, and what the request rests on is too old by now."""


class RequestDeadline:
    """One request, from the look-up of the name to the last byte of the answer.

    All times are real seconds but for those of `clock`, on which `fresh_until` is the last moment for the first byte to
    leave and `sent_at` the moment it did.  `connecting` bounds look-up and connection to all addresses together; a
    connection idle for longer than `idle` is not used.  An answer that keeps coming may take up to `longest` seconds:
    each SLOWEST bytes of it buy one more, and no silence is longer than `seconds`.
    """

    def __init__(
        self,
        dialer: Dialer,
        seconds: float,
        *,
        connecting: float,
        idle: float,
        clock: Callable[[], float],
        longest: float = 0.0,
        fresh_until: float | None = None,
    ) -> None:
        now = real_now()
        self.dialer = dialer
        self.stage = Stage.LOOKUP
        self.idle = idle
        self.received = 0
        self.fresh_until = fresh_until
        self.sent_at: float | None = None
        self.too_old = False
        self._clock = clock
        self._began, self._seconds, self._longest = now, seconds, longest
        self._until = now + seconds
        self._connected_by = now + min(seconds, connecting)

    def left(self, *, connecting: bool = False) -> float:
        """Return the seconds that are left, or left for connecting; raises TimeoutError when there are none."""
        left = (self._connected_by if connecting else self._until) - real_now()
        if left <= 0:
            raise TimeoutError("the time allowed is over")
        return left

    def arrived(self, count: int) -> None:
        """Take note of bytes of the answer that have come; with them the time grows."""
        if not self.sent:
            return
        self.received += count
        if self._longest > self._seconds:
            grown = self._began + self._seconds + self.received / SLOWEST
            self._until = min(grown, real_now() + self._seconds, self._began + self._longest)

    def leave(self) -> None:
        """Let the first byte go; raises TooOld, and TimeoutError when the time is over: then nothing has left."""
        self.left()
        now = self._clock()
        self.too_old = self.fresh_until is not None and now > self.fresh_until
        if self.too_old:
            raise TooOld
        self.sent_at, self.stage = now, Stage.SENT

    @property
    def sent(self) -> bool:
        return self.stage is Stage.SENT

    @property
    def expired(self) -> bool:
        return real_now() >= self._until


@contextlib.contextmanager
def running(deadline: RequestDeadline) -> Iterator[None]:
    """Make it the deadline of this thread."""
    _running.deadline = deadline
    try:
        yield
    finally:
        _running.deadline = None


def current() -> RequestDeadline:
    """Return the deadline of this thread; raises RuntimeError when there is none: no socket is used without one."""
    deadline: RequestDeadline | None = getattr(_running, "deadline", None)
    if deadline is None:
        raise RuntimeError("a connection outside of a request")
    return deadline
