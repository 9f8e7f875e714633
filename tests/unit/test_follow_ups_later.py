"""Tags and VMs after a recovery, on simulated time: only on a fresh read, after a signal, and after a kill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sim.follow_ups import ATTACH, BOTH, OTHER_VM, TAG, VM, FollowUpWorld, all_done, exit_code, killed, many
from zvol.errors import AuthError, ErrorCode, Exit, Refused, ZvolError
from zvol.recovery.timeouts import STOP_SECONDS
from zvol.zstack.answers import Failed


@pytest.fixture
def world(tmp_path: Path) -> FollowUpWorld:
    return FollowUpWorld(tmp_path)


# ---- on a fresh read -----------------------------------------------------------------------------------------------
def test_a_volume_that_somebody_attached_elsewhere_is_left_there(world: FollowUpWorld) -> None:
    world.server.on_tags = lambda: world.server.on.update({world.uuids[0]: OTHER_VM})
    world.server.stuck[world.uuids[0], "incident"] = "never"  # a minute, so that the volume is read again
    [result] = world.follow(BOTH)
    assert world.server.on == {world.uuids[0]: OTHER_VM}
    assert (world.uuids[0], VM) not in world.server.posted
    assert f"it is attached to VM {OTHER_VM}; detach it there first" in result.warnings[1]


def test_a_refusal_is_explained_by_the_vm_that_the_volume_is_on(world: FollowUpWorld) -> None:
    server = world.server
    server.stuck[world.uuids[0], VM] = "refuse"
    poll = server.change_job

    def answered(job: str) -> object:
        """Somebody attaches it before the job has failed, and after the last read before that."""
        found = poll(job)
        if isinstance(found, Failed):
            server.on[world.uuids[0]] = OTHER_VM
        return found

    server.change_job = answered  # type: ignore[method-assign]
    [result] = world.follow(ATTACH)
    why = f"it is attached to VM {OTHER_VM}; detach it there first"
    assert (result.exit, result.warnings) == (
        Exit.FAILED,
        (f"not attached to VM {VM}: {why} (server: SYS.1006 by the simulation)",),
    )


def test_a_volume_that_somebody_deleted_is_left_alone(world: FollowUpWorld) -> None:
    world.server.on_tags = lambda: world.server.delete(world.uuids[0])
    world.server.stuck[world.uuids[0], "incident"] = "never"
    [result] = world.follow(BOTH)
    assert (world.uuids[0], VM) not in world.server.posted
    assert "the volume is deleted" in result.warnings[1]


# ---- a signal ------------------------------------------------------------------------------------------------------
def test_after_a_signal_nothing_is_sent_and_the_rest_is_kept(tmp_path: Path) -> None:
    world = many(tmp_path)
    posts: list[float] = []
    world.server.on_post = lambda: posts.append(world.clock.now)
    world.server.change_seconds = 4.0
    stopped = world.clock.now + 0.6
    world.clock.at(stopped, lambda: world.engine.stop())
    results = world.follow(BOTH)
    assert posts
    assert max(posts) <= stopped
    assert world.took <= 0.6 + STOP_SECONDS + 1
    left = [result for result in results if result.unfinished]
    assert left
    assert all(any("`zvol resume`" in text for text in result.warnings) for result in left)
    world.server.on_post = lambda: None
    world.resume()
    assert exit_code(world.resume()) is Exit.OK
    assert len(world.server.on) == 30
    assert set(world.server.made.values()) == {1}


def test_a_second_signal_ends_it_at_once(world: FollowUpWorld) -> None:
    world.server.stuck[world.uuids[0], VM] = "never"
    for seconds in (2.0, 2.5):
        world.clock.at(world.clock.now + seconds, lambda: world.engine.stop())
    [result] = world.follow(ATTACH)
    assert (result.outcome, result.exit, result.unfinished) == ("recovered", Exit.UNKNOWN, True)
    assert world.took <= 3


# ---- remembered ----------------------------------------------------------------------------------------------------
MOMENTS = [number / 50 for number in range(1, 60)]


@pytest.mark.parametrize("seconds", MOMENTS)
def test_a_run_that_is_killed_is_finished_by_resume(seconds: float, tmp_path: Path) -> None:
    """A11, at many moments: the same tag, VM and exit code as of a run that is not disturbed, each made once."""
    world = FollowUpWorld(tmp_path)
    killed(world, BOTH, seconds)
    results = world.resume()
    if not results and not world.server.submitted:
        results = world.follow(BOTH)
    assert exit_code(results) is Exit.OK
    all_done(world)
    assert world.resume() == []


@pytest.mark.parametrize(("fault", "exit"), [("lost", Exit.OK), ("page", Exit.OK), ("answer-lost", Exit.OK)])
def test_a_change_that_was_sent_is_settled_before_it_is_sent_again(
    fault: str, exit: Exit, world: FollowUpWorld
) -> None:
    """The answer was lost, and zvol killed: only when nothing of that POST can act is it sent once more."""
    world.server.fault = lambda kind, _number: fault if kind == "post" else None
    killed(world, ATTACH, 5.0)
    world.server.fault = lambda _kind, _number: None
    again: list[float] = []
    world.server.on_post = lambda: again.append(world.clock.now)
    began = world.clock.now
    [result] = world.resume()
    assert (result.outcome, result.exit, result.warnings) == ("recovered", exit, ())
    assert world.server.made == {(world.uuids[0], VM): 1}
    assert len(again) == (fault != "answer-lost")
    assert all(when - began >= 75 + 60 for when in again)


def test_what_was_refused_before_the_kill_stays_refused(world: FollowUpWorld) -> None:
    world.server.stuck[world.uuids[0], "incident"] = "refuse"
    world.server.stuck[world.uuids[0], VM] = "never"
    killed(world, BOTH, 8.0)
    world.server.stuck.clear()
    posted = world.server.posted.copy()
    world.clock.at(world.clock.now + 60.0, lambda: world.engine.stop())
    [result] = world.resume()
    assert result.exit is Exit.UNKNOWN
    assert result.warnings[0] == "user tag 'incident': it was refused before the run was interrupted"
    assert world.server.posted == posted


@pytest.mark.no_cover
@pytest.mark.parametrize("timeout", [60.0, 1800.0])
def test_resume_waits_longer_than_its_timeout_for_what_may_act(timeout: float, world: FollowUpWorld) -> None:
    """Before 3.7 that is half an hour; then it is sent again."""
    world.server.version_text = "3.0"
    world.server.fault = lambda kind, _number: "lost" if kind == "post" else None
    killed(world, TAG, 5.0)
    world.server.fault = lambda _kind, _number: None
    [result] = world.resume(timeout=timeout)
    assert (result.outcome, result.exit, result.unfinished) == ("recovered", Exit.OK, False)
    assert 1890 <= world.took < 1950


def test_a_server_that_goes_away_meanwhile_ends_it(world: FollowUpWorld) -> None:
    world.server.version_text = "3.0"
    world.server.fault = lambda kind, _number: "lost" if kind == "post" else None
    killed(world, TAG, 5.0)
    world.clock.at(world.clock.now + 500.0, world.server.crash)
    [result] = world.resume(timeout=60.0)
    assert (result.exit, result.unfinished) == (Exit.UNKNOWN, True)
    assert 540 <= world.took < 640


@pytest.mark.parametrize(
    ("meanwhile", "outcome"), [("deleted", "failed"), ("gone", "gone"), ("elsewhere", "recovered")]
)
def test_resume_leaves_alone_what_somebody_changed(meanwhile: str, outcome: str, world: FollowUpWorld) -> None:
    uuid = world.uuids[0]
    world.server.fault = lambda kind, _number: "unsent" if kind == "post" else None
    killed(world, ATTACH, 5.0)
    world.server.fault = lambda _kind, _number: None
    change: dict[str, Callable[[], object]] = {
        "deleted": lambda: world.server.delete(uuid),
        "gone": lambda: world.server.rows.pop(uuid),
        "elsewhere": lambda: world.server.on.update({uuid: OTHER_VM}),
    }
    change[meanwhile]()
    [result] = world.resume()
    assert (result.outcome, result.exit) == (outcome, Exit.FAILED)
    assert not world.server.posted
    assert len(world.server.submitted) == 1
    assert world.resume() == []


def test_a_volume_that_was_back_already_is_remembered_from_its_first_change_on(world: FollowUpWorld) -> None:
    world.server.recover_by_hand(world.uuids[0])
    world.server.stuck[world.uuids[0], VM] = "lost"
    killed(world, BOTH, 10.0)
    world.server.stuck.clear()
    [result] = world.resume()
    assert (result.outcome, result.exit) == ("already", Exit.OK)
    all_done(world)
    assert not world.server.submitted


@pytest.mark.parametrize("sent", [False, True])
def test_resume_that_cannot_read_says_so_and_keeps_it(sent: bool, world: FollowUpWorld) -> None:
    """`recovered` was the outcome of another run: this one has not seen it."""
    if sent:
        world.server.fault = lambda kind, _number: "lost" if kind == "post" else None
        killed(world, ATTACH, 5.0)
    else:
        world.clock.at(world.clock.now + 0.05, lambda: world.engine.stop())
        [result] = world.follow(ATTACH)
        assert (result.outcome, result.unfinished) == ("recovered", True)
    world.server.fault = lambda _kind, _number: None
    world.server.crash()
    [result] = world.resume(timeout=100.0)
    assert (result.outcome, result.unfinished) == ("unknown" if sent else "not-sent", True)
    assert result.exit is (Exit.UNKNOWN if sent else Exit.UNREACHABLE)
    assert world.took <= 110
    world.server.restart()
    [result] = world.resume()
    assert (result.outcome, result.exit) == ("recovered", Exit.OK)
    assert world.server.made == {(world.uuids[0], VM): 1}


@pytest.mark.parametrize("error", [Refused, AuthError])
def test_resume_that_may_not_read_keeps_the_words_of_the_server(error: type[ZvolError], world: FollowUpWorld) -> None:
    world.clock.at(world.clock.now + 0.05, lambda: world.engine.stop())
    world.follow(ATTACH)
    world.server.unreadable.update(world.uuids)
    world.server.unreadable_by = error("no", fault=ErrorCode("SYS.1019", {"code": "SYS.1019", "details": "not you"}))
    [result] = world.resume(timeout=100.0)
    assert world.server.made == {}
    assert "no: SYS.1019 not you" in str([result.warnings, result.error])
