"""zvol on a clock that runs faster: `python -m tests.support.fast RATE[:SECONDS] ARGUMENTS...`.

The same program in a real process over real sockets; only its waits are shorter, so that a quiet time of 150 seconds
can be tested.  SECONDS replace the timeout that is requested for the recovery of a VM, which no setting changes.
"""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Sequence
from typing import NoReturn, TypeVar

T = TypeVar("T")


class FastClock:
    """Seconds of this clock are `rate` times shorter than real ones."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._begin, self._wall = time.monotonic(), time.time()

    def monotonic(self) -> float:
        return time.monotonic() * self.rate

    def wall(self) -> float:
        return self._wall + (time.monotonic() - self._begin) * self.rate

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        try:
            return source.get(timeout=max(0.0, timeout / self.rate))
        except queue.Empty:
            return None

    def real(self, seconds: float) -> float:
        return seconds / self.rate


def started(speed: str) -> FastClock:
    """Return the clock of RATE[:SECONDS], and set the timeout of VMs."""
    from zvol.zstack.resource_kinds import VM_INSTANCE

    rate, _, timeout = speed.partition(":")
    if timeout:
        object.__setattr__(VM_INSTANCE, "api_timeout", float(timeout))
    return FastClock(float(rate))


def main(arguments: Sequence[str]) -> NoReturn:
    from zvol import cli

    cli.main(arguments[1:], clock=started(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
