"""A world without real time: a clock that jumps to the next event, and a worker pool whose requests are such events."""

from __future__ import annotations

import heapq
import itertools
import queue
from collections.abc import Callable
from typing import TypeVar, cast

from zvol.recovery.worker_pool import WorkerPool, WorkResult

T = TypeVar("T")
EPOCH = 1_795_000_000.0


class SimClock:
    """Time moves only when somebody waits; `at` schedules what happens meanwhile.

    `flying` are the requests on their way, `most_flying` the most there ever were.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.flying = 0
        self.most_flying = 0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return EPOCH + self.now

    def real(self, seconds: float) -> float:
        return seconds

    def at(self, time: float, happen: Callable[[], object]) -> None:
        heapq.heappush(self.events, (time, next(self._order), happen))

    def pass_by(self, seconds: float) -> None:
        """Let the world go on by itself."""
        self.wait_for_item(queue.SimpleQueue[None](), seconds)

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        """Let the world go on until something comes in or the time is up."""
        until = self.now + timeout
        while True:
            if not source.empty():
                return source.get()
            if not self.events or self.events[0][0] > until:
                self.now = max(self.now, until)
                return None
            time, _, happen = heapq.heappop(self.events)
            self.now = max(self.now, time)  # an event may have been a sleep of the machine
            happen()


class SimPool(WorkerPool):
    """Requests that take simulated time: `delays()` gives the way there and the way back, in seconds.

    `work` runs when the request arrives.  It may ask for a longer way back by raising `Late`, and for a longer way
    there by raising `Connecting`.
    """

    clock: SimClock
    there = 0.002
    back = 0.003

    def __init__(self, size: int, inbox: queue.SimpleQueue[WorkResult | None], now: Callable[[], float]) -> None:
        super().__init__(size, inbox, now)
        self._inbox = inbox

    def submit(
        self, work: Callable[[], object], deliver: Callable[[WorkResult], None], *, beyond: bool = False
    ) -> None:
        self.begins()
        began = self.clock.now
        self.clock.flying += 1
        self.clock.most_flying = max(self.clock.most_flying, self.clock.flying)

        def arrive() -> None:
            try:
                value, error, more = run(work)
            except Connecting as connecting:
                self.clock.at(self.clock.now + connecting.seconds, connecting.opened)
                self.clock.at(self.clock.now + connecting.seconds, arrive)
                return
            self.clock.at(self.clock.now + self.back + more, lambda: finish(value, error))

        def finish(value: object, error: BaseException | None) -> None:
            self.clock.flying -= 1
            self._inbox.put(WorkResult(deliver, began, self.clock.now, value, error))

        self.clock.at(began + self.there, arrive)

    def shutdown(self) -> None:
        pass


class Late(Exception):
    """Raised by simulated work: the caller waits `seconds` and then gets `value` or `error`."""

    def __init__(self, seconds: float, value: object = None, error: BaseException | None = None) -> None:
        super().__init__(seconds)
        self.seconds, self.value, self.error = seconds, value, error


class Connecting(Exception):
    """Raised by simulated work: its connection takes `seconds`, then `opened` is called, and the work is repeated."""

    def __init__(self, seconds: float, opened: Callable[[], None]) -> None:
        super().__init__(seconds)
        self.seconds, self.opened = seconds, opened


def run(work: Callable[[], object]) -> tuple[object, BaseException | None, float]:
    try:
        return work(), None, 0.0
    except Late as late:
        return late.value, late.error, late.seconds
    except Connecting:
        raise
    except Exception as exc:
        return None, exc, 0.0


def pool_on(clock: SimClock) -> type[SimPool]:
    """Return a worker pool class that lives on this clock."""
    return cast("type[SimPool]", type("ClockedPool", (SimPool,), {"clock": clock}))
