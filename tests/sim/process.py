"""Runs of the real engine that stop whenever somebody wants to see what happens next, or to kill them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.sim.clock import SimClock
from zvol.model import Result

T = TypeVar("T")


class Killed(BaseException):
    """zvol is gone; what it had made durable remains."""


class SteppedClock(SimClock):
    """Time that goes no further than `limit`; whoever waits longer is paused until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = self.now
        self.pause: Callable[[], None] | None = None

    def wait_for_item(self, source: queue.SimpleQueue[T], timeout: float) -> T | None:
        until = self.now + timeout
        while source.empty():
            following = self.events[0][0] if self.events else until
            if min(following, until) > self.limit:
                self.now = self.limit
                if self.pause is None:
                    return None
                self.pause()
                continue
            found = super().wait_for_item(source, min(following, until) - self.now)
            if found is not None:
                return found
            if self.now >= until and source.empty():
                return None
        return source.get()

    def pass_by(self, seconds: float) -> None:
        """Let the world go on by itself."""
        self.limit += seconds
        self.wait_for_item(queue.SimpleQueue[None](), seconds)


class Process:
    """One run of zvol in a thread that runs only while `step` waits for it."""

    def __init__(
        self, clock: SteppedClock, results: Callable[[], Iterable[Result]], on_result: Callable[[Result], None]
    ):
        self.ended = False
        self._clock, self._results, self._on_result = clock, results, on_result
        self._error: BaseException | None = None
        self._killed = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def step(self, seconds: float) -> None:
        """Let it run for so long; raises what it raised."""
        self._clock.limit += seconds
        self._clock.pause = self._pause
        self._resume()
        self._clock.pause = None
        if self.ended:
            self._clock.pass_by(0.0)

    def kill(self) -> None:
        self._killed = True
        self._clock.pause = self._pause
        self._resume()
        self._clock.pause = None

    @property
    def failed(self) -> bool:
        """Tell whether something that must hold was found broken while it ran."""
        return self._error is not None

    def _resume(self) -> None:
        if self.ended:
            return
        self._go.release()
        self._back.acquire()
        if self._error is not None:
            raise self._error

    def _pause(self) -> None:
        if self._killed:
            raise Killed
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._killed:
                for result in self._results():
                    self._on_result(result)
        except Killed:
            pass
        except BaseException as error:
            self._error = error
        self.ended = True
        self._back.release()
