"""The cloud a sandbox starts with: fixed UUIDs, so that lines of the documentation can be pasted."""

from __future__ import annotations

import json
from typing import Any, Final

from zvol.sandbox.configs import CONFIGS
from zvol.sandbox.store import Tx

ADMIN: Final = "36c27e8ff05c4780bf6d2fa65700f22e"
TENANT: Final = "7e4a27acc0de4b1e8a5efeedbead00aa"
TENANT_NAME: Final = "dev-team"
TENANT_PASSWORD: Final = "password"  # noqa: S105  (a sandbox has no secrets)
ACCESS_KEY: Final = "zvolSandboxKey000001"
ACCESS_SECRET: Final = "zvol-sandbox-secret"  # noqa: S105  (a sandbox has no secrets)
NODE: Final = "f1a57c0dec0d3b1e8a5efeedbead00f0"
HOST: Final = "50570000c0de4b1e8a5efeedbead0001"
CLUSTER: Final = "c1057e40c0de4b1e8a5efeedbead0001"
ZONE: Final = "20e00000c0de4b1e8a5efeedbead0001"
IMAGE: Final = "1a6e0000c0de4b1e8a5efeedbead0001"
NETWORK: Final = "13000000c0de4b1e8a5efeedbead0001"
OFFERING: Final = "d150ffe0c0de4b1e8a5efeedbead0001"
INSTANCE: Final = "1057ffe0c0de4b1e8a5efeedbead0001"

LOCAL: Final = "57042600c0de4b1e8a5efeedbead0001"
CEPH: Final = "57042600c0de4b1e8a5efeedbead0002"
DISABLED: Final = "57042600c0de4b1e8a5efeedbead0003"

DB_1: Final = "50e70000c0de4b1e8a5efeedbead0001"
WEB_1: Final = "50e70000c0de4b1e8a5efeedbead0002"
OLD_APP: Final = "50e70000c0de4b1e8a5efeedbead0003"

GIB: Final = 1024**3
HOUR: Final = 3600
DAY: Final = 86400
HOSTILE_NAME: Final = "\x1b[31mlogs\x1b[0m \u202etxt.exe [/red] $(reboot)"


def volume_uuid(number: int) -> str:
    """Return the UUID of the seeded volume with this number."""
    return f"d0a7a5e0c0de4b1e8a5efeedbead{number:04x}"


def extra_uuid(number: int) -> str:
    """Return the UUID of the bulk volume with this number, counted from 1."""
    return f"{0xB0A70000:08x}c0de4b1e8a5e{number:012x}"


PG_DATA: Final = volume_uuid(1)


def seed(tx: Tx, extra: int = 0) -> None:
    """Fill an empty database; ages are counted from now, `extra` deleted volumes are added."""
    _accounts(tx)
    _storages(tx)
    _vms(tx)
    _volumes(tx)
    _roots(tx)
    _tags(tx)
    for entry in CONFIGS:
        tx.insert("configs", dict(entry))
    tx.insert("nodes", {"uuid": NODE, "hostName": "127.0.0.1", "joinDate": tx.now, "heartBeat": tx.now})
    for number in range(1, extra + 1):
        _volume(tx, extra_uuid(number), f"bulk-{number:05}", 10, deleted=HOUR + number % (2 * DAY))


def _accounts(tx: Tx) -> None:
    import hashlib

    born = tx.now - 90 * DAY
    for uuid, name, kind, password in (
        (ADMIN, "admin", "SystemAdmin", "password"),
        (TENANT, TENANT_NAME, "Normal", TENANT_PASSWORD),
    ):
        tx.insert("accounts", {"uuid": uuid, "name": name, "type": kind, "createDate": born, "lastOpDate": born})
        digest = hashlib.sha512(password.encode()).hexdigest()
        tx.insert("passwords", {"accountUuid": uuid, "password": digest})


