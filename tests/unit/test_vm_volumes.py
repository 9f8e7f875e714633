"""Which data volumes were on a VM when it was destroyed: each condition decides alone."""

from __future__ import annotations

from typing import Any

import pytest

from zvol.catalog.vm_volumes import find_vm_volumes, last_volumes, on_it
from zvol.errors import TransientError
from zvol.model import Volume
from zvol.vm_instance import VmInstance
from zvol.zstack.versions import UNKNOWN_RELEASE, Release

VM = "1" * 32
OTHER = "2" * 32
DESTROYED = "Nov 25, 2026 11:46:46 PM"


def vm(**fields: Any) -> VmInstance:
    return VmInstance(VM, {"uuid": VM, "state": "Destroyed", "lastOpDate": DESTROYED, "allVolumes": []} | fields)


def volume(uuid: str = "a" * 32, **fields: Any) -> Volume:
    """Return a volume that was on the VM when it was destroyed, unless fields say otherwise; None: absent."""
    inventory = {
        "uuid": uuid,
        "name": "data",
        "type": "Data",
        "status": "Ready",
        "installPath": "/data.qcow2",
        "primaryStorageUuid": "5" * 32,
        "isShareable": False,
        "lastVmInstanceUuid": VM,
        "lastAttachDate": "Nov 20, 2026 10:00:00 AM",
        "lastOpDate": DESTROYED,
    } | fields
    return Volume(uuid, {name: value for name, value in inventory.items() if value is not None})


def doubt(one: Volume, machine: VmInstance | None = None, *, trusted: bool = True) -> str | None:
    [found] = last_volumes(machine or vm(), [one], trusted=trusted)
    return found.doubt


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"lastDetachDate": "Nov 20, 2026 9:59:59 AM"},
        {"status": "Deleted"},
        {"status": "Deleted", "lastOpDate": "Nov 25, 2026 11:47:46 PM"},
        {"status": "Deleted", "lastOpDate": "Nov 25, 2026 11:45:46 PM"},
        {"lastOpDate": "Nov 26, 2026 11:46:46 PM"},
    ],
)
def test_it_was_on_the_vm(fields: dict[str, Any]) -> None:
    assert doubt(volume(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"vmInstanceUuid": OTHER}, "it is attached to another VM"),
        ({"vmInstanceUuid": VM}, "it is attached to it"),
        ({"isShareable": True}, "shareable"),
        ({"isShareable": None}, "shareable"),
        ({"lastAttachDate": None}, "when it was attached"),
        ({"lastAttachDate": "soon"}, "when it was attached"),
        ({"lastDetachDate": "later"}, "when it was attached or detached"),
        ({"lastDetachDate": "Nov 20, 2026 10:00:00 AM"}, "detached from the VM before"),
        ({"lastDetachDate": "Nov 24, 2026 10:00:00 AM"}, "detached from the VM before"),
        ({"status": "Deleted", "lastOpDate": "Nov 25, 2026 11:47:47 PM"}, "at another time"),
        ({"status": "Deleted", "lastOpDate": "Nov 25, 2026 11:45:45 PM"}, "at another time"),
        ({"status": "Deleted", "lastOpDate": None}, "at another time"),
        ({"status": "Deleted", "primaryStorageUuid": None}, "destruction has begun"),
    ],
)
def test_it_was_not_or_that_is_not_known(fields: dict[str, Any], why: str) -> None:
    assert why in (doubt(volume(**fields)) or "")


@pytest.mark.parametrize("deleted", ["Nov 25, 2026 11:47:47 PM", "Nov 25, 2026 11:45:45 PM"])
def test_a_new_name_of_volume_or_vm_leaves_it_undecided(deleted: str) -> None:
    """It moves the date of the one that was changed."""
    [found] = last_volumes(vm(), [volume(status="Deleted", lastOpDate=deleted)], trusted=True)
    assert (found.undecided, "or one of them was changed since" in (found.doubt or "")) == (True, True)


def test_a_server_that_may_forget_destroyed_vms_is_not_believed() -> None:
    assert "before 4.8" in (doubt(volume(), trusted=False) or "")


@pytest.mark.parametrize("machine", [vm(state="Stopped"), vm(lastOpDate=None)])
def test_when_the_vm_was_destroyed_is_not_known(machine: VmInstance) -> None:
    assert "at another time" in (doubt(volume(status="Deleted"), machine) or "")
    assert doubt(volume(), machine) is None


