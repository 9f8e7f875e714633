"""The engine behind a gateway that lets only so many requests pass, on simulated time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sim.world import World
from tests.support.rate_limit import Bucket, Limit, Windows
from zvol.model import Result

pytestmark = pytest.mark.no_cover


def outcomes(results: Sequence[Result]) -> Counter[str]:
    return Counter(result.outcome.value for result in results)


def limits() -> list[Limit]:
    return [Bucket(5.0), Bucket(5.0, 5.0), Windows(5)]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("asks", [0.0, 1.0, 60.0])
def test_few_requests_are_refused_and_nothing_stays_unknown(number: int, asks: float, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=100)
    world.server.admits, world.server.asks = limits()[number].admits, asks
    results = world.recover()
    assert outcomes(results) == {"recovered": 100}
    refused = Counter(world.server.turned_away)
    assert refused["put"] <= 0.2 * world.server.seen["put"]
    assert refused["read"] + refused["job"] <= 40
    assert world.took <= 2 * 150 + 30
    assert not world.server.twice
    world.true(results)


def test_a_batch_that_a_gateway_refuses_is_not_halved(tmp_path: Path) -> None:
    """The answer is about all requests, so the same batch is read again, once the gateway lets it pass."""
    world = World(tmp_path, volumes=100)
    world.server.admits = lambda now: now > 1001.0
    results = world.recover()
    assert outcomes(results) == {"recovered": 100}
    assert world.server.turned_away == ["read"]
    kinds = [kind for _when, kind in world.server.requests]
    assert kinds[:4] == ["read", "read", "read", "put"], "refused, one volume, the same batch"


@pytest.mark.parametrize("kind", ["read", "job", "put"])
def test_whatever_is_refused_all_requests_wait(kind: str, tmp_path: Path) -> None:
    """One request is refused, and asked to come back in 30 seconds."""
    world = World(tmp_path, volumes=20)
    server = world.server
    server.asks = 30.0
    if kind == "job":  # polled only where a volume does not come back
        server.run_seconds = 8.0
    refused: list[float] = []

    def admits(now: float) -> bool:
        ours = server.requests[-1][1] == kind and server.seen.get("put", 0) > 0
        if ours and not refused:
            refused.append(now)
            return False
        return True

    server.admits = admits
    results = world.recover()
    assert outcomes(results) == {"recovered": 20}
    [at] = refused
    on_their_way = at + 0.01
    assert [one for one in server.requests if on_their_way < one[0] < at + 30.0] == []
    assert any(at + 30.0 <= when < at + 33.0 for when, _kind in server.requests)
    world.true(results)


def test_after_a_signal_what_an_answer_asked_for_is_not_waited_out(tmp_path: Path) -> None:
    """The volume is read on, and reported as soon as it is back."""
    world = World(tmp_path, volumes=1)
    world.server.run_seconds, world.server.asks = 8.0, 60.0
    begin = world.clock.now + 2.0
    world.server.admits = lambda now: not begin <= now < begin + 2.5
    world.clock.at(begin + 3.0, lambda: world.engine.stop())
    results = world.recover()
    assert world.server.turned_away == ["job"]
    assert outcomes(results) == {"recovered": 1}
    assert world.took < 10.5


def test_a_signal_is_not_held_up(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=20)
    world.server.run_seconds, world.server.asks = 8.0, 60.0
    begin = world.clock.now + 2.0
    world.server.admits = lambda now: not begin <= now < begin + 5.0
    world.clock.at(begin + 6.0, lambda: world.engine.stop())
    results = world.recover()
    assert outcomes(results) == {"recovered": 20}
    assert world.took <= 2.0 + 6.0 + 10.0 + 1.0


def test_reads_leave_most_of_the_rate_to_changes(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=100)
    world.server.admits = Bucket(5.0).admits
    world.recover()
    requests = world.server.requests
    puts = [when for when, kind in requests if kind == "put"]
    reads = sum(kind == "read" and when < puts[79] for when, kind in requests)
    assert reads <= 0.7 * 80