def _storages(tx: Tx) -> None:
    born = tx.now - 90 * DAY
    for uuid, name, url, kind, state in (
        (LOCAL, "local-ssd", "/zstack_ps", "LocalStorage", "Enabled"),
        (CEPH, "ceph-main", "ceph://pool-main", "Ceph", "Enabled"),
        (DISABLED, "old-nfs", "10.0.0.9:/export", "NFS", "Disabled"),
    ):
        tx.insert(
            "storages",
            {
                "uuid": uuid,
                "zoneUuid": ZONE,
                "name": name,
                "url": url,
                "totalCapacity": 100 * 1024 * GIB,
                "availableCapacity": 80 * 1024 * GIB,
                "totalPhysicalCapacity": 100 * 1024 * GIB,
                "availablePhysicalCapacity": 90 * 1024 * GIB,
                "systemUsedCapacity": 0,
                "type": kind,
                "state": state,
                "status": "Connected",
                "mountPath": url,
                "createDate": born,
                "lastOpDate": born,
                "attachedClusterUuids": json.dumps([CLUSTER]),
            },
        )
    tx.insert(
        "offerings",
        {
            "uuid": OFFERING,
            "name": "disk-20g",
            "diskSize": 20 * GIB,
            "sortKey": 0,
            "state": "Enabled",
            "type": "DefaultDiskOfferingType",
            "createDate": born,
            "lastOpDate": born,
            "allocatorStrategy": "DefaultPrimaryStorageAllocationStrategy",
        },
    )


def _vms(tx: Tx) -> None:
    for number, (uuid, name, state, changed) in enumerate(
        (
            (DB_1, "db-1", "Running", 20 * DAY),
            (WEB_1, "web-1", "Stopped", 3 * DAY),
            (OLD_APP, "old-app", "Destroyed", 5 * HOUR),
        ),
        start=1,
    ):
        born, at = tx.now - 60 * DAY, tx.now - changed
        common = {"vmInstanceUuid": uuid, "createDate": born, "lastOpDate": born}
        nic = common | {
            "uuid": f"21c00000c0de4b1e8a5efeedbead{number:04x}",
            "l3NetworkUuid": NETWORK,
            "mac": f"fa:0c:b4:6e:7f:{number:02x}",
            "hypervisorType": "KVM",
            "driverType": "virtio",
            "usedIps": [],
            "internalName": f"vnic{number}.0",
            "deviceId": 0,
            "type": "VNIC",
            "state": "enable",
        }
        drive = common | {
            "uuid": f"cd400000c0de4b1e8a5efeedbead{number:04x}",
            "deviceId": 0,
            "name": f"vm-{uuid}-cdRom",
        }
        tx.insert("owners", {"resourceUuid": uuid, "accountUuid": ADMIN})
        tx.insert(
            "vms",
            _vm(uuid, name, state, number)
            | {
                "createDate": born,
                "lastOpDate": at,
                "vmNics": json.dumps([nic] if state != "Destroyed" else []),
                "vmCdRoms": json.dumps([drive]),
            },
        )


def _vm(uuid: str, name: str, state: str, number: int) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "zoneUuid": ZONE,
        "clusterUuid": CLUSTER,
        "imageUuid": IMAGE,
        "hostUuid": HOST if state == "Running" else None,
        "lastHostUuid": HOST,
        "instanceOfferingUuid": INSTANCE,
        "rootVolumeUuid": volume_uuid(0x100 + number),
        "platform": "Linux",
        "architecture": "x86_64",
        "defaultL3NetworkUuid": NETWORK,
        "type": "UserVm",
        "hypervisorType": "KVM",
        "memorySize": 4 * GIB,
        "cpuNum": 2,
        "cpuSpeed": 0,
        "allocatorStrategy": "LeastVmPreferredHostAllocatorStrategy",
        "state": state,
        "guestOsType": "CentOS",
    }


def _volumes(tx: Tx) -> None:
    _volume(tx, PG_DATA, "pg-data", 200, deleted=2 * HOUR, last=DB_1, text="PostgreSQL data of db-1")
    _volume(tx, volume_uuid(2), "pg-wal", 50, deleted=2 * HOUR + 60, last=DB_1, storage=CEPH)
    _volume(tx, volume_uuid(3), "mail-spool", 100, deleted=20 * HOUR, last=WEB_1)
    _volume(tx, volume_uuid(4), "backup", 500, deleted=DAY, storage=CEPH)
    _volume(tx, volume_uuid(5), "backup", 300, deleted=2 * DAY, storage=DISABLED, last=WEB_1)
    _volume(tx, volume_uuid(6), "archive-2019", 1000, deleted=int(2.9 * DAY), storage=DISABLED)
    _volume(tx, volume_uuid(7), "never-used", 10, deleted=6 * HOUR, storage=None)
    _volume(tx, volume_uuid(8), HOSTILE_NAME, 20, deleted=30 * HOUR)
    _volume(tx, volume_uuid(9), "数据库备份", 80, deleted=36 * HOUR, last=DB_1, storage=CEPH)
    _volume(tx, volume_uuid(10), "scratch", 40, deleted=12 * HOUR, owner=TENANT)
    _volume(tx, volume_uuid(11), "web-assets", 60, vm=WEB_1, device=1)
    _volume(tx, volume_uuid(12), "shared-home", 400, storage=CEPH)
    _volume(tx, volume_uuid(13), "team-data", 40, owner=TENANT)
    _volume(tx, volume_uuid(14), "db-temp", 30, vm=DB_1, device=1, storage=CEPH)
    for number, name in ((1, "before upgrade"), (2, "nightly")):
        _snapshot(tx, number, name)


