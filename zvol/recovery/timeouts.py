"""When the time of a volume is up: one more read of it, then its word."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.errors import ZvolError
from zvol.recovery import outcomes
from zvol.recovery.states import Phase
from zvol.recovery.volume_reader import LAST_READ

if TYPE_CHECKING:
    from zvol.recovery.batch import Batch
    from zvol.recovery.circuit_breaker import CircuitBreaker
    from zvol.recovery.follow_up_stage import FollowUpStage
    from zvol.recovery.task import VolumeTask
    from zvol.recovery.volume_reader import VolumeReader

LAST_WATCH: Final = 10.0
"""Seconds for which open requests are watched after the first signal."""

HURRY: Final = (4.0, 0.5)
"""Seconds before the end at which everything open is read once more."""

PACE: Final = 1.0
"""Seconds between two looks at what is late, at most."""


class Timeouts:
    """Knows when each volume must end, and ends it."""

    def __init__(
        self,
        batch: Batch,
        reader: VolumeReader,
        breaker: CircuitBreaker,
        follow_up_stage: FollowUpStage,
        land: Callable[[VolumeTask, float], None],
    ) -> None:
        self.batch, self.reader, self.breaker, self.follow_up_stage = batch, reader, breaker, follow_up_stage
        self._land = land
        self._next = 0.0
        self._stops_at = math.inf
        self._hurries = list(HURRY)

    def due(self) -> float:
        """Return when it is to be called again at the latest."""
        return min(self._next, self._stops_at - self._hurries[0]) if self._hurries else self._next

    def tick(self, now: float) -> None:
        """Begin the last read of those whose time is up, and say the word on those that had it."""
        if self.batch.stopping and self._hurries and now >= self._stops_at - self._hurries[0]:
            self._hurries.pop(0)
            self._hurry(now)
        if now < self._next:
            return
        tasks = [*self.batch.pending.values()]
        ends = {task: self._end_of(task) for task in tasks if task.final is None}
        self._begin([task for task, end in ends.items() if end <= now], now)
        for task in tasks:
            if task.final is not None and task.final <= now:
                self.batch.end_now(task)
        finals = [task.final for task in self.batch.pending.values() if task.final is not None]
        self._next = min([now + PACE, *finals, *(end for task, end in ends.items() if task.final is None)])
        if self.breaker.open_since is not None and not self.batch.small:
            self._next = now + PACE  # who ends in an outage shares a read with others

    def stop(self, now: float) -> None:
        """A signal came: what is open ends soon, and has no time for growing delays."""
        self._stops_at = now + LAST_WATCH
        self.breaker.retry_at = min(self.breaker.retry_at, now)
        for task in self.batch.pending.values():
            task.deadline = min(task.deadline or math.inf, self._stops_at)
            if task.apart:
                self.batch.schedule.put(task, now)
        self.follow_up_stage.stop(now, LAST_WATCH)

    # ---- inside --------------------------------------------------------------------------------------------------
    def _end_of(self, task: VolumeTask) -> float:
        end = self.batch.end_of(task)
        if task.ailing is not None and task.phase is Phase.START and self.breaker.closed:
            end = min(end, max(task.ailing, self.breaker.closed_at) + self.breaker.give_up_after)
        return end

    def _begin(self, tasks: list[VolumeTask], now: float) -> None:
        """Have volumes read for the last time, wherever they wait."""
        last: list[VolumeTask] = []
        for task in tasks:
            if self.batch.stopping and task.looked_at >= self._stops_at - HURRY[0]:
                task.final = now
                continue
            task.time_up, task.final = self._why(task), now + LAST_READ
            self._take(task, now)
            last.append(task)
        self.reader.read_last(last)

    def _take(self, task: VolumeTask, now: float) -> None:
        """Take a volume out of where it waits."""
        if task.flying:
            self._land(task, now)
        elif task.waits_to_send and task.phase is not Phase.START:
            self.batch.take_back(task)
        self.batch.schedule.drop(task)

    def _why(self, task: VolumeTask) -> ZvolError:
        """Say what a volume waited for that was never sent."""
        breaker = self.breaker
        if task.ailing is not None and breaker.open_since is None:
            return outcomes.unreadable(min(breaker.give_up_after, self.batch.options.timeout), task)
        if breaker.open_since is not None:
            waited = f"the server could not be asked ({breaker.reason})"
        elif breaker.submit_failing_since is not None:
            waited = f"no change was answered clearly ({breaker.submit_reason})"
        else:
            waited = "it was not read yet" if task.read_at is None else "others came first"
        return outcomes.time_up(self.batch.options.timeout, waited, task)

    def _hurry(self, now: float) -> None:
        """Read all that is open once more before it ends, also what has a PUT on its way."""
        tasks = [task for task in self.batch.pending.values() if task.flying or task.watched]
        for task in tasks:
            self._take(task, now)
        self.reader.read_last(tasks)