@pytest.mark.parametrize(
    ("destroyed", "why"),
    [
        ("2026-11-25 23:45:46", None),
        ("2026-11-25 23:47:46", None),
        ("2026-11-25 23:45:45", "at another time than the VM was destroyed"),
        ("2026-11-25 23:47:47", "at another time than the VM was destroyed"),
        (None, "the journal of this zvol has no recovery of it"),
        ("soon", "is not known"),
    ],
)
def test_of_a_vm_that_is_back_it_is_what_the_journal_remembers(destroyed: str | None, why: str | None) -> None:
    root = {"uuid": "9" * 32, "status": "Ready"}
    back = vm(state="Running", lastOpDate="Nov 26, 2026 9:00:00 AM", rootVolumeUuid="9" * 32, allVolumes=[root])
    [found] = last_volumes(back, [volume(status="Deleted")], trusted=True, destroyed=destroyed)
    assert found.doubt is None if why is None else why in (found.doubt or "")
    assert found.undecided is (why is not None)
    assert ("the journal" in (found.doubt or "")) is (destroyed is None)


def test_of_a_destroyed_vm_it_is_what_the_server_says() -> None:
    deleted = volume(status="Deleted")
    [found] = last_volumes(vm(), [deleted], trusted=True, destroyed="2026-11-20 10:00:00")
    assert found.doubt is None
    [found] = last_volumes(vm(lastOpDate=None), [deleted], trusted=True)
    assert "the journal" not in (found.doubt or "")


def test_only_data_volumes_that_name_the_vm_and_those_that_were_on_it_first() -> None:
    given = [
        volume("a" * 32, name="b", lastDetachDate=DESTROYED),
        volume("b" * 32, name="c"),
        volume("c" * 32, lastVmInstanceUuid=OTHER),
        volume("d" * 32, lastVmInstanceUuid=None),
        volume("e" * 32, type="Root"),
        volume("f" * 32, name="a"),
    ]
    found = last_volumes(vm(), given, trusted=True)
    assert [one.volume.uuid[0] for one in found] == ["f", "b", "a"]
    assert [one.uuid[0] for one in on_it(found)] == ["f", "b"]


@pytest.mark.parametrize(
    ("fields", "commands"),
    [
        ({}, [f"attach {'a' * 32} {VM}"]),
        ({"status": "Deleted"}, [f"recover {'a' * 32}", f"attach {'a' * 32} {VM}"]),
        ({"vmInstanceUuid": OTHER}, []),
        ({"status": "Deleted", "primaryStorageUuid": None}, []),
    ],
)
def test_what_to_type(fields: dict[str, Any], commands: list[str]) -> None:
    whole = vm(rootVolumeUuid="9" * 32, allVolumes=[{"uuid": "9" * 32, "status": "Deleted"}])
    [found] = last_volumes(whole, [volume(**fields)], trusted=False)
    assert list(found.commands(whole)) == commands
    assert list(found.commands(vm())) == [one for one in commands if one.startswith("recover")]


class Cloud:
    """Answers one list; counts what is asked."""

    def __init__(self, release: str | None) -> None:
        self.release = release
        self.asked: list[object] = []

    def version(self) -> Release:
        self.asked.append("version")
        if self.release is None:
            raise TransientError("no")
        return Release.parse(self.release)

    def list_volumes(self, conditions: list[str]) -> list[Volume]:
        self.asked.append(conditions)
        return [volume()]


QUERY = [f"lastVmInstanceUuid={VM}", "type=Data"]


@pytest.mark.parametrize(
    ("release", "asked", "on"),
    [
        ("5.2.1", ["version", QUERY], 1),
        ("4.8.0", ["version", QUERY], 1),
        ("4.4.65", ["version", QUERY], 0),
        ("3.10.40", ["version"], 0),
        (None, ["version", QUERY], 0),
    ],
)
def test_what_each_release_is_asked(release: str | None, asked: list[object], on: int) -> None:
    cloud: Any = Cloud(release)
    found = find_vm_volumes(cloud, vm())
    assert (cloud.asked, len(on_it(found))) == (asked, on)
    cloud.asked.clear()
    find_vm_volumes(cloud, vm(), UNKNOWN_RELEASE)
    assert cloud.asked == [QUERY]
