"""Ends volumes whose deadline passed: one final read, then the conclusion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zvol.recovery import outcomes
from zvol.recovery.context import EngineContext
from zvol.recovery.states import Phase
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.volume_reader import LAST_READ, VolumeReader

if TYPE_CHECKING:
    from zvol.errors import ZvolError

STOP_SECONDS: Final = 10.0
"""Seconds for which open requests are polled after the first signal."""

LAST_READS: Final = (4.0, 0.5)
"""Seconds before the end at which everything open is read once more."""

PAUSE: Final = 1.0
"""Maximum seconds between two checks for late volumes."""


class Timeouts:
    """Ends each volume at its deadline."""

    def __init__(self, context: EngineContext, tasks: Tasks, reader: VolumeReader) -> None:
        self._context, self._tasks, self._reader = context, tasks, reader
        self._next = 0.0
        self._stops_at = math.inf
        self._last_reads = list(LAST_READS)

    def due(self) -> float:
        """Return the latest time of the next call."""
        return min(self._next, self._stops_at - self._last_reads[0]) if self._last_reads else self._next

    def tick(self, now: float) -> None:
        """Begin the last read of those whose time is up, and conclude those that had it."""
        if self._last_reads and now >= self._stops_at - self._last_reads[0]:
            self._last_reads.pop(0)
            self._read_open(now)
        if now < self._next:
            return
        tasks = self._tasks.pending
        ends = {task: self._end_of(task) for task in tasks if task.concludes_at is None}
        self._begin_last_reads([task for task, end in ends.items() if end <= now], now)
        for task in tasks:
            if task.concludes_at is not None and task.concludes_at <= now:
                self._tasks.give_up_late(task)
        limits = [task.concludes_at for task in self._tasks.pending if task.concludes_at is not None]
        self._next = min([now + PAUSE, *limits, *(end for task, end in ends.items() if task.concludes_at is None)])
        if self._context.breaker.open_since is not None and not self._tasks.small:
            self._next = now + PAUSE  # volumes that end in an outage share a read

    def stop(self, error: ZvolError, now: float) -> None:
        """End open volumes soon after a signal, without growing delays."""
        self._stops_at = now + STOP_SECONDS
        self._tasks.stop(error, now, self._stops_at)
        self._context.breaker.retry_now(now)
        self._context.pool.pace.wait_no_longer()

    # ---- inside --------------------------------------------------------------------------------------------------
    def _end_of(self, task: VolumeTask) -> float:
        end, breaker = self._tasks.end_of(task), self._context.breaker
        if task.failing_since is not None and task.phase is Phase.START and breaker.closed:
            end = min(end, max(task.failing_since, breaker.closed_at) + breaker.give_up_after)
        return end

    def _begin_last_reads(self, tasks: list[VolumeTask], now: float) -> None:
        """Schedule the final read of volumes, wherever they wait."""
        to_read: list[VolumeTask] = []
        for task in tasks:
            if self._tasks.stopping and task.polled_at >= self._stops_at - LAST_READS[0]:
                self._tasks.give_up_late(task)
                continue
            self._tasks.time_is_up(task, self._waited_for(task), now + LAST_READ, now)
            to_read.append(task)
        self._reader.read_last(to_read)

    def _waited_for(self, task: VolumeTask) -> ZvolError:
        """Return what a volume waited for that was never sent."""
        breaker, timeout = self._context.breaker, self._context.options.timeout
        if task.failing_since is not None and breaker.open_since is None:
            return outcomes.unreadable(min(breaker.give_up_after, timeout), task)
        hint = ""
        if breaker.open_since is not None:
            hint = breaker.hint
            waited = f"the server could not be reached ({breaker.reason})"
        elif breaker.submit_failing_since is not None:
            waited = f"no change was answered clearly ({breaker.submit_reason})"
        else:
            waited = "it was not read yet" if task.read_at is None else "others came first"
        return outcomes.time_up(timeout, waited, task, hint)

    def _read_open(self, now: float) -> None:
        """Read every open volume once more before it ends, also those whose PUT is in flight."""
        tasks = [task for task in self._tasks.pending if task.in_flight or task.awaiting_effect]
        for task in tasks:
            self._tasks.take_for_last_read(task, now)
        self._reader.read_last(tasks)
