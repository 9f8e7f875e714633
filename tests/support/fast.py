"""zvol on a clock that runs faster: `python -m tests.support.fast RATE[:SECONDS] ARGUMENTS...`.

The same program in a real process over real sockets; only its waits are shorter, so that a quiet time of 150 seconds
can be tested.  SECONDS replace the timeout that is requested for the recovery of a VM, which no setting changes.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

GRACE = 1.0
"""Real seconds for which a request counts as work; after them it counts as a wait, for it hangs on purpose."""
WORKING = 2.0
"""The rate while zvol works or a request is on its way: what a busy machine makes longer must not look long to zvol."""


class FastClock:
    """Waits of this clock are `rate` times shorter than real ones; work takes at most WORKING times as long as it does.

    A wait is one for an item, unless a request is on its way that began less than GRACE real seconds ago.
    """

    def __init__(self, rate: float) -> None:
        self.rate, self.working = rate, min(rate, WORKING)
        self._lock = threading.Lock()
        self._real, self._now = time.monotonic(), time.monotonic()
        self._wall = time.time() - self._now
        self._waiting, self._requests = 0, 0
        self._works_until = 0.0

    def monotonic(self) -> float:
        with self._lock:
            return self._advanced()

    def wall(self) -> float:
        return self._wall + self.monotonic()

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        until = self.monotonic() + timeout
        with self._counted("_waiting"):
            while True:
                with self._lock:
                    left = self._real_wait(until - self._advanced())
                try:
                    return source.get(timeout=max(0.0, left))
                except queue.Empty:
                    if left <= 0 or self.monotonic() >= until:
                        return None

    def real(self, seconds: float) -> float:
        within = GRACE * self.working
        return seconds / self.working if seconds < within else GRACE + (seconds - within) / self.rate

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold the clock up while a request is on its way, for GRACE real seconds at most."""
        with self._counted("_requests"):
            with self._lock:
                self._works_until = self._real + GRACE
            yield

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        with self._lock:
            self._advanced()
            setattr(self, name, getattr(self, name) + 1)
        try:
            yield
        finally:
            with self._lock:
                self._advanced()
                setattr(self, name, getattr(self, name) - 1)

    def _advanced(self) -> float:
        """Return the time, advanced by what has passed; to be called with the lock before anything changes."""
        real = time.monotonic()
        passed, self._real = real - self._real, real
        worked = passed
        if self._requests:
            worked = min(passed, max(0.0, self._works_until - (real - passed)))
        elif self._waiting:
            worked = 0.0
        self._now += worked * self.working + (passed - worked) * self.rate
        return self._now

    def _real_wait(self, seconds: float) -> float:
        """Return the real seconds until `seconds` have passed, if nothing begins or ends."""
        work = max(0.0, self._works_until - self._real) if self._requests else 0.0
        return (
            seconds / self.working
            if seconds < work * self.working
            else work + (seconds - work * self.working) / self.rate
        )


def _noted(send: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap Transport.send: its clock knows which requests are on their way, if it is one of these."""

    @wraps(send)
    def noted(transport: Any, *arguments: Any, **named: Any) -> Any:
        clock = transport._clock
        with clock.request() if isinstance(clock, FastClock) else nullcontext():
            return send(transport, *arguments, **named)

    return noted


@contextmanager
def started(speed: str) -> Iterator[FastClock]:
    """Yield the clock of RATE[:SECONDS], with the timeout of VMs set until the end."""
    from zvol.zstack.resource_kinds import VM_INSTANCE
    from zvol.zstack.transport import Transport

    rate, _, timeout = speed.partition(":")
    send, usual = Transport.send, VM_INSTANCE.api_timeout
    Transport.send = _noted(send)  # type: ignore[method-assign]
    object.__setattr__(VM_INSTANCE, "api_timeout", float(timeout) if timeout else usual)
    try:
        yield FastClock(float(rate))
    finally:
        Transport.send = send  # type: ignore[method-assign]
        object.__setattr__(VM_INSTANCE, "api_timeout", usual)


def main(arguments: Sequence[str]) -> NoReturn:
    from zvol import cli

    with started(arguments[0]) as clock:
        cli.main(arguments[1:], clock=clock)


if __name__ == "__main__":
    main(sys.argv[1:])
