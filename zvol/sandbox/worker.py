"""One thread that runs tasks when they are due, and a queue for each volume."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

Task = Callable[[], None]


class Worker:
    """Runs tasks at their time in one thread; waiting ones are lost with the process."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Task]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self.stopping = False
        self._thread = threading.Thread(target=self._loop, name="sandbox-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def after(self, seconds: float, task: Task) -> None:
        """Run `task` in this many seconds."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), task))
            self._changed.notify()

    def stop(self, *, seconds: float = 2.0) -> None:
        """Run all waiting tasks at once and end; returns after `seconds` at the latest."""
        with self._changed:
            self.stopping = True
            self._changed.notify()
        self._thread.join(seconds)

    def _loop(self) -> None:
        while (task := self._next()) is not None:
            with contextlib.suppress(Exception):  # the other tasks go on
                task()

    def _next(self) -> Task | None:
        with self._changed:
            while True:
                if self.stopping and not self._due:
                    return None
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if self._due and (self.stopping or (wait is not None and wait <= 0)):
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)


class Queues:
    """Runs the tasks of a key one after the other; used by the worker's thread only."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Task]] = {}

    def enter(self, key: str, task: Task) -> None:
        """Run `task` now if no other has entered with `key`, else after those that have."""
        if key in self._waiting:
            self._waiting[key].append(task)
        else:
            self._waiting[key] = deque()
            task()

    def leave(self, key: str) -> None:
        """Run the next task of `key`."""
        waiting = self._waiting[key]
        if waiting:
            waiting.popleft()()
        else:
            del self._waiting[key]
