"""Volumes that a VM brings along, on simulated time: attached once it is back, and never without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.follow_ups import OTHER_VM, exit_code
from tests.sim.vms import MACHINE, REQUEST, VmWorld, stop_before_the_vm_is_back
from zvol.errors import Exit
from zvol.journal.records import Claim
from zvol.journal.request import Request
from zvol.model import VM, Outcome


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VmWorld]:
    made = VmWorld(tmp_path)
    yield made
    made.close()


def test_they_are_attached_once_the_vm_is_back(world: VmWorld) -> None:
    world.server.vm_seconds = 20.0
    results = world.run()
    assert [results[uuid].outcome for uuid in (MACHINE, *world.uuids)] == ["recovered", "already", "recovered"]
    assert (world.attached, world.server.early) == (world.uuids, [])
    assert exit_code([*results.values()]) is Exit.OK


def test_a_large_run(tmp_path: Path) -> None:
    world = VmWorld(tmp_path, 150)
    world.server.vm_seconds = 5.0
    results = world.run()
    assert (world.attached, world.server.early, len(results)) == (world.uuids, [], 151)
    assert set(world.server.made.values()) == {1}


def test_a_vm_that_is_back_already_is_not_waited_for(world: VmWorld) -> None:
    world.server.recover_by_hand(MACHINE)
    results = world.run()
    assert (results[MACHINE].outcome, world.attached) == ("already", world.uuids)


def test_without_the_vm_none_is_attached(world: VmWorld) -> None:
    world.server.refuse[MACHINE] = "SYS.1006"
    results = world.run()
    assert (results[MACHINE].outcome, world.server.posted) == ("failed", {})
    for uuid, outcome in zip(world.uuids, ("already", "recovered"), strict=True):
        assert (results[uuid].outcome, results[uuid].exit, results[uuid].unfinished) == (outcome, Exit.FAILED, False)
        assert results[uuid].warnings == (f"not attached to VM {MACHINE}: the VM is not back (failed)",)
    assert world.resume() == []


def test_a_vm_that_is_gone(world: VmWorld) -> None:
    world.server.rows[MACHINE].root = ""
    results = world.run()
    assert (results[MACHINE].outcome, world.server.posted) == ("gone", {})
    assert {results[uuid].exit for uuid in world.uuids} == {Exit.FAILED}


def test_what_became_of_the_vm_is_not_known_and_resume_finishes_all(world: VmWorld) -> None:
    world.server.fault = lambda kind, _number: "vanish" if kind == "put" else None
    world.server.rows[world.uuids[1]].recover(0.0)
    results = world.run(timeout=60.0)
    assert (results[MACHINE].outcome, world.server.posted) == ("unknown", {})
    for uuid in world.uuids:
        assert (results[uuid].exit, results[uuid].unfinished) == (Exit.UNKNOWN, True)
        assert "the VM is not back (unknown); nothing was sent" in results[uuid].warnings[0]
        assert results[uuid].warnings[1] == "what is left of that is done by `zvol resume`"
    world.server.fault = lambda _kind, _number: None
    again = {result.uuid: result for result in world.resume(timeout=7200.0)}
    assert again[MACHINE].outcome == "recovered"
    assert (world.attached, world.server.early) == (world.uuids, [])
    assert {result.exit for result in again.values()} == {Exit.OK}


def test_a_signal_leaves_them_to_resume(world: VmWorld) -> None:
    world.server.vm_seconds = 4.0
    world.clock.at(world.clock.now + 2.0, lambda: world.engine.stop())
    results = world.run()
    assert (results[MACHINE].outcome, world.server.posted) == ("recovered", {})
    assert all(results[uuid].unfinished for uuid in world.uuids)
    assert {result.exit for result in world.resume()} == {Exit.OK}
    assert world.attached == world.uuids


def test_strict_is_for_what_was_asked_for(world: VmWorld) -> None:
    strict = REQUEST._replace(strict=True)
    assert {result.exit for result in world.run(strict).values()} == {Exit.OK}
    assert world.run(strict)[MACHINE].exit is Exit.FAILED


def test_strict_is_remembered_by_resume(world: VmWorld) -> None:
    stop_before_the_vm_is_back(world, REQUEST._replace(strict=True))
    assert {result.exit for result in world.resume()} == {Exit.OK}


def test_a_volume_that_is_on_another_vm_by_then_is_left_there(world: VmWorld) -> None:
    world.server.vm_seconds = 20.0
    world.clock.at(world.clock.now + 5.0, lambda: world.server.on.update({world.uuids[0]: OTHER_VM}))
    results = world.run()
    assert results[world.uuids[0]].warnings == (
        f"not attached to VM {MACHINE}: it is attached to VM {OTHER_VM}; detach it there first",
    )
    assert (results[world.uuids[0]].exit, world.attached) == (Exit.FAILED, world.uuids[1:])


def test_a_volume_that_is_on_another_vm_from_the_start_is_left_there(world: VmWorld) -> None:
    world.server.on[world.uuids[0]] = OTHER_VM
    results = world.run()
    assert (results[world.uuids[0]].exit, world.attached) == (Exit.FAILED, world.uuids[1:])


def test_an_old_run_that_is_not_sent_without_a_yes_attaches_nothing(world: VmWorld) -> None:
    world.server.fault = lambda kind, _number: "refused" if kind == "put" else None
    world.clock.at(world.clock.now + 2.0, lambda: world.engine.stop())
    world.run()
    world.server.fault = lambda _kind, _number: None
    journal = world.journal()
    left = journal.adopt([run.id for run in journal.runs()], world.identity).volumes
    world.engine = world.new_engine()
    old = [one._replace(read_only=one.never_sent) for one in left]
    [stayed] = world.engine.resume(journal, old)
    assert [task.uuid for task in world.engine.skipped] == [MACHINE, world.uuids[1]]
    assert (stayed.uuid, stayed.exit, stayed.unfinished) == (world.uuids[0], Exit.OK, True)
    assert "the VM was left destroyed; nothing was sent" in stayed.warnings[0]
    assert world.server.posted == {}


def test_a_volume_that_was_there_and_is_deleted_meanwhile_is_not_brought_back(world: VmWorld) -> None:
    shown = world.server.inventory(world.uuids[0]).last_op_date
    world.server.delete(world.uuids[0])
    found = [one._replace(shown=shown) if one.uuid == world.uuids[0] else one for one in world.targets()]
    world.targets = lambda *_uuids: found  # type: ignore[method-assign]
    results = world.run()
    assert (results[world.uuids[0]].outcome, world.server.rows[world.uuids[0]].status) == ("failed", "Deleted")
    assert world.attached == world.uuids[1:]


def test_a_dry_run_neither_claims_nor_attaches(world: VmWorld) -> None:
    results = world.run(REQUEST._replace(dry_run=True))
    assert [results[uuid].outcome for uuid in (MACHINE, *world.uuids)] == ["would-recover", "already", "would-recover"]
    assert (world.used_journal, world.server.posted) == (False, {})


def test_a_vm_that_took_long_leaves_them_their_time(world: VmWorld) -> None:
    world.server.fault = lambda kind, number: "refused" if kind == "put" and number <= 6 else None
    world.server.vm_seconds, world.server.change_seconds = 25.0, 20.0
    results = world.run(timeout=60.0)
    assert world.took > 60.0, "only now the VM is back"
    assert (world.attached, exit_code([*results.values()])) == (world.uuids, Exit.OK)


def test_an_attachment_that_does_not_end_is_not_waited_for_without_end(world: VmWorld) -> None:
    world.server.stuck = {(world.uuids[0], MACHINE): "never"}
    results = world.run()
    assert (results[world.uuids[0]].exit, world.attached) == (Exit.UNKNOWN, world.uuids[1:])


def test_the_release_is_not_asked_for_what_was_decided_before(world: VmWorld) -> None:
    world.server.version_text = None
    world.server.vm_seconds = 4.0
    assert {result.exit for result in world.run().values()} == {Exit.OK}
    assert world.attached == world.uuids


def test_nor_by_a_resumed_run(world: VmWorld) -> None:
    world.server.version_text = None
    stop_before_the_vm_is_back(world)
    assert {result.exit for result in world.resume()} == {Exit.OK}
    assert world.attached == world.uuids


def test_a_resumed_run_finds_another_one_on_the_vm(world: VmWorld) -> None:
    world.server.fault = lambda kind, _number: "refused" if kind == "put" else None
    world.clock.at(world.clock.now + 2.0, lambda: world.engine.stop())
    assert {result.outcome for result in world.run().values()} == {Outcome.NOT_SENT, Outcome.ALREADY}
    world.server.fault = lambda _kind, _number: None
    other = world.journal()
    run = other.begin(world.identity, Request(), 0.0)
    other._db.execute("UPDATE volumes SET state = 'taken' WHERE uuid = ?", (MACHINE,))
    other.claim(run, [Claim(MACHINE, MACHINE, "then", VM)])
    other._db.execute("UPDATE volumes SET state = 'planned' WHERE uuid = ?", (MACHINE,))
    world.journals.clear()
    results = {result.uuid or "": result for result in world.resume()}
    other.close()
    assert results[MACHINE].outcome is Outcome.BUSY
    assert all(results[uuid].unfinished for uuid in world.uuids)
    assert world.server.posted == {}


def test_strict_of_a_resumed_run_is_not_for_a_volume_that_somebody_recovered(world: VmWorld) -> None:
    world.server.fault = lambda kind, _number: "refused" if kind == "put" else None
    world.clock.at(world.clock.now + 2.0, lambda: world.engine.stop())
    world.run(REQUEST._replace(strict=True))
    world.server.fault = lambda _kind, _number: None
    world.server.recover_by_hand(world.uuids[1])
    results = {result.uuid or "": result for result in world.resume()}
    assert (results[world.uuids[1]].outcome, results[world.uuids[1]].exit) == ("already", Exit.OK)
