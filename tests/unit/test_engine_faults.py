"""One volume's error is its own: batches that cannot be read, odd inventories, volumes that no read shows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.sim.world import World
from zvol.errors import Exit, Refused, Untrusted
from zvol.recovery.read_batch import BatchSize

pytestmark = pytest.mark.no_cover


def outcomes(world: World) -> Counter[str]:
    results = world.recover()
    world.true([result for result in results if result.outcome != "unknown"])
    assert len({result.uuid for result in results}) == len(results) == len(world.uuids)
    return Counter(result.outcome.value for result in results)


@pytest.mark.parametrize(("volumes", "longest"), [(100, 57), (150, 57), (7, 1), (2, 1), (400, 99)])
def test_a_limit_of_volumes_in_one_request_is_found_and_kept(volumes: int, longest: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=volumes)
    world.server.longest = longest
    assert outcomes(world) == {"recovered": volumes}
    assert world.took < 30
    assert world.server.seen["put"] == volumes
    assert world.server.seen["read"] <= 16 + 11 * volumes / longest


def test_a_limit_is_tried_again_less_and_less_often(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=2000)
    world.server.longest = 57
    assert outcomes(world) == {"recovered": 2000}
    assert len(world.server.requests) <= 1.2 * 2000


@pytest.mark.parametrize("kind", ["unreadable", "odd"])
@pytest.mark.parametrize("volumes", [2, 4, 20, 300])
def test_one_volume_that_no_read_shows_keeps_nobody_waiting(kind: str, volumes: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=volumes)
    getattr(world.server, kind).add(world.uuids[1])
    back: list[float] = []
    results = world.recover(on_result=lambda one: back.append(world.clock.now) if one.outcome == "recovered" else None)
    assert Counter(result.outcome.value for result in results) == {"recovered": volumes - 1, "not-sent": 1}
    assert max(back) - 1000 < 10
    [bad] = [result for result in results if result.outcome == "not-sent"]
    assert bad.uuid == world.uuids[1]
    assert bad.exit is Exit.UNREACHABLE
    assert bad.error is not None
    assert "it could not be read for 1m" in bad.error.message
    why = "HTTP 500 by the simulation" if kind == "unreadable" else "an inventory that does not describe a volume"
    assert f"last seen of the volume: {why} (" in bad.error.message
    assert 60 <= world.took <= 75
    assert world.server.seen["read"] <= 60 + volumes / 10
    world.true(results)


@pytest.mark.parametrize("kind", ["unreadable", "odd"])
def test_a_volume_that_becomes_unreadable_after_its_put_is_unknown_and_the_others_are_back(
    kind: str, tmp_path: Path
) -> None:
    world = World(tmp_path, volumes=20)
    bad = world.uuids[7]
    world.server.on_submit = lambda uuid: getattr(world.server, kind).add(bad) if uuid == bad else None
    back: list[float] = []
    results = world.recover(
        timeout=120.0, on_result=lambda one: back.append(world.clock.now) if one.outcome == "recovered" else None
    )
    assert Counter(result.outcome.value for result in results) == {"recovered": 19, "unknown": 1}
    assert max(back) - 1000 < 10
    [unknown] = [result for result in results if result.outcome == "unknown"]
    assert unknown.uuid == bad
    assert unknown.error is not None
    assert "last seen of the request: accepted (" in unknown.error.message
    assert 120 <= world.took <= 126
    assert world.server.seen["read"] <= 60


def test_a_volume_that_can_be_read_again_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=20)
    world.server.unreadable.update(world.uuids[:2])
    world.clock.at(world.clock.now + 30, world.server.unreadable.clear)
    assert outcomes(world) == {"recovered": 20}
    assert 30 < world.took < 60


def test_what_waits_to_be_sent_and_cannot_be_read_again_keeps_nobody_waiting(tmp_path: Path) -> None:
    """In a large batch volumes are read once more before their turn; one of them fails then, for a while."""
    world = World(tmp_path, volumes=2000)
    world.server.put_seconds = 0.15
    world.clock.at(world.clock.now + 5, lambda: world.server.unreadable.add(world.uuids[1500]))
    world.clock.at(world.clock.now + 60, world.server.unreadable.clear)
    assert outcomes(world) == {"recovered": 2000}
    assert world.took < 75
    assert len(world.server.requests) <= 1.2 * 2000


def test_half_of_the_volumes_cannot_be_read(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=40)
    world.server.unreadable.update(world.uuids[::2])
    assert outcomes(world) == {"recovered": 20, "not-sent": 20}
    assert world.took < 130


@pytest.mark.parametrize("error", [Refused("no"), Untrusted("elsewhere", kind="redirected")])
def test_a_batch_that_is_refused_because_of_one_volume_is_read_without_it(error: Exception, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=50)
    world.server.unreadable.add(world.uuids[9])
    world.server.unreadable_by = error
    expected = "failed" if isinstance(error, Refused) else "not-sent"
    assert outcomes(world) == {"recovered": 49, expected: 1}
    assert world.took < 10


@pytest.mark.parametrize("error", [Refused("no"), Untrusted("elsewhere", kind="redirected")])
def test_where_all_reads_are_refused_few_are_made(error: Exception, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=500)
    world.server.unreadable.update(world.uuids)
    world.server.unreadable_by = error
    expected = "failed" if isinstance(error, Refused) else "not-sent"
    assert outcomes(world) == {expected: 500}
    assert len(world.server.requests) <= 4 * 5


def test_a_job_that_cannot_be_asked_closes_nothing(tmp_path: Path) -> None:
    """Everything else is answered: nobody waits because of it."""
    world = World(tmp_path, lambda kind, _number: "page" if kind == "job" else None, volumes=60)
    world.server.run_seconds = 12.0
    assert outcomes(world) == {"recovered": 60}
    assert world.took < 16
    assert world.server.seen["job"] <= 60


def test_an_outage_begins_with_one_read_more_and_no_others(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, _number: "page" if 1000 < world.clock.now < 1030 else None, volumes=300)
    assert outcomes(world) == {"recovered": 300}
    sick = [when for when, _ in world.server.requests if when < 1030]
    assert len(sick) <= 4 + 4 + 10


# ---- how many volumes a request may name ----------------------------------------------------------------------------
def test_a_batch_that_fails_once_although_it_worked_before_was_bad_luck() -> None:
    sizes = BatchSize()
    sizes.answered(100, None)
    for bad_luck, expected in ((1, 100), (2, 50)):
        failed = sizes.split(None, 100, 2)
        sizes.answered(50, failed)
        sizes.answered(49, failed)
        assert sizes.size == expected, bad_luck


def test_a_volume_that_is_to_blame_leaves_the_size_as_it_is() -> None:
    sizes = BatchSize()
    failed = sizes.split(None, 100, 2)
    sizes.answered(50, failed)
    sizes.ended(failed, inconclusive=True)
    assert sizes.size == 100


def test_a_size_that_works_is_doubled_after_a_while_and_each_failure_makes_that_longer() -> None:
    sizes = BatchSize(size=50, proved=50)
    for wait in (8, 16, 32):
        for _ in range(wait):
            assert sizes.size == 50
            sizes.answered(50, None)
        assert sizes.size == 100
        failed = sizes.split(None, 100, 2)
        sizes.answered(50, failed)
        assert (failed.size, failed.parts_left, failed.largest_read, failed.inconclusive) == (100, 1, 50, False)
        sizes.answered(49, failed)
