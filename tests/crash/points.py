"""Crash points: SIGKILL before and after every commit, lock, send and recv of a run, and then `zvol resume`."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash.world import SHIM, World
from tests.support.shim import KINDS


@dataclass(frozen=True, slots=True)
class Point:
    kind: str
    number: int
    when: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}:{self.when}"


def count(world: World, volumes: int) -> dict[str, int]:
    """Return how many points of each kind an undisturbed run over so many volumes has."""
    env, file = world.home(), world.folder / "counts"
    ran = world.run(env, "recover", *world.volumes(volumes), "-o", "ndjson", command=(*SHIM, f"count:{file}"))
    assert ran.code == 0, ran
    counts: dict[str, int] = json.loads(Path(file).read_text())
    return counts


def points(counts: dict[str, int]) -> list[Point]:
    return [Point(kind, n + 1, when) for kind in KINDS for n in range(counts[kind]) for when in ("before", "after")]


def crash(world: World, volumes: int, point: Point, *, again: random.Random | None = None) -> bool:
    """Kill a run at a point and finish it; returns whether it came to the point at all.

    With `again`, the first resume is killed too, at a point of chance.
    """
    env, chosen = world.home(), world.volumes(volumes)
    ran = world.run(env, "recover", *chosen, "-o", "ndjson", command=(*SHIM, str(point)))
    if again is not None:
        second = Point(again.choice(("commit", "send", "recv")), again.randint(1, 6), again.choice(("before", "after")))
        world.run(env, "resume", "-o", "ndjson", command=(*SHIM, str(second)))
    world.finish(env, chosen)
    return ran.code < 0


def sample(all_points: Sequence[Point], every: int, offset: int) -> list[Point]:
    """Return the points at which most can go wrong, and every n-th of the others."""
    return [one for number, one in enumerate(all_points) if one.kind == "commit" or (number - offset) % every == 0]
