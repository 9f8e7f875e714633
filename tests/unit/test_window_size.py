"""The search of the window's size, on servers whose pace depends on the size only."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.sim.paces import curve
from zvol.recovery.window_size import DROP, FIRST, LARGEST, PATIENCE, SMALLEST, WindowSize


def tried(
    pace: Callable[[int], float], trials: int = 60, most: int = LARGEST, first: int = FIRST, *, slow: bool = False
) -> list[int]:
    """Return the sizes that are tried, one after the other."""
    sizes, seen = WindowSize(most, first), list[int]()
    for _ in range(trials):
        seen.append(sizes.size)
        sizes.measured(pace(sizes.size), slow=slow)
    return seen


def settled(sizes: list[int]) -> int:
    """Return the size that is used most at the end."""
    return Counter(sizes[-30:]).most_common(1)[0][0]


def test_it_doubles_while_that_is_worth_it_and_then_tries_the_neighbours() -> None:
    sizes = tried(curve)
    assert sizes[:6] == [8, 16, 32, 23, 13, 16], "twice, the half of that step on both sides"
    assert settled(sizes) == 16
    assert set(sizes[5:]) == {13, 16, 19}


def test_neighbours_are_tried_less_often_when_they_are_worse() -> None:
    sizes = tried(curve, 80)
    probes = [number for number, size in enumerate(sizes) if size != 16 and number > 5]
    assert [sizes[number] for number in probes[:4]] == [19, 13, 19, 13]
    gaps = [later - one for one, later in pairwise(probes)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == PATIENCE + 1


def test_a_doubling_must_bring_more_than_a_small_step() -> None:
    """The first trial of a size that was doubled shows a pace that is too high."""
    for exponent, doubles in ((0.2, False), (0.3, True)):
        assert (tried(lambda size, e=exponent: size**e)[2] == 4 * FIRST) == doubles  # type: ignore[misc]
    assert settled(tried(lambda size: size**0.2)) == LARGEST, "small steps find it as well"


def test_steps_become_larger_while_they_are_worth_it() -> None:
    sizes = WindowSize(first=32)
    for pace in (100.0, 90.0, 90.0, 90.0):  # 64, 45 and 27 are worse
        sizes.measured(pace)
    seen = []
    for number in range(6):
        seen.append(sizes.size)
        sizes.measured(200.0 * 2.0**number)
    assert seen == [32, 38, 45, 64, 128, 256]


def test_at_the_largest_size_only_a_little_less_is_tried() -> None:
    assert tried(float, 9) == [8, 16, 32, 64, 128, 256, 215, 256, 215]


def test_small_sizes_have_neighbours_as_well() -> None:
    sizes = tried(lambda size: 1.0 if size == 2 else 0.5, slow=True)
    assert set(sizes[20:]) == {1, 2, 3}


def test_after_a_better_size_its_neighbours_are_tried_soon() -> None:
    sizes, seen = WindowSize(), list[int]()
    for number in range(60):
        best = 16 if number < 40 else 19
        seen.append(sizes.size)
        sizes.measured(2.0 if sizes.size == best else 1.0)
    assert seen[43:53] == [19, 23, 19, 16, 19, 19, 23, 19, 19, 19]


@pytest.mark.parametrize("first", [64, LARGEST])
def test_it_is_found_from_above_in_large_steps(first: int) -> None:
    sizes = tried(curve, first=first)
    assert settled(sizes) == 16
    assert next(number for number, size in enumerate(sizes) if 13 <= size <= 19) <= 9
    assert set(sizes[20:]) == {13, 16, 19}


@pytest.mark.parametrize("best", [8, 11, 23, 45, 90, 181])
@pytest.mark.parametrize("first", [FIRST, 64, LARGEST])
def test_whatever_the_best_size_is(best: int, first: int) -> None:
    sizes = tried(lambda size: min(size / best, best / size) ** 0.5, 100, first=first)
    assert 0.8 <= settled(sizes) / best <= 1.25


def test_a_pace_that_does_not_depend_on_it_needs_few_volumes() -> None:
    for first in (FIRST, LARGEST):
        assert settled(tried(lambda _size: 20.0, first=first)) == SMALLEST
    assert settled(tried(lambda _size: 0.1, slow=True)) <= 3


def test_a_little_more_pace_is_not_worth_many_more_volumes() -> None:
    assert settled(tried(lambda size: size**0.05)) == SMALLEST
    assert settled(tried(lambda size: size**0.2)) == LARGEST


@pytest.mark.parametrize("most", [1, 3, 5, 20, 40, LARGEST])
def test_never_more_than_the_maximum(most: int) -> None:
    sizes = tried(float, most=most)
    assert max(sizes) == settled(sizes) == most
    size = WindowSize(most)
    for _ in range(10):
        size.double()
    assert size.size == most
    assert settled(tried(curve, most=most)) == min(most, 16)


@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_noise_does_not_lead_it_far_away(noise: float) -> None:
    """On the average of the trials the pace is at most a tenth below the best."""
    for seed in range(5):
        random_ = random.Random(seed)
        sizes = tried(lambda size, r=random_: curve(size) * r.gauss(1, noise), 300)  # type: ignore[misc]
        assert sum(curve(size) for size in sizes[10:]) / 290 >= 0.9 * curve(16)


def test_it_follows_a_server_that_changes_slowly() -> None:
    sizes, best, losses = WindowSize(), 16.0, list[float]()
    for number in range(400):
        best *= 1.01 if number < 200 else 0.99
        value = min(sizes.size / best, best / sizes.size) ** 0.5
        losses.append(1 - value)
        sizes.measured(value)
    assert sum(losses[20:]) / 380 < 0.15


def test_a_sharp_drop_of_the_pace_is_another_server() -> None:
    sizes = WindowSize()
    assert not sizes.dropped(0.0), "nothing was measured yet"
    sizes.measured(100.0)
    sizes.measured(180.0)
    assert sizes.size == 4 * FIRST
    assert not sizes.dropped(DROP * 180.0 * 1.1)
    assert sizes.dropped(DROP * 180.0 * 0.9)
    sizes.restart()
    assert (sizes.size, sizes.rising, sizes.dropped(0.0)) == (FIRST, True, False)


def test_it_is_halved_and_doubles_again() -> None:
    sizes = WindowSize(first=64)
    seen = []
    for _ in range(6):
        sizes.halve(FIRST)
        seen.append(sizes.size)
    assert seen == [32, 16, 8, 8, 8, 8]
    for _ in range(4):
        sizes.halve(1)
    assert sizes.size == 1
    sizes.halve(FIRST)
    assert sizes.size == 1, "it is smaller already"
    for expected in (2, 4, 8, 16):
        sizes.measured(float(sizes.size))
        assert sizes.size == expected
