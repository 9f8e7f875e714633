"""Volumes that a VM brings along, on simulated time: attached once it is back, claimed with it, never without it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.sim.follow_ups import OTHER_VM, FollowUpServer, FollowUpWorld, exit_code
from zvol.errors import Exit
from zvol.journal.records import Claim, Identity, Intent
from zvol.journal.request import Request
from zvol.model import VM, Outcome, Result, Target

MACHINE = "d" * 32
REQUEST = Request(reattach=True, vms=True)


@dataclass
class VmServer(FollowUpServer):
    """`early` are volumes for which an attachment came while their VM was not back."""

    early: list[str] = field(default_factory=list)

    def change(self, path: str, body: Any, job: str, api_timeout: float, fresh_until: float | None = None) -> object:
        if not self.rows[MACHINE].ready:
            self.early.append(path)
        return super().change(path, body, job, api_timeout, fresh_until)


class VmWorld(FollowUpWorld):
    """A destroyed VM, one volume that was deleted with it, and one that stayed."""

    server: VmServer

    def __init__(self, tmp_path: Path, volumes: int = 2) -> None:
        super().__init__(tmp_path, volumes)
        self.server = VmServer(self.clock)
        self.server.add(self.uuids)
        self.server.add([MACHINE], VM)
        self.server.recover_by_hand(self.uuids[0])

    def targets(self, *uuids: str) -> list[Target]:
        del uuids
        volumes = [Target(uuid, uuid, number, vm=MACHINE) for number, uuid in enumerate(self.uuids, 1)]
        return [Target("web", MACHINE, kind=VM), *volumes]

    def run(self, request: Request = REQUEST, **options: Any) -> dict[str, Result]:
        return {result.uuid or "": result for result in self.recover(request=request, **options)}

    @property
    def attached(self) -> list[str]:
        return [uuid for uuid in self.uuids if self.server.on.get(uuid) == MACHINE]


@pytest.fixture
def world(tmp_path: Path) -> VmWorld:
    return VmWorld(tmp_path)


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
    strict = replace(REQUEST, strict=True)
    assert {result.exit for result in world.run(strict).values()} == {Exit.OK}
    assert world.run(strict)[MACHINE].exit is Exit.FAILED


def stop_before_the_vm_is_back(world: VmWorld, request: Request = REQUEST) -> None:
    world.server.vm_seconds = 4.0
    world.clock.at(world.clock.now + 2.0, lambda: world.engine.stop())
    world.run(request)
    assert world.server.posted == {}


def test_strict_is_remembered_by_resume(world: VmWorld) -> None:
    stop_before_the_vm_is_back(world, replace(REQUEST, strict=True))
    assert {result.exit for result in world.resume()} == {Exit.OK}


def test_a_volume_that_is_on_another_vm_by_then_is_left_there(world: VmWorld) -> None:
    world.server.vm_seconds = 20.0
    world.clock.at(world.clock.now + 5.0, lambda: world.server.on.update({world.uuids[0]: OTHER_VM}))
    results = world.run()
    assert results[world.uuids[0]].warnings == (
        f"not attached to VM {MACHINE}: it is on VM {OTHER_VM}, and was left there",
    )
    assert (results[world.uuids[0]].exit, world.attached) == (Exit.FAILED, world.uuids[1:])


def test_a_volume_that_was_there_and_is_deleted_meanwhile_is_not_brought_back(world: VmWorld) -> None:
    shown = world.server.inventory(world.uuids[0]).last_op_date
    world.server.delete(world.uuids[0])
    found = [replace(one, shown=shown) if one.uuid == world.uuids[0] else one for one in world.targets()]
    world.targets = lambda *_uuids: found  # type: ignore[method-assign]
    results = world.run()
    assert (results[world.uuids[0]].outcome, world.server.rows[world.uuids[0]].status) == ("failed", "Deleted")
    assert world.attached == world.uuids[1:]


def test_a_dry_run_neither_claims_nor_attaches(world: VmWorld) -> None:
    results = world.run(replace(REQUEST, dry_run=True))
    assert [results[uuid].outcome for uuid in (MACHINE, *world.uuids)] == ["would-recover", "already", "would-recover"]
    assert (world.used_journal, world.server.posted) == (False, {})


def test_a_vm_that_took_long_leaves_them_their_time(world: VmWorld) -> None:
    world.server.fault = lambda kind, number: "refused" if kind == "put" and number <= 6 else None
    world.server.vm_seconds = 25.0
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
    world.run(replace(REQUEST, strict=True))
    world.server.fault = lambda _kind, _number: None
    world.server.recover_by_hand(world.uuids[1])
    results = {result.uuid or "": result for result in world.resume()}
    assert (results[world.uuids[1]].outcome, results[world.uuids[1]].exit) == ("already", Exit.OK)


# ---- claims ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("taken", ["vm", "stayed", "deleted"])
def test_another_run_is_on_one_of_them(taken: str, world: VmWorld) -> None:
    uuid = {"vm": MACHINE, "stayed": world.uuids[0], "deleted": world.uuids[1]}[taken]
    other = world.journal()
    run = other.begin(Identity("http://elsewhere", "account x"), Request(), 0.0)
    other.claim(run, [Claim(uuid, uuid, "then", VM if uuid == MACHINE else "volume")])
    keep = world.journals[:]
    world.journals.clear()
    results = world.run()
    busy = {one for one, result in results.items() if result.outcome is Outcome.BUSY}
    assert busy == ({MACHINE, *world.uuids} if taken == "vm" else {uuid})
    assert set(world.attached) == (set() if taken == "vm" else set(world.uuids) - busy)
    for journal in keep:
        journal.close()


def test_all_is_in_the_journal_before_the_first_request(world: VmWorld) -> None:
    seen: list[dict[str, tuple[str, tuple[str, ...]]]] = []

    def look(_uuid: str) -> None:
        journal = world.journal()
        [run] = journal.runs()
        left = journal.unfinished_volumes(run.id)
        seen.append({one.uuid: (one.state, tuple(step.value for step in one.follow_ups)) for one in left})

    world.server.on_submit = look
    world.run()
    first, second = world.uuids
    assert seen[0] == {MACHINE: ("open", ()), first: ("followups", (MACHINE,)), second: ("open", (MACHINE,))}


def test_a_volume_that_is_only_attached_keeps_what_an_earlier_run_sent_for_it(world: VmWorld) -> None:
    """It may still act, and belongs to the run that sent it."""
    stayed = world.uuids[0]
    journal = world.journal()
    run = journal.begin(world.identity, Request(), 0.0)
    journal.claim(run, [Claim(stayed, stayed, "then")])
    journal.record_intents([(run, stayed, Intent("1" * 32, "then"))], 0.0)
    world.close()
    assert world.run()[stayed].outcome == "already"
    assert world.attached == world.uuids
    journal = world.journal()
    assert [(one.uuid, one.job) for one in journal.forget(run, 1.0) or ()] == [(stayed, "1" * 32)]


def test_a_claim_that_is_only_for_a_follow_up(world: VmWorld) -> None:
    journal = world.journal()
    run = journal.begin(world.identity, Request(vms=True), 0.0)
    claim = Claim("a" * 32, "a", "then", follow_ups=(("attach", MACHINE),), vm=MACHINE, outcome="already")
    journal.claim(run, [claim])
    [left] = journal.unfinished_volumes(run)
    assert (left.state, left.outcome, left.vm) == ("followups", "already", MACHINE)
