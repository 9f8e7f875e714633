"""Crash points: a signal before and after every commit, lock, send and recv of a run, and then `zvol resume`."""

from __future__ import annotations

import json
import random
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.crash.world import World
from tests.support.shim import KINDS


@dataclass(frozen=True, slots=True)
class Point:
    kind: str
    number: int
    when: str
    signal: str = "SIGKILL"

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}:{self.when}:{self.signal}"


def count(world: World, number: int, *options: str) -> dict[str, int]:
    """Return how many points of each kind an undisturbed run over this number of targets has."""
    env, file = world.home(), world.folder / "counts"
    ran = world.run(env, *world.recover(world.targets(number), *options), command=world.shim(f"count:{file}"))
    assert ran.code == 0, ran
    counts: dict[str, int] = json.loads(Path(file).read_text())
    return counts


def least_count(world: World, number: int, *options: str) -> dict[str, int]:
    """Return the points that each of three undisturbed runs has: a job is polled more often on a busy machine."""
    counts = [count(world, number, *options) for _ in range(3)]
    return {name: min(one[name] for one in counts) for name in counts[0]}


def points(counts: dict[str, int], signal: str = "SIGKILL") -> list[Point]:
    moments = [(kind, n + 1) for kind in KINDS for n in range(counts[kind])]
    return [Point(kind, number, when, signal) for kind, number in moments for when in ("before", "after")]


def crash(world: World, number: int, point: Point, *, again: random.Random | None = None) -> bool:
    """End a run at a point and finish it; returns whether it came to the point at all.

    With `again`, the first resume is killed too, at a point of chance.
    """
    env, chosen = world.home(), world.targets(number)
    ran = world.run(env, *world.recover(chosen), command=world.shim(point))
    if again is not None:
        second = Point(again.choice(("commit", "send", "recv")), again.randint(1, 6), again.choice(("before", "after")))
        world.run(env, "resume", "-o", "ndjson", command=world.shim(second))
    world.finish(env, chosen)
    sent = signal.Signals[point.signal]
    assert ran.code in (0, -sent, 128 + sent), ran
    return ran.code != 0
