"""The volumes that come back with a VM are bound to what the look-up showed; an odd answer stops it."""

from __future__ import annotations

from typing import Any

import pytest

from zvol.catalog.reattach import Notes, find_reattached
from zvol.errors import CannotTell, Exit, Refused, TransientError, ZvolError
from zvol.model import VM, Target, Volume
from zvol.vm_instance import VmInstance
from zvol.zstack.resources import Resources
from zvol.zstack.versions import Release

MACHINE, OTHER, ROOT = "1" * 32, "2" * 32, "3" * 32
DESTROYED = "Nov 25, 2026 11:46:46 PM"
TARGET = Target("web", MACHINE, 4, kind=VM)


class Cloud:
    """Answers the look-ups; `release` is what getVersion tells, None when it tells none."""

    def __init__(self, release: str | None = "5.2.1", *volumes: Volume) -> None:
        self.release, self.volumes = release, list(volumes)
        self.unclear: frozenset[str] = frozenset()
        self.refused = False
        self.root: dict[str, str] | None = {"uuid": ROOT, "type": "Root", "status": "Deleted"}
        self.state = "Destroyed"
        self.asked: list[object] = []

    def version(self) -> Release:
        if self.release is None:
            raise CannotTell("it does not tell")
        return Release.parse(self.release)

    def read_resources(self, uuids: list[str], **_how: object) -> Resources[VmInstance]:
        self.asked.append(uuids)
        volumes = [self.root] if self.root else []
        fields = {"state": self.state, "lastOpDate": DESTROYED, "rootVolumeUuid": ROOT, "allVolumes": volumes}
        found = {uuid: VmInstance(uuid, fields) for uuid in uuids if uuid not in self.unclear}
        return Resources(found, self.unclear)

    def list_volumes(self, conditions: list[str]) -> list[Volume]:
        self.asked.append(conditions)
        if self.refused:
            raise Refused("no such field")
        return self.volumes


def volume(number: int, vm: str = MACHINE, **fields: Any) -> Volume:
    uuid = f"{number:032x}"
    known = {"uuid": uuid, "name": f"data-{number}", "type": "Data", "status": "Ready", "isShareable": False}
    dates = {"lastAttachDate": "Nov 20, 2026 10:00:00 AM", "lastOpDate": f"Nov 2{number}, 2026 10:00:00 AM"}
    return Volume(uuid, known | dates | {"lastVmInstanceUuid": vm} | fields)


def find(cloud: Any, *targets: Target, destroyed: str | None = None) -> Any:
    return find_reattached(cloud, targets or (TARGET,), lambda _vm: destroyed)


def test_vm_and_volumes_are_bound_to_what_was_read() -> None:
    deleted = volume(2, status="Deleted", lastOpDate=DESTROYED, installPath="/x", primaryStorageUuid="f" * 32)
    found = find(Cloud("5.2.1", volume(1), deleted))
    assert found.targets == (
        Target("web", MACHINE, 4, DESTROYED, VM),
        Target(f"{1:032x}", f"{1:032x}", 4, "Nov 21, 2026 10:00:00 AM", vm=MACHINE),
        Target(f"{2:032x}", f"{2:032x}", 4, DESTROYED, vm=MACHINE),
    )
    [shown] = find(Cloud(), Target("web", MACHINE, shown="then", kind=VM)).targets
    assert shown.shown == "then", "a name means what the name was found for"


def test_two_vms_are_looked_up_together_and_each_keeps_its_own() -> None:
    cloud = Cloud("5.2.1", volume(1, OTHER), volume(2), volume(3, "4" * 32))
    found = find(cloud, TARGET, Target("db", OTHER, 5, kind=VM))
    assert [(one.uuid[-1], one.vm) for one in found.targets] == [("1", None), ("2", MACHINE), ("2", None), ("1", OTHER)]
    assert cloud.asked == [[MACHINE, OTHER], [f"lastVmInstanceUuid?={MACHINE},{OTHER}", "type=Data"]]


def test_a_volume_that_is_on_the_vm_again_needs_no_word() -> None:
    found = find(Cloud("5.2.1", volume(1, vmInstanceUuid=MACHINE)))
    assert (len(found.targets), found.notes[MACHINE].warnings, found.notes[MACHINE].undecided) == (1, (), False)


def test_a_date_that_is_not_told_leaves_it_undecided() -> None:
    found = find(Cloud("5.2.1", volume(1, lastAttachDate="soon")))
    assert (len(found.targets), found.notes[MACHINE].undecided) == (1, True)


