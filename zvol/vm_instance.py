"""A VM and its volumes as the server sent them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zvol.model import READY, Volume
from zvol.resource import Resource

VM_FIELDS: tuple[str, ...] = (
    "uuid",
    "name",
    "description",
    "state",
    "zoneUuid",
    "clusterUuid",
    "hostUuid",
    "lastHostUuid",
    "imageUuid",
    "instanceOfferingUuid",
    "rootVolumeUuid",
    "defaultL3NetworkUuid",
    "cpuNum",
    "memorySize",
    "platform",
    "hypervisorType",
    "createDate",
    "lastOpDate",
    "vmNics",
    "allVolumes",
)
"""The documented fields of a VmInstanceInventory: always in zvol's JSON, null when the server sent none."""

DESTROYED: Final = "Destroyed"
"""The state of a VM in the recycle bin."""

DESTROYED_STATES: Final = (DESTROYED, "Destroying", "Expunging")
"""The states of a VM that is in the recycle bin, on its way there, or on its way out of it."""


class VmInstance(Resource):
    """A VmInstanceInventory."""

    __slots__ = ()

    @property
    def state(self) -> str | None:
        return self.text("state")

    @property
    def host(self) -> str | None:
        """The UUID of the host that it is on, or was last on."""
        return self.text("hostUuid") or self.text("lastHostUuid")

    @property
    def complete(self) -> bool:
        """Whether the server listed its volumes; otherwise nothing is known about its root volume."""
        found = self.fields.get("allVolumes")
        return isinstance(found, list) and all(isinstance(one, Mapping) for one in found)

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """Its root volume and the data volumes that are attached; a destroyed VM keeps its root volume only."""
        entries = self.fields["allVolumes"] if self.complete else ()
        return tuple(Volume(one["uuid"], one, self.asked_at) for one in entries if isinstance(one.get("uuid"), str))

    @property
    def root(self) -> Volume | None:
        """Its root volume; None if that was destroyed, because the VM cannot be recovered then."""
        return next((one for one in self.volumes if one.uuid == self.text("rootVolumeUuid")), None)

    @property
    def deleted(self) -> bool:
        """Whether the VM or its root volume is deleted: the server recovers the root volume first, then the VM."""
        return self.state in DESTROYED_STATES or self.root is None or self.root.status != READY

    @property
    def gone(self) -> bool:
        return self.root is None

    @property
    def parts(self) -> tuple[str, ...]:
        return () if self.root is None else (self.root.uuid,)

    @property
    def shown(self) -> str:
        return f"state {self.state}, {f'root volume {self.root.status}' if self.root else 'no root volume'}"

    @property
    def half_expunged(self) -> bool:
        return self.root is not None and self.root.half_expunged

    @property
    def lost(self) -> bool:
        """Whether its root volume is destroyed or being destroyed, so that the VM cannot be recovered."""
        return self.gone or (self.deleted and self.half_expunged)

    def inventory(self) -> dict[str, Any]:
        return self._inventory(VM_FIELDS)
