"""Volumes of a VM that somebody attached or detached since they were chosen: they are left as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.follow_ups import OTHER_VM
from tests.sim.vms import MACHINE, REQUEST, VmWorld, stop_before_the_vm_is_back
from zvol.errors import Exit
from zvol.model import Result, Target, Volume
from zvol.recovery.follow_ups.changes import Change, ChangeKind, done_and_not_so, from_journal, planned, planned_changes

LEFT = "and was left alone"
BEFORE, SAME, LATER = "Nov 20, 2026 10:00:00 AM", "Nov 20, 2026 10:00:00 AM", "Nov 20, 2026 10:00:01 AM"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VmWorld]:
    made = VmWorld(tmp_path)
    yield made
    made.close()


def moved(world: VmWorld, how: str) -> None:
    """Do something with the first volume while its VM is away."""
    stayed = world.uuids[0]
    if how in LAST:
        world.server.last[stayed] = LAST[how]
    else:
        world.server.dates[stayed] = DATES[how]


LAST = {"elsewhere": OTHER_VM, "forgotten": None}
DATES = {
    "detached": {"lastAttachDate": BEFORE, "lastDetachDate": SAME},
    "untouched": {"lastAttachDate": LATER, "lastDetachDate": BEFORE},
}
WAYS = {
    "elsewhere": f"it was on VM {OTHER_VM} since, {LEFT}",
    "forgotten": f"the server names no VM that it was last on, {LEFT}",
    "detached": f"it was detached from that VM since, {LEFT}",
    "untouched": "",
}


def is_so(world: VmWorld, results: dict[str, Result], why: str) -> None:
    stayed, other = world.uuids
    assert results[stayed].warnings == ((f"not attached to VM {MACHINE}: {why}",) if why else ())
    assert results[stayed].exit is (Exit.FAILED if why else Exit.OK)
    assert world.attached == ([other] if why else [stayed, other])


@pytest.mark.parametrize(("how", "why"), WAYS.items())
def test_while_the_vm_is_away(how: str, why: str, world: VmWorld) -> None:
    world.server.vm_seconds = 20.0
    world.clock.at(world.clock.now + 5.0, lambda: moved(world, how))
    is_so(world, world.run(), why)


@pytest.mark.parametrize(("how", "why"), WAYS.items())
def test_before_the_run_is_resumed(how: str, why: str, world: VmWorld) -> None:
    stop_before_the_vm_is_back(world)
    moved(world, how)
    is_so(world, {result.uuid or "": result for result in world.resume()}, why)
    assert world.resume() == []


def test_the_vm_that_a_volume_comes_back_with_is_not_one_that_the_server_was_asked_for() -> None:
    volume = Volume("a" * 32, {"uuid": "a" * 32, "lastVmInstanceUuid": OTHER_VM})
    for vm, where in ((MACHINE, MACHINE), (None, OTHER_VM)):
        target = Target("a" * 32, "a" * 32, vm=vm)
        [change] = planned_changes(target, REQUEST, volume)
        assert (change.value, change.remembered, change.with_vm) == (where, vm is None, vm is not None)
    rows = planned(Target("a" * 32, "a" * 32, vm=MACHINE), REQUEST, volume)
    [change] = from_journal(rows, REQUEST)
    assert (change.remembered, change.with_vm) == (False, True)


# ---- attached, and taken off again -----------------------------------------------------------------------------------
def test_a_volume_that_was_taken_off_at_once(world: VmWorld) -> None:
    stayed = world.uuids[0]
    world.server.dates[stayed] = {"lastAttachDate": BEFORE}
    world.server.taken_off = {stayed: LATER}
    result = world.run()[stayed]
    assert result.warnings == (f"not attached to VM {MACHINE}: it was attached and taken off again since",)
    assert result.exit is Exit.FAILED


def test_a_job_that_is_done_and_attached_nothing(world: VmWorld) -> None:
    stayed = world.uuids[0]
    world.server.dates[stayed] = {"lastAttachDate": BEFORE}
    world.server.taken_off = {stayed: SAME}
    assert world.run()[stayed].exit is Exit.CONTRADICTED


@pytest.mark.parametrize(
    ("attached", "before", "deleted", "exit"),
    [
        (LATER, None, BEFORE, Exit.FAILED),
        (SAME, None, BEFORE, Exit.CONTRADICTED),
        (LATER, None, None, Exit.CONTRADICTED),
        (LATER, None, "2026-11-20 10:00:00", Exit.FAILED),
        (LATER, LATER, BEFORE, Exit.CONTRADICTED),
        (None, BEFORE, BEFORE, Exit.CONTRADICTED),
    ],
)
def test_what_tells_that_it_was_attached(
    attached: str | None, before: str | None, deleted: str | None, exit: Exit
) -> None:
    """`before`: the date when it was sent, which a resumed run does not know."""
    change = Change(ChangeKind.ATTACH, MACHINE, attach_date=before)
    assert done_and_not_so(change, Volume("a" * 32, {"lastAttachDate": attached}), deleted)[1] is exit
    tag = Change(ChangeKind.TAG, "x", attach_date=before)
    assert done_and_not_so(tag, Volume("a" * 32, {"lastAttachDate": attached}), deleted)[1] is Exit.CONTRADICTED
    assert done_and_not_so(change, None, deleted)[1] is Exit.CONTRADICTED
