"""Schedules the tasks that are polled repeatedly."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class PollSchedule(Generic[T]):
    """Tasks by the time (monotonic seconds) of their next poll; a task whose poll is under way has none.

    A later appointment replaces the earlier one, whose entry in the heap is skipped.
    """

    def __init__(self) -> None:
        self._turns: dict[T, int] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._counter = itertools.count(1)

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[T]:
        return iter(self._turns)

    def __contains__(self, task: T) -> bool:
        return task in self._turns

    def put(self, task: T, time: float) -> None:
        """Schedule the next poll of a task."""
        self._turns[task] = turn = next(self._counter)
        heapq.heappush(self._heap, (time, turn, task))

    def hold(self, task: T) -> None:
        """Keep a task without an appointment: its poll is under way."""
        self._turns[task] = 0

    def drop(self, task: T) -> None:
        """Do not poll a task any more."""
        self._turns.pop(task, None)

    def first(self) -> T | None:
        """Return the task that is due first; None when none has an appointment."""
        while self._heap:
            _, turn, task = self._heap[0]
            if self._turns.get(task) == turn:
                return task
            heapq.heappop(self._heap)
        return None

    def next(self) -> float:
        """Return the time of the next appointment; infinity when there is none."""
        return math.inf if self.first() is None else self._heap[0][0]

    def take(self, until: float, most: int) -> list[T]:
        """Take the tasks that are due first, up to a time; they have no appointment until they are put back."""
        taken: list[T] = []
        while len(taken) < most and self.next() <= until and (first := self.first()) is not None:
            self.hold(first)
            taken.append(first)
        return taken
