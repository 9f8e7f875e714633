"""What comes back with a VM is claimed with it: another run on it is busy, for as long as the VM is unfinished."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from zvol.journal.journal import Journal
from zvol.journal.records import Claim, Claims, Holder, Identity
from zvol.journal.request import Request
from zvol.model import VM

NOW = 1_795_000_000.0
BASE = "http://h:1/zstack"
ME = Identity(BASE, "account test")
NOTHING = Claims({}, {}, frozenset())
INSTANCE, ROOT = "a" * 32, "b" * 32
WITH_ROOT = Claim(INSTANCE, "web", "then", VM, (ROOT,))
ALONE = Claim(ROOT, "root", "then")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of one process; `other` is that of another one."""
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


@pytest.fixture
def other(journal: Journal) -> Iterator[Journal]:
    other = Journal(journal.path)
    yield other
    other.close()


def begin(journal: Journal, *claims: Claim) -> str:
    run = journal.begin(ME, Request(), NOW)
    assert journal.claim(run, claims) == NOTHING
    return run


@pytest.mark.parametrize("second", [ALONE, WITH_ROOT, Claim(INSTANCE, "web", "then", VM)])
def test_the_root_volume_of_a_vm_is_held_while_the_vm_is_unfinished(
    journal: Journal, other: Journal, second: Claim
) -> None:
    run = begin(journal, WITH_ROOT)
    theirs = other.begin(ME, Request(), NOW)
    assert other.claim(theirs, [second]).busy == {second.uuid: Holder(run, BASE)}
    journal.record_outcome(run, INSTANCE, "recovered", settled=True)
    journal.flush()
    assert other.claim(theirs, [second]) == NOTHING


def test_a_vm_is_busy_while_its_root_volume_is(journal: Journal, other: Journal) -> None:
    run = begin(journal, ALONE)
    theirs = other.begin(ME, Request(), NOW)
    assert other.claim(theirs, [WITH_ROOT]).busy == {INSTANCE: Holder(run, BASE)}


def test_the_root_volume_is_no_work_of_its_own(journal: Journal) -> None:
    run = begin(journal, WITH_ROOT)
    assert [one.uuid for one in journal.unfinished_volumes(run)] == [INSTANCE]
    assert journal.runs()[0].unfinished == 1
    journal.record_outcome(run, INSTANCE, "recovered", settled=True)
    journal.finish(NOW, run)
    assert journal.runs()[0].ended == NOW


def test_a_dead_run_holds_nothing_until_it_is_resumed(journal: Journal, other: Journal) -> None:
    run = begin(journal, WITH_ROOT)
    journal.locks.release_all()
    assert other.adopt([run], ME).volumes[0].uuid == INSTANCE
    theirs = journal.begin(ME, Request(), NOW)
    assert journal.claim(theirs, [ALONE]).busy == {ROOT: Holder(run, BASE)}


def test_a_volume_that_comes_back_with_a_busy_vm_is_busy_wherever_it_is_claimed(
    journal: Journal, other: Journal
) -> None:
    begin(journal, WITH_ROOT)
    theirs = other.begin(ME, Request(), NOW)
    data = Claim("c" * 32, "data", "then", vm=INSTANCE)
    assert other.claim(theirs, [data, WITH_ROOT, ALONE]).busy.keys() == {INSTANCE, ROOT, data.uuid}


def test_a_resumed_vm_is_busy_when_its_root_volume_is_being_recovered(journal: Journal, other: Journal) -> None:
    run = begin(journal, WITH_ROOT)
    journal.locks.release_all()
    theirs = begin(other, ALONE)
    [left] = journal.adopt([run], ME).volumes
    assert left.holder == Holder(theirs, BASE)


def test_a_volume_of_the_same_run_keeps_its_own_row(journal: Journal) -> None:
    for claims in ([WITH_ROOT, ALONE], [ALONE, WITH_ROOT]):
        run = begin(journal, *claims)
        assert {one.uuid for one in journal.unfinished_volumes(run)} == {INSTANCE, ROOT}
        journal.forget(run, NOW)
