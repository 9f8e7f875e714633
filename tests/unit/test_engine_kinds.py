"""Runs that recover volumes and VMs together, and what is special about a VM."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.sim.clock import pool_on
from tests.sim.kills import kill, lost, puts, resume
from tests.sim.rows import root_of
from tests.sim.world import A, World
from tests.support.engine_options import engine_options
from zvol.errors import Exit
from zvol.journal.records import Claim
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import VM, VOLUME, Result, Target
from zvol.recovery import resume as resuming
from zvol.recovery.poll_limit import READS
from zvol.recovery.settle_policy import SettlePolicy
from zvol.zstack.answers import Accepted
from zvol.zstack.resource_kinds import DATA_VOLUME, VM_INSTANCE

pytestmark = pytest.mark.no_cover

BOTH = (VOLUME, VM)
QUIET_VM = 2 * 300 + 15


def counted(results: list[Result]) -> Counter[tuple[str, str]]:
    return Counter((result.target, result.outcome.value) for result in results)


# ---- both kinds in one run -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [2, 4, 5, 300])
def test_volumes_and_vms_come_back_in_one_run(volumes: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=volumes, kinds=BOTH)
    asked: list[float] = []
    world.server.grants = lambda seconds: asked.append(seconds) or seconds  # type: ignore[func-returns-value]
    results = world.recover()
    vms = volumes // 2
    assert counted(results) == {(VOLUME, "recovered"): volumes - vms, (VM, "recovered"): vms}
    assert Counter(asked) == {60.0: volumes - vms, 300.0: vms}
    assert world.server.seen["put"] == volumes
    world.true(results)


@pytest.mark.parametrize("volumes", [4, 40])
def test_both_kinds_survive_an_outage(volumes: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=volumes, kinds=BOTH)
    world.server.run_seconds = 0.5
    world.clock.at(world.clock.now + 0.7, world.server.crash)
    world.clock.at(world.clock.now + 30, world.server.restart)
    results = world.recover()
    assert {result.outcome.value for result in results} == {"recovered"}
    world.true(results)


@pytest.mark.parametrize("bad", [6, 7])
def test_one_that_no_read_shows_keeps_neither_kind_waiting(bad: int, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=40, kinds=BOTH)
    world.server.unreadable.add(world.uuids[bad])
    results = world.recover()
    assert Counter(result.outcome.value for result in results) == {"recovered": 39, "not-sent": 1}
    [unread] = [result for result in results if result.outcome == "not-sent"]
    assert unread.uuid == world.uuids[bad]
    assert unread.error is not None
    assert f"last seen of the {'VM' if unread.target == VM else 'volume'}: HTTP 500" in unread.error.message
    world.true(results)


def test_a_limit_of_one_request_is_found_for_both(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=200, kinds=BOTH)
    world.server.longest = 17
    results = world.recover()
    assert counted(results) == {(VOLUME, "recovered"): 100, (VM, "recovered"): 100}


def test_what_has_no_time_left_is_read_once_more_whatever_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=6, kinds=BOTH)
    world.server.run_seconds = 10_000.0
    results = world.recover(timeout=60.0)
    assert counted(results) == {(VOLUME, "unknown"): 3, (VM, "unknown"): 3}
    assert 60 <= world.took <= 65
    assert "state Destroyed, root volume Deleted" in str([one.error for one in results if one.target == VM])


def test_a_killed_run_of_both_is_finished_by_one_resume(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=20, kinds=BOTH)
    kill(world, 0.25)
    sent = world.server.seen["put"]
    results = resume(world)
    assert {result.outcome.value for result in results} <= {"recovered", "already"}
    assert {result.target for result in results} == {*BOTH}
    assert all(row.ready for row in world.server.rows.values())
    assert 0 < sent <= world.server.seen["put"]
    world.true(results)


def test_what_an_old_run_never_sent_is_named_by_kind(tmp_path: Path) -> None:
    world = World(tmp_path, volumes=4, kinds=BOTH)
    journal = world.journal()
    run = journal.begin(world.identity, Request(), world.clock.wall() - 48 * 3600)
    journal.claim(run, [Claim(one.uuid, one.asked, None, one.kind) for one in world.targets()])
    world.close()
    journal, said = world.journal(), list[str]()
    list(resuming.resume(world.new_engine(), journal, journal.runs(), send_stale=False, warn=said.append))
    assert "never sent 2 volumes; still deleted: " in said[0]
    assert "never sent 2 VMs; still destroyed: " in said[1]
    world.close()


# ---- a VM ------------------------------------------------------------------------------------------------------------
def test_a_vm_is_back_after_the_second_step_of_the_server(tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.run_seconds = 20.0
    [result] = world.recover()
    assert (result.outcome, result.by) == ("recovered", "zvol")
    assert world.took >= 40
    assert world.server.seen["put"] == 1


@pytest.mark.parametrize("dies", ["server", "zvol", "both"])
def test_a_server_that_dies_between_the_steps_is_asked_again(dies: str, tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.run_seconds = 20.0
    if dies != "zvol":
        world.clock.at(world.clock.now + 30, world.server.crash)
        world.clock.at(world.clock.now + 31, world.server.restart)
    if dies == "server":
        results = world.recover()
    else:
        kill(world, 32.0)
        assert world.server.rows[A].root == "Ready"
        results = resume(world)
    [result] = results
    assert result.outcome == "recovered"
    assert len(puts(world)) == (1 if dies == "zvol" else 2)
    if dies != "zvol":
        assert puts(world)[1] - puts(world)[0] > QUIET_VM
    world.true(results)


def test_steps_that_take_nearly_their_whole_timeout_are_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.run_seconds = 290.0
    [result] = world.recover()
    assert result.outcome == "recovered"
    assert world.server.seen["put"] == 1
    world.true([result])


def test_a_vm_whose_root_volume_was_recovered_alone_comes_back(tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.rows[A].root = "Ready"
    [result] = world.recover()
    assert result.outcome == "recovered"
    world.true([result])


def test_a_stopped_vm_without_its_root_volume_is_not_back(tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.rows[A].destroy_half(world.clock.now)
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("failed", Exit.FAILED)
    assert result.error is not None
    assert result.error.fault is not None
    assert result.error.fault.code == "SYS.1006"
    world.true([result])


def test_a_vm_whose_root_volume_was_destroyed_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.rows[A].root = ""
    [result] = world.recover()
    assert (result.outcome, result.exit) == ("gone", Exit.FAILED)
    assert "put" not in world.server.seen
    assert result.error is not None
    assert result.error.message == "the VM cannot come back: state Destroyed, no root volume"
    assert result.json()["inventory"]["state"] == "Destroyed"


def test_a_vm_that_is_not_there_is_named_as_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    [result] = world.new_engine().recover([Target("web", "b" * 32, kind=VM)])
    assert (result.outcome, result.target) == ("gone", VM)
    assert result.error is not None
    assert result.error.message == "there is no such VM"
    assert "`zvol list --vms`" in result.error.hint


def test_a_vm_that_was_destroyed_again_is_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path, lost, kinds=(VM,))
    world.clock.at(world.clock.now + 50, lambda: world.server.recover_by_hand(A))
    world.clock.at(world.clock.now + 50.1, lambda: world.server.delete(A))
    [result] = world.recover()
    assert result.error is not None
    assert (
        result.error.message == "the VM was destroyed again or changed after zvol had read it, so zvol left it as it is"
    )
    assert "`zvol show --vm VM`" in result.error.hint
    assert world.server.seen["put"] == 1


@pytest.mark.parametrize("first", [A, root_of(A)])
def test_the_vm_and_its_root_volume_are_busy_while_one_of_them_is_being_recovered(first: str, tmp_path: Path) -> None:
    world = World(tmp_path, kinds=(VM,))
    world.server.add([root_of(A)])
    claims = {A: Claim(A, "web", None, VM, (root_of(A),)), root_of(A): Claim(root_of(A), "root", None)}
    other = world.journal()
    other.claim(run := other.begin(world.identity, Request(), world.clock.wall()), [claims[first]])
    results = list(world.new_engine().recover(world.targets(A, root_of(A))))
    assert [result.outcome.value for result in results] == ["busy", "busy"]
    assert {str(result.error) for result in results} == {
        f"another zvol run ({run}) is working on this VM",
        f"another zvol run ({run}) is working on this volume",
    }
    assert "put" not in world.server.seen
    world.close()


def test_no_more_reads_are_under_way_where_both_kinds_are_due(tmp_path: Path) -> None:
    """A batch of both kinds takes two requests."""
    world = World(tmp_path, volumes=800, kinds=[VOLUME] * 100 + [VOLUME, VM] * 350)
    results = world.recover(request=Request(dry_run=True))
    assert counted(results) == {(VOLUME, "would-recover"): 450, (VM, "would-recover"): 350}
    assert world.clock.most_flying <= READS


def test_what_was_closed_by_hand_is_named_for_as_long_as_it_may_act(policy: SettlePolicy) -> None:
    waits = DEFAULT_REQUEST.waits
    assert policy.longest(DATA_VOLUME) <= waits.longest(DATA_VOLUME.messages)
    assert policy.longest(VM_INSTANCE) <= waits.longest(VM_INSTANCE.messages)


# ---- how long a request may act, by kind -----------------------------------------------------------------------------
@pytest.fixture
def policy(tmp_path: Path) -> SettlePolicy:
    world = World(tmp_path)
    return SettlePolicy(engine_options(), world.server, pool_on(world.clock)(4, SimpleQueue(), world.clock.monotonic))  # type: ignore[arg-type]


def test_the_timeout_of_a_vm_counts_twice(policy: SettlePolicy) -> None:
    assert policy.accepted(0.0, Accepted(300.0), VM_INSTANCE).remaining(0.0) == QUIET_VM
    assert policy.silence(0.0, VM_INSTANCE).remaining(0.0) == 75 + QUIET_VM
    assert policy.longest(VM_INSTANCE) == 75 + 2 * 1800 + 15


def test_a_202_says_nothing_of_the_timeout_of_the_other_kind(policy: SettlePolicy) -> None:
    policy.accepted(0.0, Accepted(60.0))
    assert policy.silence(0.0).remaining(0.0) == 75 + 60 + 15
    assert policy.silence(0.0, VM_INSTANCE).remaining(0.0) == 75 + 2 * 1800 + 15


def test_a_server_that_does_not_honour_one_timeout_is_not_believed_to_honour_the_other(policy: SettlePolicy) -> None:
    unanswered = policy.silence(0.0)
    policy.accepted(0.0, Accepted(60.0))
    assert unanswered.remaining(0.0) == 75 + 60 + 15
    policy.accepted(0.0, Accepted(1800.0), VM_INSTANCE)
    assert unanswered.remaining(0.0) == 75 + 1800 + 15
    assert policy.silence(0.0, VM_INSTANCE).remaining(0.0) == 75 + 2 * 1800 + 15
    assert policy.accepted(0.0, Accepted(None)).remaining(0.0) == 1800 + 15
