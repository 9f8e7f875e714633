"""The threads that wait for the server; each sends one request at a time, and puts the result into the inbox."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from zvol.clock import Clock
from zvol.recovery.request_pace import RequestPace


class WorkResult(NamedTuple):
    """The end of some work: its value, or the exception it raised; `began` and `ended` are monotonic seconds."""

    deliver: Callable[[WorkResult], None]
    began: float
    ended: float
    value: object = None
    error: BaseException | None = None


class WorkItem(NamedTuple):
    work: Callable[[], object]
    deliver: Callable[[WorkResult], None]


class WorkerPool:
    """At most `size` daemon threads, started as they are needed; `pace` is how often their requests may begin.

    A concurrent.futures pool is not used: it joins its threads at exit, so a second Ctrl-C would wait for the server.
    """

    def __init__(self, size: int, inbox: queue.SimpleQueue[WorkResult | None], now: Callable[[], float]) -> None:
        self._size = size
        self._inbox = inbox
        self._now = now
        self._items: queue.SimpleQueue[WorkItem | None] = queue.SimpleQueue()
        self._threads = 0
        self.busy = 0
        self.pace = RequestPace()

    @property
    def free(self) -> int:
        """The number of free threads; 0 while the pace lets no request begin, at most 1 while it has a limit."""
        free = max(0, self._size - self.busy)
        return self.pace.limited(free, self._now())

    @property
    def free_for_change(self) -> bool:
        """Whether a change may begin now."""
        return self.free > 0 and self._now() >= self.pace.due(change=True)

    def submit(
        self, work: Callable[[], object], deliver: Callable[[WorkResult], None], *, beyond: bool = False
    ) -> None:
        """Run `work` in a thread; the thread that empties the inbox calls `deliver` with the result.

        With `beyond` it begins at once, even if all threads are busy.  If the system allows no more threads, all
        work is done by the existing ones; raises RuntimeError if there are none.
        """
        if self._threads < (self.busy + 1 if beyond else min(self._size, self.busy + 1)):
            self._start_thread()
        self.begins()
        self._items.put(WorkItem(work, deliver))

    def begins(self) -> None:
        """Count a request that begins."""
        self.busy += 1
        self.pace.begins(self._now())

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._serve, daemon=True, name=f"zvol-{self._threads + 1}").start()
        except RuntimeError:
            if not self._threads:
                raise
            self._size = self._threads
        else:
            self._threads += 1

    def wait(self, clock: Clock, seconds: float) -> None:
        """Sleep until a result comes or the pace lets more begin, for `seconds` at most; then deliver all results."""
        now = self._now()
        done = clock.wait_for_item(self._inbox, min(seconds, self.pace.next_due(now) - now))
        while done is not None:
            self.busy -= 1
            self.pace.ends(done.began, done.ended, done.value, done.error)
            done.deliver(done)
            done = clock.wait_for_item(self._inbox, 0.0)

    def shutdown(self) -> None:
        """End the threads once they have nothing to do."""
        for _ in range(self._threads):
            self._items.put(None)

    def _serve(self) -> None:
        while (item := self._items.get()) is not None:
            began = self._now()
            try:
                value, error = item.work(), None
            except BaseException as exc:  # noqa: BLE001  (whatever it is, the caller must get it)
                value, error = None, exc
            self._inbox.put(WorkResult(item.deliver, began, self._now(), value, error))
