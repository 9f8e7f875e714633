"""The window finds the pace of servers by itself: the engine on simulated time, counted, with nothing set.

The best paces are those of windows of a fixed size: `python -m tests.sim.windows`.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sim.paces import Shared, curve
from tests.sim.windows import Run, noisy, run
from tests.sim.world import World
from tests.support.rate_limit import Bucket
from zvol.recovery.submitter import Submitter
from zvol.recovery.task import Place
from zvol.recovery.window_size import FIRST, LARGEST, SMALLEST

pytestmark = [pytest.mark.no_cover, pytest.mark.once]

BEST = {"curve": 138.0, "at once": LARGEST / 0.18, "one": 20.0, "best with 4": 69.0, "best with 64": 290.0}
"""Volumes a second, with 19, 256, 8, 8 and 90 under way.

On the server that is best with 4, each read shows too few of them back.
"""


def bounded(found: Run, requests: float = 1.3) -> None:
    """The run kept to the limits of every run."""
    assert found.requests <= requests
    assert found.world.clock.most_flying <= 16
    assert found.world.server.most_running <= LARGEST
    assert found.sizes[:FIRST] == (FIRST,) * FIRST
    assert not found.world.server.twice


@pytest.mark.parametrize(
    ("server", "volumes", "at_least", "peak"),
    [
        ("curve", 1000, 0.9, 32),
        ("at once", 2000, 0.85, LARGEST),
        ("one", 300, 0.95, 32),
        ("best with 4", 400, 0.9, 16),
        ("best with 64", 800, 0.8, 128),
    ],
)
def test_it_is_as_fast_as_the_best_fixed_window(server: str, volumes: int, at_least: float, peak: int) -> None:
    found = run(server, volumes, part=0.6)
    assert found.pace >= at_least * BEST[server]
    assert found.world.server.most_running <= peak
    assert found.commits <= volumes / 7
    bounded(found)
    if server == "curve":
        assert found.world.took <= volumes / (0.9 * BEST[server]), "the search takes little time"


@pytest.mark.parametrize(
    ("server", "seconds", "then", "volumes", "at_least"),
    [
        ("at once", 0.9, "curve", 1000, 0.9),
        ("curve", 2.0, "one", 400, 0.95),
        ("one", 3.0, "curve", 500, 0.85),
    ],
)
def test_a_server_that_changes(server: str, seconds: float, then: str, volumes: int, at_least: float) -> None:
    found = run(server, volumes, (seconds, then), part=0.7)
    assert found.pace >= at_least * BEST[then]
    bounded(found)


def test_when_a_server_becomes_slow_little_is_sent_before_what_it_has_is_done() -> None:
    """It had 128 volumes under way, which take it six seconds now: two requests for each read of all of them."""
    found = run("at once", 600, (0.7, "one"), part=0.7)
    assert found.pace >= 0.95 * BEST["one"]
    bounded(found)
    begin = 1000.7
    puts = [when - begin for when, kind in found.world.server.requests if kind == "put" and when > begin]
    assert sum(when < 1.0 for when in puts) <= LARGEST
    assert sum(1.0 <= when < 5.0 for when in puts) <= 4 * 20
    assert max(found.sizes[-100:]) <= 2 * SMALLEST


def test_from_above() -> None:
    """A window that starts far too large."""
    found = run("curve", 1200, first=LARGEST, part=0.8)
    assert found.pace >= 0.9 * BEST["curve"]
    assert found.requests <= 1.3


def test_volumes_that_take_different_times() -> None:
    found = run(noisy(curve, 0.5, 1), 1000)
    assert found.pace >= 0.85 * BEST["curve"]
    bounded(found)


@pytest.mark.parametrize("most", [1, 5, 40])
def test_a_number_that_was_given_caps_it(most: int) -> None:
    found = run("at once", 120 if most < 40 else 300, most=most)
    assert found.world.server.most_running == most


# ---- answers that are lost, and limits ---------------------------------------------------------------------------
def test_answers_that_are_lost_halve_it_and_it_grows_again() -> None:
    def lose(world: World) -> None:
        world.server.fault = lambda kind, n: "done-behind-502" if kind == "put" and n % 30 == 0 else None

    found = run("at once", 300, prepare=lose)
    falls = [(one, later) for one, later in pairwise(found.sizes) if later < one]
    assert falls[0][1] == falls[0][0] // 2
    assert min(found.sizes) == FIRST
    assert max(found.sizes) >= 32


def test_a_gateway_with_a_limit_of_requests_shrinks_it() -> None:
    """Twenty requests a second pass, so the server never has much to do."""

    def limit(world: World) -> None:
        world.server.admits = Bucket(20.0).admits

    found = run("at once", 300, prepare=limit)
    assert min(found.sizes) < FIRST
    assert found.world.server.most_running <= 32
    assert found.world.took <= 300 / 20 * 2 + 160


def test_volumes_that_fail_make_room_for_others(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=120)
    world.server.shared = Shared(world.clock, curve)
    world.server.refuse = dict.fromkeys(world.uuids[40:], "ID.1003")
    results = world.recover()
    assert Counter(result.outcome.value for result in results) == {"recovered": 40, "failed": 80}
    assert world.took < 60


# ---- commits -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("server", ["curve", "at once", "one"])
def test_at_most_a_window_is_committed_ahead(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record, ahead = Submitter._record_intents, list[float]()

    def watched(self: Submitter) -> None:
        window, before = self._context.window, self._tasks.size(Place.TO_SEND)
        record(self)
        if self._tasks.size(Place.TO_SEND) > before:
            ahead.append((self._tasks.size(Place.TO_SEND) - max(0, window.room)) / window.size)

    monkeypatch.setattr(Submitter, "_record_intents", watched)
    run(server, 200)
    assert max(ahead) == 1.0
    assert sum(one > 0.5 for one in ahead) > len(ahead) / 2, "PUTs that have room do not wait for commits"
