"""The place of each volume of a run, and the next volumes to read, record, send and poll."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.next_poll import Poll, PollConditions, next_poll
from zvol.recovery.poll_schedule import PollSchedule
from zvol.recovery.task import Place, VolumeTask

IN_ORDER: Final = (
    Place.UNREAD,
    Place.FIRST_READ,
    Place.FOUND,
    Place.QUEUED,
    Place.TO_WRITE,
    Place.TO_SEND,
    Place.JOB_DUE,
)


class TaskQueues:
    """The volumes by place; only `Tasks` moves them, when something has happened.

    `small`: there are few volumes.  `reads_denied`: the server does not accept our session for reads.
    """

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.small = True
        self.reads_denied = False
        self._breaker = breaker
        self._pending: dict[str, VolumeTask] = {}
        self._jobs_not_before = -math.inf
        self._by_urgency: dict[str, deque[VolumeTask]] = {}
        self._schedule: PollSchedule[VolumeTask] = PollSchedule()
        self._queues: dict[Place, OrderedDict[VolumeTask, None]] = {place: OrderedDict() for place in IN_ORDER}

    # ---- contents ------------------------------------------------------------------------------------------------
    @property
    def pending(self) -> list[VolumeTask]:
        """The volumes without a conclusion, in the order asked."""
        return [*self._pending.values()]

    @property
    def any_pending(self) -> bool:
        return bool(self._pending)

    def has_pending(self, uuid: str) -> bool:
        """Tell whether this is a target of the run without a conclusion."""
        return uuid in self._pending

    def is_pending(self, task: VolumeTask) -> bool:
        """Tell whether a volume has no conclusion yet."""
        return task.place is not Place.CONCLUDED

    @property
    def all_read(self) -> bool:
        """Whether every volume was read once, or cannot be read: nothing is sent before that."""
        return not self._queues[Place.UNREAD] and not self._queues[Place.FIRST_READ]

    @property
    def polled(self) -> Iterator[VolumeTask]:
        """The volumes that are polled."""
        return chain(self._schedule, self._queues[Place.JOB_DUE])

    @property
    def polled_count(self) -> int:
        return len(self._schedule) + len(self._queues[Place.JOB_DUE])

    def size(self, place: Place) -> int:
        """Return how many volumes wait in a place."""
        return len(self._queues[place])

    def waiting(self, place: Place) -> list[VolumeTask]:
        """Return the volumes that wait in a place, in order."""
        return [*self._queues[place]]

    def most_urgent(self) -> list[VolumeTask]:
        """Return the remaining volume and VM that are destroyed first; nothing before they are sorted."""
        return [queue[0] for queue in self._by_urgency.values() if queue]

    def _forget_concluded(self) -> None:
        """Drop the concluded volumes at the front of the order, so that they take no memory."""
        for queue in self._by_urgency.values():
            while queue and not self.is_pending(queue[0]):
                queue.popleft()

    def _rank(self, found: Iterable[VolumeTask]) -> None:
        """Add volumes or VMs, sorted by urgency, to the order of their kind."""
        for task in found:
            self._by_urgency.setdefault(task.kind.name, deque()).append(task)

    # ---- what is next --------------------------------------------------------------------------------------------
    def next_in(self, place: Place) -> VolumeTask | None:
        """Return the first volume that waits in a place."""
        return next(iter(self._queues[place]), None)

    @property
    def poll_conditions(self) -> PollConditions:
        return PollConditions(self.small, not self._breaker.closed, self._jobs_not_before, self.reads_denied)

    @property
    def next_poll_at(self) -> float:
        """The time when the next volume is due; infinity when there is none."""
        return self._schedule.next()

    def take_unread(self, most: int) -> list[VolumeTask]:
        """Take volumes that were not read yet."""
        return [self._move(task, Place.FIRST_READ) for task in [*islice(self._queues[Place.UNREAD], most)]]

    def take_due(self, now: float, until: float, most: int) -> list[VolumeTask]:
        """Take the volumes that are due by then, and return those to read; of the others the job is polled first."""
        conditions, reads = self.poll_conditions, list[VolumeTask]()
        for task in self._schedule.take(until, most):
            if next_poll(task, now, conditions) is Poll.JOB:
                self._move(task, Place.JOB_DUE)
            else:
                reads.append(task)
        return reads

    def take_job_due(self, now: float) -> VolumeTask | None:
        """Take the next volume whose job is polled; one whose job need not be polled any more is read instead."""
        conditions = self.poll_conditions
        while (task := self.next_in(Place.JOB_DUE)) is not None:
            if next_poll(task, now, conditions) is Poll.JOB:
                self._schedule.hold(self._move(task, Place.POLLED))
                return task
            self._poll(task, now)
        return None

    def stale_queue(self, now: float, most: int) -> list[VolumeTask]:
        """Return the volumes that are sent next, if they must be read again before that."""
        first = self.next_in(Place.QUEUED)
        if first is None or first.polling or first.fresh(now):
            return []
        return [task for task in islice(self._queues[Place.QUEUED], most) if not task.polling]

    def take_probe(self) -> list[VolumeTask]:
        """Return one volume whose read shows whether the server is back, another one each time."""
        return (
            self._rotated(Place.FOUND)
            or self._schedule.take(math.inf, 1)
            or self.take_unread(1)
            or self._rotated(Place.QUEUED)
        )

    # ---- moves ---------------------------------------------------------------------------------------------------
    def _move(self, task: VolumeTask, place: Place, *, first: bool = False) -> VolumeTask:
        """Move a volume to the end of a place, or to its front; one whose time is up only to its conclusion."""
        if task.place is Place.TIME_UP and place is not Place.CONCLUDED:
            return task
        if task.place in self._queues:
            self._queues[task.place].pop(task, None)
        elif place is not Place.POLLED:
            self._schedule.drop(task)
        task.place = place
        if place in self._queues:
            self._queues[place][task] = None
            self._queues[place].move_to_end(task, last=not first)
        return task

    def _poll(self, task: VolumeTask, at: float) -> None:
        """Schedule a read of a volume (monotonic time)."""
        if self._move(task, Place.POLLED).place is Place.POLLED:
            self._schedule.put(task, at)

    def _rotated(self, place: Place) -> list[VolumeTask]:
        """Move the first volume of a place to its end and return it, if there is one."""
        first = self.next_in(place)
        return [] if first is None else [self._move(first, place)]
