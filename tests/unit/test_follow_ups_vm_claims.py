"""Volumes that a VM brings along are claimed with it, and the journal has them before the first request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.vms import MACHINE, VmWorld
from zvol.journal.records import Claim, Identity, Intent
from zvol.journal.request import Request
from zvol.model import VM, Outcome


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VmWorld]:
    made = VmWorld(tmp_path)
    yield made
    made.close()


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
