"""The cloud that the sandbox begins with: fixed UUIDs, so that the README's lines can be pasted."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from zvol.sandbox.store import put

if TYPE_CHECKING:
    from sqlite3 import Connection

ADMIN: Final = "36c27e8ff05c4780bf6d2fa65700f22e"
ADMIN_NAME: Final = "admin"
TENANT: Final = "7e11a0c0ffee4b1e8a5efeedbead00aa"
SESSION: Final = "5e5510c0c0de4b1e8a5efeedbead0001"
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
GIB: Final = 2**30

PS1: Final = "9a0e5704a6e04b1e8a5efeedbead0001"
PS2: Final = "9a0e5704a6e04b1e8a5efeedbead0002"
VM_DB: Final = "d0c0ffee0db14b1e8a5efeedbead0001"
VM_WEB: Final = "d0c0ffee0eb14b1e8a5efeedbead0002"
VM_GONE: Final = "d0c0ffee0dea4b1e8a5efeedbead0003"

VMS: Final = (
    (VM_DB, "db-1", "Running"),
    (VM_WEB, "web-1", "Stopped"),
    (VM_GONE, "old-app", "Destroyed"),
)
STORAGES: Final = ((PS1, "ps-nfs", "Enabled", "Connected"), (PS2, "ps-ceph", "Disabled", "Connected"))

# uuid, name, size in GiB, age in seconds, status, storage, last VM, more
VOLUMES: Final[tuple[tuple[str, str, int, float, str, str | None, str | None, dict[str, Any]], ...]] = (
    ("d0a7a5e0c0de4b1e8a5efeedbead0001", "pg-data", 100, 2 * HOUR, "Deleted", PS1, VM_DB, {"description": "pg"}),
    ("d0a7a5e0c0de4b1e8a5efeedbead0002", "pg-wal", 20, 2 * HOUR + 40, "Deleted", PS1, VM_DB, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead0003", "backup", 500, 20 * HOUR, "Deleted", PS1, None, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead0004", "backup", 500, 1.2 * DAY, "Deleted", PS2, VM_WEB, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead0005", "媒体库-卷", 2048, 2.2 * DAY, "Deleted", PS2, VM_WEB, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead0006", "scratch", 10, 2.9 * DAY, "Deleted", PS1, None, {}),
    (
        "d0a7a5e0c0de4b1e8a5efeedbead0007",
        "\x1b[31m[/red]evil\u202egpj.exe",
        1,
        5 * HOUR,
        "Deleted",
        PS1,
        None,
        {"description": "a name that plays tricks on terminals \x1b]0;owned\x07"},
    ),
    ("d0a7a5e0c0de4b1e8a5efeedbead0008", "never-used", 40, 6 * HOUR, "Deleted", None, None, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead0009", "ROOT-for-old-app", 80, 3 * HOUR, "Deleted", PS1, None, {"type": "Root"}),
    ("d0a7a5e0c0de4b1e8a5efeedbead000a", "ROOT-db-1", 80, 9 * DAY, "Ready", PS1, None, {"type": "Root", "vm": VM_DB}),
    ("d0a7a5e0c0de4b1e8a5efeedbead000b", "pg-index", 60, 9 * DAY, "Ready", PS1, None, {"vm": VM_DB}),
    ("d0a7a5e0c0de4b1e8a5efeedbead000c", "logs", 200, 4 * DAY, "Ready", PS2, VM_WEB, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead000d", "archive", 4096, 30 * DAY, "Ready", PS2, None, {"state": "Disabled"}),
    ("d0a7a5e0c0de4b1e8a5efeedbead000e", "spare", 5, 1 * DAY, "NotInstantiated", None, None, {}),
    ("d0a7a5e0c0de4b1e8a5efeedbead000f", "tenant-data", 30, 8 * HOUR, "Deleted", PS1, None, {"account": TENANT}),
)


def fill(db: Connection, extra: int) -> None:
    """Empty the database and write the first cloud, its deletions counted back from now."""
    now = time.time()
    db.execute("DELETE FROM resources WHERE kind != 'node'")
    db.execute("DELETE FROM jobs")
    db.execute("DELETE FROM sessions")
    _accounts(db, now)
    _machines(db, now)
    for row in VOLUMES:
        _volume(db, now, *row)
    for number in range(1, extra + 1):
        uuid = bulk_uuid(number)
        _volume(db, now, uuid, f"bulk-{number}", 1, HOUR + number % 3600, "Deleted", PS1, None, {})
    for number in (1, 2):
        body = {"uuid": f"5a09500000004b1e8a5efeedbead000{number}", "name": f"nightly-{number}", "size": GIB}
        body |= {"volumeUuid": VOLUMES[0][0], "status": "Ready", "state": "Enabled", "createDate": now - number * DAY}
        put(db, "snapshot", body, account=ADMIN, now=now - number * DAY)
    body = {"uuid": "0a600000000a4b1e8a5efeedbead0001", "resourceUuid": VOLUMES[0][0], "resourceType": "VolumeVO"}
    put(db, "tag", body | {"tag": "env::prod", "type": "User", "createDate": now - DAY}, account=ADMIN, now=now - DAY)
    db.execute("INSERT OR REPLACE INTO settings VALUES ('seeded', ?)", (str(now),))
    db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (SESSION, ADMIN, now + 7200))


def bulk_uuid(number: int) -> str:
    """Return the UUID of the n-th additional volume."""
    return f"b01c{number:08x}4b1e8a5e{number:012x}"


def _accounts(db: Connection, now: float) -> None:
    for uuid, name in ((ADMIN, ADMIN_NAME), (TENANT, "tenant")):
        password = hashlib.sha512(b"password").hexdigest()
        put(db, "account", {"uuid": uuid, "name": name, "password": password, "createDate": now}, account=uuid, now=now)
    configs = (("deletionPolicy", "Delay"), ("expungePeriod", "259200"), ("expungeInterval", "3600"))
    for number, (name, value) in enumerate(configs, 101):
        body = {"uuid": name, "id": number, "name": name, "category": "volume", "defaultValue": value, "value": value}
        put(db, "config", body | {"description": f"the {name} of volumes"}, account=ADMIN, now=now)


def _machines(db: Connection, now: float) -> None:
    zone, cluster = "20ae0000000a4b1e8a5efeedbead0001", "c1c50000000a4b1e8a5efeedbead0001"
    for uuid, name, state in VMS:
        body: dict[str, Any] = {"uuid": uuid, "name": name, "state": state, "zoneUuid": zone, "clusterUuid": cluster}
        body |= {"platform": "Linux", "type": "UserVm", "hypervisorType": "KVM", "cpuNum": 4, "memorySize": 8 * GIB}
        body |= {"createDate": now - 40 * DAY, "vmNics": [], "allVolumes": [], "vmCdRoms": [], "architecture": "x86_64"}
        put(db, "vm", body, account=ADMIN, now=now - 9 * DAY)
    for uuid, name, state, status in STORAGES:
        body = {"uuid": uuid, "name": name, "state": state, "status": status, "zoneUuid": zone, "type": "NFS"}
        body |= {"url": f"10.0.0.1:/{name}", "mountPath": f"/opt/zstack/{name}", "totalCapacity": 10**13}
        body |= {"availableCapacity": 8 * 10**12, "attachedClusterUuids": [cluster], "createDate": now - 90 * DAY}
        put(db, "storage", body, account=ADMIN, now=now - 90 * DAY)


def _volume(
    db: Connection,
    now: float,
    uuid: str,
    name: str,
    size: int,
    age: float,
    status: str,
    storage: str | None,
    last_vm: str | None,
    more: dict[str, Any],
) -> None:
    kind = more.get("type", "Data")
    folder = "rootVolumes" if kind == "Root" else "dataVolumes"
    body = {
        "uuid": uuid,
        "name": name,
        "description": more.get("description"),
        "primaryStorageUuid": storage,
        "vmInstanceUuid": more.get("vm") or (VM_GONE if status == "Deleted" and kind == "Root" else None),
        "installPath": f"/zstack_ps/{folder}/acct-{ADMIN}/vol-{uuid}/{uuid}.qcow2" if storage else None,
        "type": kind,
        "format": "qcow2" if storage else None,
        "size": size * GIB,
        "actualSize": size * GIB // 3 if storage else 0,
        "deviceId": 1 if more.get("vm") else None,
        "state": more.get("state", "Enabled"),
        "status": status,
        "createDate": now - age - 30 * DAY,
        "isShareable": False,
        "lastDetachDate": now - age if last_vm else None,
        "lastVmInstanceUuid": last_vm,
        "lastAttachDate": now - age - 20 * DAY if last_vm else None,
    }
    put(db, "volume", body, account=more.get("account", ADMIN), now=now - age)
