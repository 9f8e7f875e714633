"""The data volumes that were on a VM when it was destroyed, from what the server remembers; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from zvol.model import Volume
from zvol.vm_instance import DESTROYED, VmInstance
from zvol.zstack.dates import parse_server_date
from zvol.zstack.last_vm import release_of
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.versions import NO_LAST_VM, Feature, Release

if TYPE_CHECKING:
    from zvol.zstack.client import Client

DESTROY_SLACK: Final = 60
"""Seconds within which the destruction of a VM deletes its volumes, if it deletes them."""

VM_LOST: Final = "the VM cannot come back"
NOT_TOLD: Final = "whether it was deleted when the VM was destroyed, or at another time, is not known"
NOT_REMEMBERED: Final = f"{NOT_TOLD} (the VM is back, and the journal of this zvol has no recovery of it)"
APART: Final = "it was deleted at another time than the VM was destroyed, or one of them was changed since"


@dataclass(frozen=True, slots=True)
class LastVolume:
    """A data volume whose last VM is certain; `doubt` is why it is not attached to it again, None if it is.

    `undecided`: it may have been on the VM when that was destroyed.
    """

    volume: Volume
    doubt: str | None = None
    undecided: bool = False

    def commands(self, vm: VmInstance) -> tuple[str, ...]:
        """Return what to type after `zvol` to recover it, and to attach it to the VM if that is recoverable.

        Empty for a volume that is elsewhere.
        """
        if self.volume.text("vmInstanceUuid") is not None or self.volume.half_expunged:
            return ()
        recover = (f"recover {self.volume.uuid}",) if self.volume.deleted else ()
        return recover if vm.lost else (*recover, f"attach {self.volume.uuid} {vm.uuid}")


def find_vm_volumes(client: Client, vm: VmInstance, release: Release | None = None) -> tuple[LastVolume, ...]:
    """Return the data volumes whose last VM is this VM, first those that were on it when it was destroyed.

    Servers before 4.4 remember none. `release` is that of the server, looked up if it is not given. Raises what the
    client raises for a list.
    """
    release = release_of(client.version) if release is None else release
    if release.has(Feature.LAST_VM) is False:
        return ()
    found = client.list_volumes([f"lastVmInstanceUuid={vm.uuid}", "type=Data"])
    return last_volumes(vm, found, trusted=release.has(Feature.LAST_VM_AFTER_DESTROY) is True)


def last_volumes(
    vm: VmInstance, volumes: Iterable[Volume], *, trusted: bool, destroyed: str | None = None
) -> tuple[LastVolume, ...]:
    """Return those of the volumes whose last VM is this VM.

    `trusted`: the server certainly remembers destroyed VMs. `destroyed` is the lastOpDate that a VM had before it was
    recovered, None if unknown.
    """
    destroyed = vm.last_op_date if vm.state == DESTROYED else destroyed
    own = [one for one in volumes if one.text("lastVmInstanceUuid") == vm.uuid and one.type == "Data"]
    known = [LastVolume(one, *_doubt(vm, one, destroyed, trusted=trusted)) for one in own]
    return tuple(sorted(known, key=lambda one: (one.doubt is not None, one.volume.name, one.volume.uuid)))


def forgetful(release: Release) -> str:
    """Return what a release does not remember about the volumes of destroyed VMs, empty if it remembers all."""
    if release.has(Feature.LAST_VM) is False:
        return f"which data volumes were on it is not known: {NO_LAST_VM}"
    if release.has(Feature.LAST_VM_AFTER_DESTROY) is False:
        return "more data volumes may have been on it: ZStack before 4.8 does not remember those of a destroyed VM"
    if release.has(Feature.LAST_VM_AFTER_DESTROY) is None:
        return "more data volumes may have been on it: it is not known whether this server remembers them"
    return ""


def on_it(volumes: Sequence[LastVolume]) -> tuple[Volume, ...]:
    """Return the volumes that were on the VM when it was destroyed."""
    return tuple(one.volume for one in volumes if one.doubt is None)


def _doubt(vm: VmInstance, volume: Volume, destroyed: str | None, *, trusted: bool) -> tuple[str | None, bool]:
    """Return why the volume is not attached to the VM again, and whether it may have been on it at the end."""
    if volume.text("vmInstanceUuid") is not None:
        there = volume.text("vmInstanceUuid") == vm.uuid
        return "it is attached to it" if there else "it is attached to another VM", False
    if volume.half_expunged:
        return "its destruction has begun", False
    if not trusted:
        return "this server does not tell whether it was on the VM to the end (ZStack before 4.8)", True
    if volume.fields.get("isShareable") is not False:
        return "it is shareable, or may be", True
    attached, detached = _date(volume, "lastAttachDate"), _date(volume, "lastDetachDate")
    if attached is None or (detached is None and volume.fields.get("lastDetachDate") is not None):
        return "when it was attached or detached is not known", True
    if detached is not None and attached <= detached:
        return "it had been detached from the VM before", False
    return _deleted_apart(vm, volume, destroyed) if DATA_VOLUME.is_deleted(volume) else (None, False)


def _deleted_apart(vm: VmInstance, volume: Volume, destroyed: str | None) -> tuple[str | None, bool]:
    """Return whether the volume was deleted when the VM was destroyed.

    Any change updates the date that shows it, even a new name.
    """
    at, deleted = parse_server_date(destroyed or ""), _date(volume, "lastOpDate")
    if at is None or deleted is None:
        return NOT_TOLD if vm.deleted or destroyed else NOT_REMEMBERED, True
    apart = abs((deleted - at).total_seconds()) > DESTROY_SLACK
    return (APART, True) if apart else (None, False)


def _date(resource: Any, name: str) -> datetime | None:
    return parse_server_date(resource.text(name) or "")