def _volume(
    tx: Tx,
    uuid: str,
    name: str,
    gib: int,
    *,
    deleted: int | None = None,
    vm: str | None = None,
    device: int | None = None,
    last: str | None = None,
    storage: str | None = LOCAL,
    owner: str = ADMIN,
    text: str | None = None,
) -> None:
    """Insert a data volume; `deleted` is how many seconds ago it was."""
    born = tx.now - 30 * DAY
    at = tx.now - deleted if deleted is not None else born + DAY
    tx.insert("owners", {"resourceUuid": uuid, "accountUuid": owner})
    tx.insert(
        "volumes",
        {
            "uuid": uuid,
            "name": name,
            "description": text,
            "primaryStorageUuid": storage,
            "vmInstanceUuid": vm,
            "installPath": install_path(storage, owner, uuid) if storage else None,
            "type": "Data",
            "format": "raw" if storage == CEPH else "qcow2" if storage else None,
            "size": gib * GIB,
            "actualSize": gib * GIB // 3 if storage else 0,
            "deviceId": device,
            "state": "Enabled",
            "status": "Deleted" if deleted is not None else "Ready",
            "createDate": born,
            "lastOpDate": at,
            "isShareable": 0,
            "lastDetachDate": at if last else None,
            "lastVmInstanceUuid": last,
            "lastAttachDate": born + HOUR if last or vm else None,
        },
    )


def install_path(storage: str, account: str, uuid: str, kind: str = "data") -> str:
    """Return where a storage would keep the volume."""
    if storage == CEPH:
        return f"ceph://pool-main/{uuid}"
    return f"/zstack_ps/{kind}Volumes/acct-{account}/vol-{uuid}/{uuid}.qcow2"


def _roots(tx: Tx) -> None:
    for number, (vm, name, gone) in enumerate(
        ((DB_1, "db-1", 0), (WEB_1, "web-1", 0), (OLD_APP, "old-app", 5 * HOUR)), 1
    ):
        uuid, born = volume_uuid(0x100 + number), tx.now - 60 * DAY
        _volume(tx, uuid, f"ROOT-for-{name}", 40, vm=vm, device=0, text=f"Root volume for VM[uuid:{vm}]")
        tx.run(
            "UPDATE volumes SET type = 'Root', rootImageUuid = ?, installPath = ?, status = ?, createDate = ?,"
            " lastOpDate = ?, lastAttachDate = ? WHERE uuid = ?",
            IMAGE,
            install_path(LOCAL, ADMIN, uuid, "root"),
            "Deleted" if gone else "Ready",
            born,
            tx.now - gone if gone else born,
            born,
            uuid,
        )


def _snapshot(tx: Tx, number: int, name: str) -> None:
    uuid, at = f"57a90000c0de4b1e8a5efeedbead{number:04x}", tx.now - (9 - number) * DAY
    tx.insert("owners", {"resourceUuid": uuid, "accountUuid": ADMIN})
    tx.insert(
        "snapshots",
        {
            "uuid": uuid,
            "name": name,
            "type": "Hypervisor",
            "volumeUuid": PG_DATA,
            "treeUuid": "57a97ee0c0de4b1e8a5efeedbead0001",
            "primaryStorageUuid": LOCAL,
            "primaryStorageInstallPath": f"/zstack_ps/snapshots/{uuid}.qcow2",
            "volumeType": "Data",
            "format": "qcow2",
            "latest": int(number == 2),
            "size": number * GIB,
            "state": "Enabled",
            "status": "Ready",
            "createDate": at,
            "lastOpDate": at,
        },
    )


def _tags(tx: Tx) -> None:
    for number, (volume, tag) in enumerate(
        ((1, "production"), (1, "owner:dba"), (2, "production"), (9, "production"), (12, "production")), 1
    ):
        at = tx.now - 25 * DAY
        tx.insert(
            "tags",
            {
                "uuid": f"7a600000c0de4b1e8a5efeedbead{number:04x}",
                "inherent": 0,
                "resourceUuid": volume_uuid(volume),
                "resourceType": "VolumeVO",
                "tag": tag,
                "type": "User",
                "createDate": at,
                "lastOpDate": at,
            },
        )
