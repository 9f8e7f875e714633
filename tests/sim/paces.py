"""Servers that take their time: what becomes of the pace as more volumes are under way."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from tests.sim.clock import SimClock

Pace = Callable[[int], float]
"""How many volumes a second come back, by how many are under way."""

CURVE: Final = {1: 26.0, 4: 83.0, 8: 119.0, 16: 147.0, 32: 97.0, 64: 69.0}
"""A running 5.2.1 on two processors (4 to 64 were measured)."""


def paced(known: dict[int, float]) -> Pace:
    """Return the pace by how many are under way, on straight lines between these, and as with the last for more."""
    numbers = [*known]

    def pace(number: int) -> float:
        place = bisect_right(numbers, number)
        if place == len(numbers):
            return known[numbers[-1]]
        low, high = numbers[place - 1], numbers[place]
        return known[low] + (known[high] - known[low]) * (number - low) / (high - low)

    return pace


curve = paced(CURVE)


def all_at_once(number: int) -> float:
    return number / 0.15


class Shared:
    """A server whose pace all that is under way shares; `done` are the times at which something was done."""

    def __init__(self, clock: SimClock, pace: Pace, work: Callable[[], float] = lambda: 1.0) -> None:
        self.clock, self._pace, self._of_each = clock, pace, work
        self._work: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._progress, self._at, self._turn = 0.0, clock.now, 0
        self.done: list[float] = []

    def start(self, finish: Callable[[], object]) -> None:
        self._advance()
        heapq.heappush(self._work, (self._progress + self._of_each(), next(self._order), finish))
        self._schedule()

    def _share(self) -> float:
        return self._pace(len(self._work)) / len(self._work)

    def _advance(self) -> None:
        if self._work:
            self._progress += (self.clock.now - self._at) * self._share()
        self._at = self.clock.now

    def _schedule(self) -> None:
        self._turn += 1
        turn = self._turn
        if self._work:
            left = max(0.0, self._work[0][0] - self._progress) / self._share()
            self.clock.at(self.clock.now + left, lambda: self._end(turn))

    def _end(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._advance()
        while self._work and self._work[0][0] <= self._progress + 1e-9:
            self.done.append(self.clock.now)
            heapq.heappop(self._work)[2]()
        self._schedule()


class Serial:
    """A server that does one after the other, each in the same number of seconds."""

    def __init__(self, clock: SimClock, seconds: float = 0.05) -> None:
        self.clock, self.seconds = clock, seconds
        self.done: list[float] = []
        self._free_at = clock.now

    def start(self, finish: Callable[[], object]) -> None:
        self._free_at = max(self._free_at, self.clock.now) + self.seconds
        self.clock.at(self._free_at, lambda: self._end(finish))

    def _end(self, finish: Callable[[], object]) -> None:
        self.done.append(self.clock.now)
        finish()
