"""A sample of the crash points; `python -m tests.crash points` goes through all of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.crash import kills, points
from tests.crash.world import World
from tests.support.kinds import VMS, VOLUMES, Kind


@pytest.mark.parametrize(("kind", "number", "step"), [(VOLUMES, 1, 7), (VOLUMES, 6, 7), (VMS, 2, 40)])
def test_killed_at_some_of_the_points(kind: Kind, number: int, step: int, world_of: Callable[[Kind], World]) -> None:
    world = world_of(kind)
    chosen = points.points(points.least_count(world, number))[number::step]
    hit = [points.crash(world, number, point) for point in chosen]
    assert sum(hit) >= 0.7 * len(chosen)  # how often a job is asked depends on the machine


def test_the_resume_is_killed_too(cloud: World) -> None:
    chance = random.Random(7)
    for point in chance.sample(points.points({"commit": 6, "lock": 1, "send": 8, "recv": 8}), 3):
        points.crash(cloud, 4, point, again=chance)


def test_killed_at_moments_of_chance(cloud: World) -> None:
    cloud.counts.clear()
    chance, cases = random.Random(11), 0
    while cloud.counts["kill"] < 2:
        kills.kill(cloud, chance)
        cases += 1
        assert cases < 20, "the kills come too late"
