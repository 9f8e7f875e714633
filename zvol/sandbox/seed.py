"""The cloud a sandbox starts with: fixed UUIDs, so that lines of the documentation can be pasted."""

from __future__ import annotations

from typing import Final

from zvol.sandbox import seed_infrastructure
from zvol.sandbox.configs import CONFIGS
from zvol.sandbox.names import (
    ADMIN,
    CEPH,
    DAY,
    DB_1,
    DISABLED,
    GIB,
    GUEST,
    HOUR,
    IMAGE,
    LOCAL,
    NODE,
    OLD_APP,
    TENANT,
    VIEWER,
    WEB_1,
    WEB_2,
    extra_uuid,
    install_path,
    volume_uuid,
)
from zvol.sandbox.store import Tx

HOSTILE_NAME: Final = "\x1b[31mlogs\x1b[0m \u202etxt.exe [/red] $(reboot)"
HOSTILE_TEXT: Final = "a description that plays with the terminal \x1b]0;owned\x07"
PG_DATA: Final = volume_uuid(1)
NIGHT: Final = 0x101
"""The number of the first volume that the script deleted."""
SHOP: Final = [f"shop-{part}-{number}" for part in ("images", "orders", "search") for number in range(1, 5)]
"""The volumes that it should not have deleted."""
WEB_2_DESTROYED: Final = 4 * HOUR
"""How long ago web-2 was destroyed, in seconds."""


def seed(tx: Tx, extra: int = 0, *, night: bool = False) -> None:
    """Fill an empty database, with `extra` more deleted volumes; ages count from now.

    With `night` there is also what a script deleted: see `_night`.
    """
    seed_infrastructure.build(tx)
    _volumes(tx)
    _shares(tx)
    _tags(tx)
    for entry in CONFIGS:
        tx.insert("configs", dict(entry))
    tx.insert("nodes", {"uuid": NODE, "hostName": "127.0.0.1", "joinDate": tx.now, "heartBeat": tx.now})
    if night:
        _night(tx)
    for number in range(1, extra + 1):
        _volume(tx, extra_uuid(number), f"bulk-{number:05}", 10, deleted=HOUR + number % (2 * DAY), last=DB_1)


def _volumes(tx: Tx) -> None:
    _volume(tx, PG_DATA, "pg-data", 200, deleted=2 * HOUR, last=DB_1, text="PostgreSQL data of db-1")
    _volume(tx, volume_uuid(2), "pg-wal", 50, deleted=2 * HOUR + 60, last=DB_1, storage=CEPH)
    _volume(tx, volume_uuid(3), "backup", 500, deleted=20 * HOUR, storage=CEPH)
    _volume(tx, volume_uuid(4), "backup", 500, deleted=DAY, storage=DISABLED, last=WEB_1)
    _volume(tx, volume_uuid(5), "数据库备份", 80, deleted=2 * DAY, last=DB_1, storage=CEPH)
    _volume(tx, volume_uuid(6), "archive-2019", 1000, deleted=int(2.9 * DAY), storage=DISABLED)
    _volume(tx, volume_uuid(7), HOSTILE_NAME, 20, deleted=30 * HOUR, text=HOSTILE_TEXT)
    _volume(tx, volume_uuid(8), "never-used", 10, deleted=6 * HOUR, storage=None)
    _root(tx, 9, OLD_APP, "old-app", deleted=5 * HOUR)
    _root(tx, 10, DB_1, "db-1")
    _volume(tx, volume_uuid(11), "db-temp", 30, vm=DB_1, device=1, storage=CEPH)
    _root(tx, 12, WEB_1, "web-1")
    _volume(tx, volume_uuid(13), "web-assets", 60, vm=WEB_1, device=1)
    _volume(tx, volume_uuid(14), "shared-home", 400, storage=CEPH)
    _volume(tx, volume_uuid(15), "scratch", 40, deleted=12 * HOUR, owner=TENANT)
    _volume(tx, volume_uuid(16), "team-data", 40, owner=TENANT)
    _accident(tx)
    for number, name in ((1, "before upgrade"), (2, "nightly")):
        _snapshot(tx, number, name)


def _accident(tx: Tx) -> None:
    """Insert what the destruction of web-2 left: two volumes were on it, and one had been detached days before.

    One of the two was deleted 20 s later, the other was also detached once, long ago, and attached again.
    """
    _root(tx, 17, WEB_2, "web-2", deleted=WEB_2_DESTROYED)
    _volume(tx, volume_uuid(18), "web-2-assets", 60, last=WEB_2, storage=CEPH)
    _volume(tx, volume_uuid(19), "web-2-uploads", 120, deleted=WEB_2_DESTROYED - 20, last=WEB_2)
    _volume(tx, volume_uuid(20), "web-2-import", 20, last=WEB_2, storage=CEPH)
    for number, attached, detached, changed in (
        (18, 10 * DAY, 20 * DAY, WEB_2_DESTROYED),
        (19, 25 * DAY, None, WEB_2_DESTROYED - 20),
        (20, 25 * DAY, 3 * DAY, 3 * DAY),
    ):
        left = None if detached is None else tx.now - detached
        sql = "UPDATE volumes SET lastAttachDate = ?, lastDetachDate = ?, lastOpDate = ? WHERE uuid = ?"
        tx.run(sql, tx.now - attached, left, tx.now - changed, volume_uuid(number))


def _night(tx: Tx) -> None:
    """Insert 40 volumes that a script deleted one by one 8 hours ago, 12 of them by mistake, and one deleted before."""
    names = [*SHOP[:6], *(f"ci-job-{number}" for number in range(4101, 4129)), *SHOP[6:]]
    for number, name in enumerate(names):
        last = None if name.startswith("ci-") else WEB_1 if "images" in name else DB_1
        ago = 8 * HOUR + 5 * (len(names) - number)
        _volume(tx, volume_uuid(NIGHT + number), name, 40 if last else 5, deleted=ago, last=last)
    _volume(tx, volume_uuid(NIGHT + len(names)), "shop-trial", 40, deleted=30 * HOUR, last=WEB_1)


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
    born, at = tx.now - 30 * DAY, tx.now - (29 * DAY if deleted is None else deleted)
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
            "lastAttachDate": born + HOUR if last or vm else None,
            **({"lastDetachDate": at, "lastVmInstanceUuid": last} if last else {}),
        },
    )


def _root(tx: Tx, number: int, vm: str, name: str, deleted: int | None = None) -> None:
    """Insert the root volume of a VM; it stays on its VM when both are deleted."""
    uuid, born = volume_uuid(number), tx.now - 60 * DAY
    _volume(tx, uuid, f"ROOT-for-{name}", 40, deleted=deleted, vm=vm, device=0, text=f"Root volume for VM[uuid:{vm}]")
    path = install_path(LOCAL, ADMIN, uuid, "root")
    sql = "UPDATE volumes SET type = 'Root', rootImageUuid = ?, installPath = ?, createDate = ? WHERE uuid = ?"
    tx.run(sql, IMAGE, path, born, uuid)
    tx.run("UPDATE vms SET rootVolumeUuid = ? WHERE uuid = ?", uuid, vm)


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


def _shares(tx: Tx) -> None:
    """Share the deleted volumes of db-1 with the accounts that may not change them where there are roles."""
    for account in (VIEWER, GUEST):
        for number in (1, 2):
            tx.insert("shares", {"resourceUuid": volume_uuid(number), "accountUuid": account, "permission": 2})


def _tags(tx: Tx) -> None:
    for number, (volume, tag) in enumerate(
        ((1, "production"), (1, "owner:dba"), (2, "production"), (5, "production"), (14, "production")), 1
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
