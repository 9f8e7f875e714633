"""A sample of the crash points; `python -m tests.crash points` goes through all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.crash import kills, points
from tests.crash.world import World, world


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.mark.parametrize("volumes", [1, 6])
def test_killed_at_some_of_the_points(volumes: int, cloud: World) -> None:
    chosen = points.points(points.count(cloud, volumes))[volumes::7]
    hit = [points.crash(cloud, volumes, point) for point in chosen]
    assert sum(hit) >= 0.7 * len(chosen)  # how often a job is asked depends on the machine


def test_the_resume_is_killed_too(cloud: World) -> None:
    chance = random.Random(7)
    for point in chance.sample(points.points({"commit": 6, "lock": 1, "send": 8, "recv": 8}), 3):
        points.crash(cloud, 4, point, again=chance)


@pytest.mark.parametrize("seed", [11, 12])
def test_killed_at_moments_of_chance(seed: int, cloud: World) -> None:
    cloud.counts.clear()
    chance, cases = random.Random(seed), 0
    while cloud.counts["kill"] < 2:
        kills.kill(cloud, chance)
        cases += 1
        assert cases < 20, "the kills come too late"
