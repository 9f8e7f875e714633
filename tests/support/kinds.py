"""The kinds of what zvol recovers, so that one test can be about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.process import Sandbox
from zvol.sandbox.names import extra_uuid


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is the `target` of its results; `option` of the tests' sandbox says how many of it were deleted.

    `recovery`, `update`, `expunge` are the keys of its actions.
    """

    name: str
    option: str
    path: str
    field: str
    lost: str
    recovery: str
    update: str
    expunge: str

    def uuid(self, number: int) -> str:
        return extra_uuid(number) if self is VOLUMES else extra_vm(number)

    def arguments(self, uuids: Sequence[str]) -> list[str]:
        """Return the arguments of `zvol recover` for them."""
        return list(uuids) if self is VOLUMES else [word for uuid in uuids for word in ("--vm", uuid)]

    def deleted(self, cloud: Sandbox, uuid: str) -> bool | None:
        """Tell whether one is deleted now; None when it is gone."""
        return self.all_deleted(cloud, [uuid])[uuid]

    def all_deleted(self, cloud: Sandbox, uuids: Sequence[str]) -> dict[str, bool | None]:
        """Tell the same of many; a VM is back with its root volume, and gone with it."""
        found = cloud.call("GET", f"{self.path}?q=uuid?={','.join(uuids)}")[1]["inventories"]
        deleted = {one["uuid"]: one[self.field] == self.lost or _root(one) == "Deleted" for one in found if _root(one)}
        return {uuid: deleted.get(uuid) for uuid in uuids}


def _root(found: dict[str, Any]) -> str | None:
    """Return the status of the root volume of a VM, None when that is no more; of a volume its own."""
    volumes = found.get("allVolumes", [found])
    statuses = {one["uuid"]: str(one["status"]) for one in volumes}
    return statuses.get(found.get("rootVolumeUuid", found["uuid"]))


VOLUMES = Kind(
    *("volume", "--extra", "/v1/volumes", "status", "Deleted"),
    *("recoverDataVolume", "updateVolume", "expungeDataVolume"),
)
VMS = Kind(
    *("vm", "--extra-vms", "/v1/vm-instances", "state", "Destroyed"),
    *("recoverVmInstance", "updateVmInstance", "expungeVmInstance"),
)
KINDS = {kind.name: kind for kind in (VOLUMES, VMS)}


# ---- the destroyed VMs of the tests' sandbox -----------------------------------------------------------------------
def extra_vm(number: int) -> str:
    """Return the UUID of the destroyed VM with this number, counted from 1."""
    return _uuid(1, number)


def extra_root(number: int) -> str:
    return _uuid(2, number)


def kept_with(vm: str) -> str:
    """Return the data volume that was on a destroyed VM and was kept."""
    return _uuid(3, int(vm[-12:], 16))


def deleted_with(vm: str) -> str:
    """Return the data volume that was on a destroyed VM and was deleted with it."""
    return _uuid(4, int(vm[-12:], 16))


def _uuid(what: int, number: int) -> str:
    return f"{0xB0A70000 + what:08x}c0de4b1e8a5e{number:012x}"