def test_a_vm_that_cannot_be_read_stops_it() -> None:
    cloud = Cloud()
    cloud.unclear = frozenset([MACHINE])
    with pytest.raises(ZvolError) as raised:
        find(cloud)
    assert (raised.value.exit, "does not cover all VMs" in raised.value.message) == (Exit.UNREACHABLE, True)


@pytest.mark.parametrize(("release", "queried"), [(None, True), ("6.0", True), ("4.4.65", True), ("3.10.40", False)])
def test_a_server_that_cannot_tell_attaches_none(release: str | None, queried: bool) -> None:
    cloud = Cloud(release, volume(1))
    found = find(cloud)
    assert (len(found.targets), found.notes[MACHINE].undecided, len(cloud.asked)) == (1, True, 1 + queried)
    text, *more = found.notes[MACHINE].warnings
    assert (f"`zvol attach {1:032x} {MACHINE}`" in text) == queried
    assert ["more data volumes may have been on it" in one for one in more] == [True] * queried


@pytest.mark.parametrize("release", [None, "6.0", "4.7.3", "4.4.65"])
def test_a_server_that_cannot_tell_and_names_no_volume(release: str | None) -> None:
    """It may have forgotten those that were on the VM."""
    notes = find(Cloud(release)).notes[MACHINE]
    assert (len(notes.warnings), notes.undecided) == (1, True)
    assert notes.warnings[0].startswith("more data volumes may have been on it: ")


def test_a_server_that_can_tell_and_names_no_volume() -> None:
    assert find(Cloud()).notes[MACHINE] == Notes()


@pytest.mark.parametrize(("release", "stops"), [(None, False), ("5.2.1", True)])
def test_a_server_that_does_not_know_the_field(release: str | None, stops: bool) -> None:
    cloud = Cloud(release)
    cloud.refused = True
    if stops:
        with pytest.raises(ZvolError):
            find(cloud)
    else:
        assert "ZStack before 4.4" in find(cloud).notes[MACHINE].warnings[0]


def test_nothing_is_asked_for_no_vm() -> None:
    cloud: Any = Cloud()
    cloud.version = None
    assert find_reattached(cloud, (), lambda _vm: None).targets == ()


def test_a_failed_version_stops_it_too() -> None:
    cloud: Any = Cloud()

    def version() -> Release:
        raise TransientError("no answer")

    cloud.version = version
    with pytest.raises(ZvolError) as raised:
        find(cloud)
    assert raised.value.exit is Exit.UNREACHABLE


LOST: dict[str, dict[str, str] | None] = {
    "gone": None,
    "half-expunged": {"uuid": ROOT, "type": "Root", "status": "Deleted", "installPath": "/root"},
}


@pytest.mark.parametrize("root", LOST)
def test_a_vm_that_cannot_come_back_leaves_nothing_undecided(root: str) -> None:
    """Its volumes are named, with the command that recovers them."""
    cloud = Cloud("5.2.1", volume(1, isShareable=True), volume(2, status="Deleted", lastOpDate=DESTROYED))
    cloud.root = LOST[root]
    found = find(cloud)
    assert [one.uuid for one in found.targets] == [MACHINE]
    assert (found.notes[MACHINE].undecided, len(found.notes[MACHINE].warnings)) == (False, 2)
    assert not any("attach " in text for text in found.notes[MACHINE].warnings)
    cloud.root = {"uuid": ROOT, "type": "Root", "status": "Ready", "installPath": "/root"}
    cloud.state = "Stopped"
    assert find(cloud).notes[MACHINE].undecided, "a VM that is back"


def test_of_a_vm_that_is_back_the_journal_knows_when_it_was_destroyed() -> None:
    cloud = Cloud("5.2.1", volume(2, status="Deleted", lastOpDate="Nov 20, 2026 10:00:00 AM", primaryStorageUuid="f"))
    assert len(find(cloud, destroyed="2026-11-20 10:00:00").targets) == 1, "it is destroyed: that date counts"
    cloud.root = {"uuid": ROOT, "type": "Root", "status": "Ready"}
    cloud.state = "Running"
    found = find(cloud, destroyed="2026-11-20 10:00:00")
    assert ([one.vm for one in found.targets], found.notes[MACHINE]) == ([None, MACHINE], Notes())
    assert (len(find(cloud).targets), find(cloud).notes[MACHINE].undecided) == (1, True)
