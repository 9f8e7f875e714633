"""The rows of volumes and of VMs, as `list` and `show` present them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zvol.model import Volume
from zvol.row import Row
from zvol.vm_instance import VmInstance


@dataclass(frozen=True, slots=True)
class VolumeRow(Row[Volume]):
    """A row of a volume; `on_vm` is the name of the VM that it is on, None if unknown."""

    on_vm: str | None = None

    @property
    def volume(self) -> Volume:
        return self.resource

    def names(self) -> dict[str, Any]:
        certain = None if self.last_vm_doubt is None else not self.last_vm_doubt
        named = self.last_vm if self.volume.text("lastVmInstanceUuid") else None
        return {"lastVm": named, "lastVmCertain": certain, "vm": self.on_vm, **Row.names(self)}


@dataclass(frozen=True, slots=True)
class VmRow(Row[VmInstance]):
    """A row of a VM; `data_volumes` are JSON objects of the volumes that were on it, None if not looked up."""

    data_volumes: tuple[Mapping[str, Any], ...] | None = None

    @property
    def vm(self) -> VmInstance:
        return self.resource

    def json(self) -> dict[str, Any]:
        found = Row.json(self)
        if self.data_volumes is not None:
            found |= {"dataVolumes": list(self.data_volumes), "notes": list(self.notes)}
        return found
