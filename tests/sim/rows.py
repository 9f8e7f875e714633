"""What the server in memory has in its database: volumes and VMs, and how it shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zvol.model import VOLUME, Volume
from zvol.resource import Resource
from zvol.vm_instance import VmInstance
from zvol.zstack.resource_kinds import KINDS


@dataclass
class Row:
    """A volume or VM; `deletions` counts its deletions.

    `earlier`: from when to when it was there before.  `root`: the status of a VM's root volume where that is not
    the one of the VM, empty when it was destroyed, which was `lost_at` that time.
    """

    status: str = "Deleted"
    kind: str = VOLUME
    root: str | None = None
    last_op: int = 0
    deletions: int = 0
    executed: list[str] = field(default_factory=list)
    deleted_at: float = -1.0
    back_at: float = -1.0
    lost_at: float = -1.0
    earlier: list[tuple[float, float]] = field(default_factory=list)

    @property
    def lost(self) -> bool:
        return self.root == ""

    @property
    def ready(self) -> bool:
        """It is back; a VM with its root volume."""
        return self.status == "Ready" and self.root is None

    def was_ready(self, when: float) -> bool:
        """Tell whether it was there at a time, now or before one of its deletions."""
        return (self.ready and self.back_at <= when) or any(back <= when <= end for back, end in self.earlier)

    # ---- what other people do ------------------------------------------------------------------------------------
    def delete(self, now: float) -> None:
        if self.ready:
            self.earlier.append((self.back_at, now))
        self.status, self.root, self.deleted_at = "Deleted", None, now
        self.last_op, self.deletions = self.last_op + 1, self.deletions + 1
        self.executed.clear()

    def destroy_half(self, now: float) -> None:
        """The destroy of a VM is interrupted: its root volume is deleted, and it is found stopped after that."""
        self.delete(now)
        self.status, self.root = "Ready", "Deleted"

    def lose_root(self, now: float) -> None:
        """The root volume of a destroyed VM is destroyed: the VM cannot come back."""
        self.root, self.lost_at = "", now

    def recover(self, now: float) -> None:
        self.status, self.root, self.last_op, self.back_at = "Ready", None, self.last_op + 1, now

    # ---- how the server shows it ---------------------------------------------------------------------------------
    def inventory(self, uuid: str, now: float) -> Resource:
        minute, second = divmod(self.last_op, 60)
        fields: dict[str, Any] = {
            "uuid": uuid,
            "name": f"{KINDS[self.kind].noun} {uuid[:4]}",
            "readAt": now,
            "lastOpDate": f"Nov 23, 2026 9:{minute % 60:02}:{second:02} PM",
        }
        storage = {"installPath": f"/ps/{uuid}", "primaryStorageUuid": "f" * 32}
        if self.kind == VOLUME:
            return Volume(uuid, fields | storage | {"type": "Data", "status": self.status}, now)
        root = {"uuid": root_of(uuid), "type": "Root", "status": self.status if self.root is None else self.root}
        state = "Destroyed" if self.status == "Deleted" else "Stopped"
        volumes = [] if self.lost else [root | storage]
        return VmInstance(uuid, fields | {"state": state, "rootVolumeUuid": root_of(uuid), "allVolumes": volumes}, now)


def root_of(uuid: str) -> str:
    """Return the UUID of the root volume of a VM."""
    return "e" + uuid[1:]
