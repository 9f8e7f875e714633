"""Rows of volumes and VMs with names of every kind, ages and times left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zvol.model import Volume
from zvol.row import Retention
from zvol.rows import VmRow, VolumeRow
from zvol.vm_instance import VmInstance

NOW = 1_795_000_000.0
HOUR = 3600
ROWS = (
    ("pg-data", 200, 2 * HOUR, 70 * HOUR, "db-1", "local-ssd"),
    ("数据库备份" * 5, 2048, 48 * HOUR, 23 * HOUR, "web-1", "ceph-main"),
    ("\x1b[31mlogs\x1b[0m \u202etxt.exe [/red] :smile:", 1, 69 * HOUR, 3 * HOUR, None, "local-ssd"),
    ("🗄️ never-used 👍🏽", 40, 80 * HOUR, 0, None, None),
    ("e\u0301" * 3 + "\u200b", 5, None, None, "vm\u2066x", "a-storage-whose-name-is-longer-than-all-the-others"),
)


def rows() -> list[VolumeRow]:
    found = []
    for number, (name, size, age, left, vm, storage) in enumerate(ROWS, 1):
        uuid = f"d0a7a5e0c0de4b1e8a5efeedbead{number:04x}"
        volume = Volume(uuid, {"uuid": uuid, "name": name, "size": size * 2**30, "status": "Deleted", "type": "Data"})
        until = None if left is None else NOW + left
        retention = Retention(True, None, "deleted", until, left, "Delay", "server" if left is not None else "unknown")
        found.append(VolumeRow(volume, retention, None if age is None else NOW - age, vm, storage, server_now=NOW))
    return found


def vms() -> list[VmRow]:
    """Return VMs with the names, ages and times left of the volumes."""
    found = []
    for row in rows():
        root = {"uuid": "0" * 32, "type": "Root", "status": "Deleted", "size": row.volume.size}
        fields: dict[str, Any] = {
            "uuid": row.volume.uuid,
            "name": row.volume.name,
            "state": "Destroyed",
            "allVolumes": [root],
        }
        fields |= {"cpuNum": 2, "memorySize": 4 * 2**30, "rootVolumeUuid": "0" * 32}
        vm = VmInstance(row.volume.uuid, fields)
        found.append(VmRow(vm, row.retention, row.deleted_at, storage=row.storage, server_now=NOW))
    return found


def full_row(**more: Any) -> VolumeRow:
    """Return a row with all that `show` can tell of a volume, with other values for some of its attributes."""
    [row, *_] = rows()
    fields = {
        **row.volume.fields,
        "actualSize": 66 * 2**30,
        "format": "qcow2",
        "state": "Disabled",
        "isShareable": True,
        "primaryStorageUuid": "57042600c0de4b1e8a5efeedbead0001",
        "lastVmInstanceUuid": "50e70000c0de4b1e8a5efeedbead0001",
        "installPath": f"/zstack_ps/vol-{row.volume.uuid}/{row.volume.uuid}.qcow2",
        "description": "数据库备份\nof \x1b[31mdb-1",
        "createDate": "Nov 18, 2026 1:00:00 AM",
        "lastOpDate": "Nov 18, 2026 2:00:00 AM",
    }
    dates = {"createDate": NOW - 30 * 24 * HOUR, "lastOpDate": NOW - 2 * HOUR, "lastDetachDate": NOW - 2 * HOUR}
    known: dict[str, Any] = {"resource": Volume(row.volume.uuid, fields), "dates": dates, "last_vm_doubt": ""}
    known["notes"] = ("comes back with 2 snapshots: before upgrade, nightly", "run `zvol doctor` if in doubt")
    return replace(row, **(known | {"next": f"recover {row.volume.uuid} --reattach"} | more))


def full_vm(**more: Any) -> VmRow:
    """Return the same of a VM."""
    [row, *_] = vms()
    facts = (
        ("Root volume", "ROOT-for-pg (d0a7a5e0c0de4b1e8a5efeedbead0011), 200 GiB, Deleted"),
        ("Data volume", "pg-wal (d0a7a5e0c0de4b1e8a5efeedbead0012), 60 GiB, Ready"),
        ("", "not attached again: it had been detached from the VM before"),
        ("", "`zvol attach d0a7a5e0c0de4b1e8a5efeedbead0012 50e70000c0de4b1e8a5efeedbead0004`"),
    )
    known: dict[str, Any] = {"facts": facts, "next": "recover --vm pg --reattach"}
    known["notes"] = ("it comes back Stopped and is not started; EIPs that it had do not come back",)
    return replace(row, **(known | more))
