"""When each watched volume is to be looked at again."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Scheduled(Protocol):
    """What can be looked at: `next_look` and `turn` belong to the agenda."""

    next_look: float
    turn: int

    @property
    def uuid(self) -> str: ...


T = TypeVar("T", bound=Scheduled)


class PollSchedule(Generic[T]):
    """The watched volumes by the time of their next look; a later appointment replaces the earlier one."""

    def __init__(self) -> None:
        self._watched: dict[str, T] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._order = itertools.count(1)

    def __len__(self) -> int:
        return len(self._watched)

    def __iter__(self) -> Iterator[T]:
        return iter(self._watched.values())

    def put(self, task: T, time: float) -> None:
        """Look at a volume at a time (monotonic seconds)."""
        task.next_look, task.turn = time, next(self._order)
        self._watched[task.uuid] = task
        heapq.heappush(self._heap, (time, task.turn, task))

    def keep(self, task: T) -> None:
        """Watch a volume from now on, at the time it has."""
        if task.uuid not in self._watched:
            self.put(task, task.next_look)

    def drop(self, task: T) -> None:
        """Do not look at a volume any more."""
        self._watched.pop(task.uuid, None)

    def next(self) -> float:
        """Return the time of the next look; infinity when there is none."""
        while self._heap:
            time, turn, task = self._heap[0]
            if task.turn == turn and self._watched.get(task.uuid) is task:
                return time
            heapq.heappop(self._heap)
        return math.inf

    def take(self, until: float, most: int) -> list[T]:
        """Take the volumes that are due first, up to a time; whoever takes them puts them back."""
        taken: list[T] = []
        while len(taken) < most and self.next() <= until and self._heap:
            taken.append(heapq.heappop(self._heap)[2])
        return taken
