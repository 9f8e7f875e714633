"""Obstacles to tags and VMs, and what the user is shown, on simulated time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.sim.follow_ups import ATTACH, BOTH, TAG, VM, FollowUpWorld, all_done
from zvol.cli.waits import why
from zvol.errors import Exit, LocalState
from zvol.journal.journal import Journal
from zvol.recovery.run_status import RunStatus, Wait
from zvol.recovery.timeouts import STOP_SECONDS


@pytest.fixture
def world(tmp_path: Path) -> FollowUpWorld:
    return FollowUpWorld(tmp_path)


class Watching:
    """An observer that keeps what it gets."""

    def __init__(self) -> None:
        self.seen: list[RunStatus] = []
        self.stopped = 0

    def tick(self, status: Callable[[], RunStatus], /) -> None:
        self.seen.append(status())

    def stopping(self, seconds: float) -> None:
        self.stopped += 1
        assert seconds == STOP_SECONDS

    def journal_lost(self, error: LocalState, jobs: Sequence[tuple[str, str]], unsent: int) -> None:
        raise AssertionError(error)


def test_a_person_is_told_what_is_waited_for(world: FollowUpWorld) -> None:
    world.observer = watching = Watching()
    world.server.stuck[world.uuids[0], VM] = "never"
    world.clock.at(world.clock.now + 30.0, lambda: world.engine.stop())
    world.follow(ATTACH)
    waits = [wait for status in watching.seen for wait in status.waits if wait.wait is Wait.BACK]
    assert {(wait.count, wait.again) for wait in waits} == {(1, False)}
    assert 50 < waits[0].seconds <= 60 - 3, "not before it takes long"
    alone, many = (why(RunStatus(waits=tuple(waits[:1])), alone=one, elapsed=60.0)[0] for one in (True, False))
    assert re.search(r"timeout in [0-9]+s: back, its tags and VM not yet", alone)
    assert "1 back, their tags and VMs not yet" in many
    assert watching.stopped == 1


def test_what_is_in_their_way_is_told(world: FollowUpWorld) -> None:
    world.observer = watching = Watching()
    world.server.fault = lambda kind, _number: "page" if kind == "tags" else None
    world.follow(TAG)
    assert "HTTP 502 from a proxy" in {status.reason for status in watching.seen}


# ---- shareable volumes ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("job", ["seen", "unseen"])
def test_a_shareable_volume_shows_no_vm(job: str, world: FollowUpWorld) -> None:
    """Its finished job counts, or a new date of its last attach."""
    uuid = world.uuids[0]
    world.server.shareable.add(uuid)
    world.server.fault = lambda kind, _number: "running" if kind == "job" and job == "unseen" else None
    [result] = world.follow(ATTACH)
    assert (result.exit, result.warnings) == (Exit.OK, ())
    assert world.server.on[uuid] == VM
    assert world.took < 3


def test_a_shareable_volume_of_which_no_vm_is_known(world: FollowUpWorld) -> None:
    world.server.shareable.add(world.uuids[0])
    world.server.last[world.uuids[0]] = None
    [result] = world.follow(ATTACH)
    assert (result.exit, "it is shareable" in result.warnings[0]) == (Exit.FAILED, True)


# ---- sessions and journals -----------------------------------------------------------------------------------------
def test_a_session_that_ended_is_renewed_once_and_the_change_sent_again(world: FollowUpWorld) -> None:
    renewed: list[float] = []

    def renew() -> bool:
        renewed.append(world.clock.now)
        world.server.fault = lambda _kind, _number: None
        return True

    world.renew = renew
    world.server.fault = lambda kind, _number: "no-session" if kind == "post" else None
    [result] = world.follow(BOTH)
    assert (result.exit, result.warnings, len(renewed)) == (Exit.OK, (), 1)
    all_done(world)


def test_without_a_new_session_it_is_refused(world: FollowUpWorld) -> None:
    world.server.fault = lambda kind, _number: "no-session" if kind == "post" else None
    [result] = world.follow(ATTACH)
    assert (result.exit, result.unfinished) == (Exit.FAILED, False)
    assert "ID.1001" in result.warnings[0]


def test_what_cannot_be_remembered_is_not_sent(world: FollowUpWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_journal: Journal) -> None:
        raise LocalState("there is no room")

    monkeypatch.setattr(Journal, "flush", full)
    [result] = world.follow(ATTACH)
    assert (result.outcome, result.exit, world.server.posted) == ("recovered", Exit.LOCAL, {})
    assert "there is no room; nothing was sent" in result.warnings[0]
    assert "the same command again" in result.warnings[1]
