"""The resources: their tables, inventory fields in the order the server writes them, and links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from zvol.sandbox.versions import Behaviour


def _fields(text: str) -> dict[str, str]:
    """Return `name:kind` items as a mapping; an item without a kind is text."""
    return {name: kind or "text" for name, _, kind in (word.partition(":") for word in text.split())}


@dataclass(frozen=True, slots=True)
class Link:
    """An expanded field: `local` of this row equals `foreign` of a row of `target`."""

    target: str
    local: str
    foreign: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of row.  A field's kind is text, int, date, flag, json or `volumes` (nested, not stored).

    `vo` is its name in errors and tags; `owned` rows are visible to their account only.
    """

    java: str
    table: str
    fields: Mapping[str, str]
    vo: str = ""
    owned: bool = False
    where: str = "1"
    order: str = "uuid"
    links: Mapping[str, Link] = field(default_factory=dict)

    @property
    def stored(self) -> list[str]:
        return [name for name, kind in self.fields.items() if kind != "volumes"]

    @property
    def inventory(self) -> str:
        return self.java.rpartition(".")[2]


VOLUME_FIELDS: Final = _fields(
    "uuid name description primaryStorageUuid vmInstanceUuid diskOfferingUuid rootImageUuid installPath type format"
    " size:int actualSize:int deviceId:int state status createDate:date lastOpDate:date isShareable:flag volumeQos"
    " lastDetachDate:date lastVmInstanceUuid lastAttachDate:date protocol"
)
VM_FIELDS: Final = _fields(
    "uuid name description zoneUuid clusterUuid imageUuid hostUuid lastHostUuid instanceOfferingUuid rootVolumeUuid"
    " platform architecture defaultL3NetworkUuid type hypervisorType memorySize:int reservedMemorySize:int cpuNum:int"
    " cpuSpeed:int allocatorStrategy createDate:date lastOpDate:date state vmNics:json allVolumes:volumes vmCdRoms:json"
    " guestOsType"
)
STORAGE_FIELDS: Final = _fields(
    "uuid zoneUuid name url description totalCapacity:int availableCapacity:int totalPhysicalCapacity:int"
    " availablePhysicalCapacity:int systemUsedCapacity:int type state status mountPath createDate:date"
    " lastOpDate:date attachedClusterUuids:json"
)
SNAPSHOT_FIELDS: Final = _fields(
    "uuid name description type volumeUuid treeUuid parentUuid primaryStorageUuid primaryStorageInstallPath volumeType"
    " format latest:flag size:int state status createDate:date lastOpDate:date"
)
TAG_FIELDS: Final = _fields("uuid resourceUuid resourceType tag type createDate:date lastOpDate:date")

ADDRESSES: Final = "addresses"
"""A view of the addresses that NICs of VMs have."""

RESOURCES: Final[dict[str, Resource]] = {
    "volume": Resource(
        "org.zstack.header.volume.VolumeInventory",
        "volumes",
        VOLUME_FIELDS,
        "VolumeVO",
        owned=True,
        links={
            "vmInstance": Link("vm", "vmInstanceUuid", "uuid"),
            "primaryStorage": Link("storage", "primaryStorageUuid", "uuid"),
            "diskOffering": Link("offering", "diskOfferingUuid", "uuid"),
            "snapshot": Link("snapshot", "uuid", "volumeUuid"),
        },
    ),
    "vm": Resource(
        "org.zstack.header.vm.VmInstanceInventory",
        "vms",
        VM_FIELDS,
        "VmInstanceVO",
        owned=True,
        links={
            "rootVolume": Link("volume", "rootVolumeUuid", "uuid"),
            "allVolumes": Link("volume", "uuid", "vmInstanceUuid"),
        },
    ),
    "storage": Resource(
        "org.zstack.header.storage.primary.PrimaryStorageInventory",
        "storages",
        STORAGE_FIELDS,
        "PrimaryStorageVO",
        links={"volume": Link("volume", "uuid", "primaryStorageUuid")},
    ),
    "offering": Resource(
        "org.zstack.header.configuration.DiskOfferingInventory",
        "offerings",
        _fields(
            "uuid name description diskSize:int sortKey:int state type createDate:date lastOpDate:date"
            " allocatorStrategy"
        ),
        "DiskOfferingVO",
    ),
    "snapshot": Resource(
        "org.zstack.header.storage.snapshot.VolumeSnapshotInventory",
        "snapshots",
        SNAPSHOT_FIELDS,
        "VolumeSnapshotVO",
        owned=True,
        links={"volume": Link("volume", "volumeUuid", "uuid")},
    ),
    "usertag": Resource("org.zstack.header.tag.UserTagInventory", "tags", TAG_FIELDS, where="type = 'User'"),
    "systemtag": Resource(
        "org.zstack.header.tag.SystemTagInventory",
        "tags",
        {"inherent": "flag", **TAG_FIELDS},
        where="type = 'System'",
    ),
    "config": Resource(
        "org.zstack.core.config.GlobalConfigInventory",
        "configs",
        _fields("id:int name category description defaultValue value"),
        order="id",
    ),
    "node": Resource(
        "org.zstack.header.managementnode.ManagementNodeInventory",
        "nodes",
        _fields("uuid hostName joinDate:date heartBeat:date"),
    ),
    "account": Resource(
        "org.zstack.header.identity.AccountInventory",
        "accounts",
        _fields("uuid name description type state createDate:date lastOpDate:date"),
        "AccountVO",
    ),
    "quota": Resource(
        "org.zstack.header.identity.QuotaInventory",
        "quotas",
        _fields("uuid name identityUuid identityType value:int lastOpDate:date createDate:date"),
    ),
    "host": Resource(
        "org.zstack.kvm.KVMHostInventory",
        "hosts",
        _fields(
            "uuid name description zoneUuid clusterUuid managementIp hypervisorType state status createDate:date"
            " lastOpDate:date"
        ),
        "HostVO",
    ),
    "address": Resource(
        "org.zstack.header.network.l3.UsedIpInventory",
        ADDRESSES,
        _fields("uuid l3NetworkUuid ip netmask gateway vmNicUuid createDate:date lastOpDate:date"),
        "UsedIpVO",
    ),
    "ref": Resource(
        "org.zstack.storage.primary.local.LocalStorageResourceRefInventory",
        "refs",
        _fields("resourceUuid primaryStorageUuid hostUuid size:int resourceType createDate:date lastOpDate:date"),
        order="resourceUuid",
    ),
}


def resources_of(release: Behaviour) -> dict[str, Resource]:
    """Return the resources with the fields and the configurations that a release knows."""
    known = {kind: replace(resource, fields=_known(kind, resource, release)) for kind, resource in RESOURCES.items()}
    absent = ", ".join(f"'{name}'" for name in sorted(release.absent_configs))
    return known | {"config": replace(known["config"], where=f"name NOT IN ({absent})")}


def _known(kind: str, resource: Resource, release: Behaviour) -> dict[str, str]:
    return {name: type for name, type in resource.fields.items() if f"{kind}.{name}" not in release.absent_fields}
