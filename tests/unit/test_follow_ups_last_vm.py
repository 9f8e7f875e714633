"""Whether a recovered volume goes back to the VM that the server names, on simulated time: the release decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.follow_ups import ATTACH, BOTH, VM, FollowUpWorld, exit_code, killed, many
from zvol.errors import Exit

SINCE = "it may have been on another VM since"


def detached(world: FollowUpWorld, minute: int, second: int = 0) -> None:
    """All volumes were detached at this time; they were deleted at 9:00."""
    world.server.detached = f"Nov 23, 2026 8:{minute:02}:{second:02} PM"


@pytest.fixture
def world(tmp_path: Path) -> FollowUpWorld:
    return FollowUpWorld(tmp_path)


@pytest.mark.parametrize(("version", "asked"), [("4.6.0", 1), ("4.8.0", 1), (None, 3)])
def test_the_release_is_asked_for_once_for_all_volumes(version: str | None, asked: int, tmp_path: Path) -> None:
    world = many(tmp_path, 40)
    world.server.version_text = version
    detached(world, 58)
    results = world.follow(ATTACH)
    attached = version == "4.8.0"
    assert exit_code(results) is (Exit.OK if attached else Exit.FAILED)
    assert all((SINCE in " ".join(result.warnings)) != attached for result in results)
    assert version is None or world.took < 4
    assert (len(world.server.on), world.server.seen["version"]) == (40 if attached else 0, asked)


def test_an_outage_while_the_release_is_asked_for_is_waited_out(world: FollowUpWorld) -> None:
    detached(world, 58)
    crashes = iter([True])

    def fault(kind: str, _number: int) -> None:
        if kind == "version" and next(crashes, False):
            world.server.crash()
            world.clock.at(world.clock.now + 25, world.server.restart)

    world.server.fault = fault
    [result] = world.follow(ATTACH)
    assert (result.exit, result.warnings, world.server.on) == (Exit.OK, (), {world.uuids[0]: VM})


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.5])
def test_a_resumed_run_compares_with_the_deletion_that_it_undid(seconds: float, world: FollowUpWorld) -> None:
    world.server.version_text = "4.6.0"
    detached(world, 59)
    killed(world, ATTACH, seconds)
    world.server.rows[world.uuids[0]].last_op += 60
    results = world.resume()
    if results:
        assert (results[0].exit, results[0].warnings, world.server.on) == (Exit.OK, (), {world.uuids[0]: VM})
    assert "version" not in world.server.seen


def test_a_resumed_run_that_only_has_follow_ups_left(world: FollowUpWorld) -> None:
    world.server.version_text = "4.6.0"
    detached(world, 59)
    world.server.stuck[world.uuids[0], "incident"] = "page"
    killed(world, BOTH, 5.0)
    world.server.stuck.clear()
    world.server.rows[world.uuids[0]].last_op += 60
    [result] = world.resume()
    assert (result.exit, result.warnings, world.server.on) == (Exit.OK, (), {world.uuids[0]: VM})
    assert len(world.server.submitted) == 1
