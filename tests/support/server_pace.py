"""How fast a server works through jobs, by how many are under way; times are seconds of a simulated or a real clock.

The benchmark puts it between zvol and a sandbox (`tests/bench/relay.py`); tests run it on simulated time.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Generic, TypeVar

Job = TypeVar("Job", bound=Hashable)

SPREAD: Final = 0.2
"""A job is at most this much shorter or longer than the average one."""

ACCEPTED: Final = 0.1
"""The part of the time of a job after which its request is answered: 5, 11, 33 and 93 ms with 4, 16, 32 and 64 under
way, where a running 5.2.1 took 5, 12, 33 and 90."""


@dataclass(frozen=True, slots=True)
class Law:
    """`points` are numbers of jobs under way, ascending from (0, 0), with the jobs that end in a second.

    Between two points it is a line; beyond the last one nothing changes.  Each job advances at the same speed, or
    only the first one if they run `in_turn`.
    """

    points: Sequence[tuple[float, float]]
    in_turn: bool = False

    def pace(self, under_way: float) -> float:
        """Return how many jobs end in a second."""
        if under_way >= self.points[-1][0]:
            return self.points[-1][1]
        place = bisect_right([number for number, _ in self.points], under_way)
        (low, slow), (high, fast) = self.points[place - 1], self.points[place]
        return slow + (fast - slow) * (under_way - low) / (high - low)

    def speeds(self, under_way: int) -> tuple[float, float]:
        """Return the parts of a job that are done in a second: of the one that came first, and of each other one."""
        pace = self.pace(under_way)
        return (pace, 0.0) if self.in_turn else (pace / under_way, pace / under_way)

    def answered_after(self, under_way: int) -> float:
        """Return after how long a request is answered; its job counts as under way."""
        return ACCEPTED / self.speeds(under_way)[0]


FEW_PROCESSORS: Final = Law([(0, 0), (4, 83), (8, 119), (16, 147), (32, 97), (64, 69)])
"""A running 5.2.1 on two processors, which is fastest with 16 jobs under way."""

AT_ONCE: Final = Law([(0, 0), (10_000, 10_000 / 0.15)])
"""Each job takes 150 ms, however many there are."""

ONE_AT_A_TIME: Final = Law([(0, 0), (1, 50), (2, 50)], in_turn=True)
"""One job after the other, 20 ms each."""


class ServerPace(Generic[Job]):
    """The jobs under way on a server that keeps a law, and `then` another one once `after` jobs have ended.

    `ended` counts the jobs that have ended, `peak` is how many were under way at most.
    """

    def __init__(self, law: Law, *, then: Law | None = None, after: float = math.inf, seed: int = 1) -> None:
        self._law, self._then, self._after = law, then or law, after
        self._random = random.Random(seed)
        self._left: dict[Job, float] = {}
        self._at = 0.0
        self.ended = self.peak = 0

    def __contains__(self, job: object) -> bool:
        return job in self._left

    @property
    def law(self) -> Law:
        return self._law if self.ended < self._after else self._then

    def begin(self, job: Job, now: float) -> float:
        """Add a job and return when its request is answered; what ended before `now` must have been taken."""
        self._advance(now)
        self._left[job] = self._random.uniform(1 - SPREAD, 1 + SPREAD)
        self.peak = max(self.peak, len(self._left))
        return now + self.law.answered_after(len(self._left))

    def next_end(self) -> float:
        """Return when the next job ends if no other begins; infinity if there is none."""
        return self._next()[0]

    def take_ended(self, now: float) -> list[Job]:
        """Return the jobs that have ended by now, in their order."""
        ended: list[Job] = []
        while (at_and_job := self._next())[0] <= now:
            at, [job] = at_and_job
            self._advance(at)
            del self._left[job]
            self.ended += 1
            ended.append(job)
        self._advance(now)
        return ended

    def _next(self) -> tuple[float, list[Job]]:
        """Return when the next job ends, and this job if there is one."""
        if not self._left:
            return math.inf, []
        first, other = self.law.speeds(len(self._left))
        jobs = iter(self._left.items()) if other else iter([next(iter(self._left.items()))])
        job, left = min(jobs, key=itemgetter(1))
        return self._at + left / first, [job]

    def _advance(self, now: float) -> None:
        """Let the time pass until `now`, in which no job ends."""
        if self._left:
            first, other = (speed * (now - self._at) for speed in self.law.speeds(len(self._left)))
            oldest = next(iter(self._left))
            if other:
                self._left = {job: left - other for job, left in self._left.items()}
            else:
                self._left[oldest] -= first
        self._at = now


def closed_loop(pace: ServerPace[int], workers: int, jobs: int) -> float:
    """Return how many jobs end in a second if each worker begins its next job when its last one has ended."""
    begun, now = 0, 0.0
    while pace.ended < jobs:
        while begun < jobs and begun - pace.ended < workers:
            pace.begin(begun, now)
            begun += 1
        now = pace.next_end()
        pace.take_ended(now)
    return jobs / now
