"""The APIs of volumes."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

import itertools
from typing import Final

from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.names import HOST, LOCAL, install_path, new_uuid
from zvol.sandbox.node import Node
from zvol.sandbox.store import Row, Tx
from zvol.sandbox.texts import internal


def volume_of(tx: Tx, call: Call, name: str = "uuid") -> Row:
    """Return the row of a call's volume; raises Fault, an internal error, when it went while the call was queued."""
    row = tx.get("volumes", call.text(name))
    if row is None:
        raise internal(None)
    return row


def _shown(node: Node, tx: Tx, uuid: str) -> Body:
    return {"inventory": node.reader.one(tx, "volume", uuid)}


def _check_recover(node: Node, tx: Tx, call: Call) -> None:
    if volume_of(tx, call)["status"] != "Deleted":
        raise node.texts.refuse("SYS.1006", "not-deleted", call.text("uuid"))


def _recover(node: Node, tx: Tx, call: Call) -> Body:
    """Change the status whatever it is now and whatever the type is: the server does not check again."""
    row = volume_of(tx, call)
    if node.release.gone_host_fails and host_is_gone(tx, row["uuid"]):
        raise node.texts.fault("SYS.1006", f"the host of the local storage of volume[uuid:{row['uuid']}] is gone")
    tx.update("volumes", row["uuid"], status="Ready" if row["installPath"] else "NotInstantiated")
    return _shown(node, tx, row["uuid"])


def host_is_gone(tx: Tx, uuid: str) -> bool:
    """Tell whether a volume is on the local storage of a host that was deleted."""
    return tx.value("SELECT 1 FROM refs WHERE resourceUuid = ? AND hostUuid IS NULL", uuid) is not None


def _quota(node: Node, tx: Tx, call: Call) -> dict[str, int]:
    """Return what a recovery adds; the snapshots of a deleted volume are counted twice, as the server does."""
    snapshots = tx.value("SELECT count(*) FROM snapshots WHERE volumeUuid = ?", call.text("uuid"))
    return {"volume.data.num": 1} | ({"snapshot.volume.num": int(snapshots)} if node.release.snapshot_quota else {})


def _check_delete(node: Node, tx: Tx, call: Call) -> None:
    row = volume_of(tx, call)
    if row["type"] != "Data":
        raise node.texts.refuse("SYS.1007", "not-data", row["uuid"], row["type"])
    if row["status"] == "Deleted":
        raise node.texts.refuse("SYS.1006", "already-deleted", row["uuid"])


def _delete(node: Node, tx: Tx, call: Call) -> Body:
    row = tx.get("volumes", call.text("uuid"))
    if row is None:
        return {}
    if row["vmInstanceUuid"]:
        detach(tx, row)
    delete(tx, row["uuid"])
    return {}


def delete(tx: Tx, uuid: str) -> None:
    """Put a detached volume into the recycle bin, or remove it, as the policy is."""
    if tx.config("deletionPolicy") == "Direct":
        remove(tx, uuid)
    else:
        tx.update("volumes", uuid, status="Deleted")


def detach(tx: Tx, row: Row) -> None:
    """Detach a volume from its VM and record which one it was."""
    tx.update(
        "volumes",
        row["uuid"],
        vmInstanceUuid=None,
        deviceId=None,
        lastDetachDate=tx.now,
        lastVmInstanceUuid=row["vmInstanceUuid"],
    )


def remove(tx: Tx, uuid: str) -> None:
    """Delete a volume with its snapshots and tags."""
    _remove_snapshots(tx, uuid)
    for table in ("tags", "owners", "shares", "refs"):
        tx.run(f"DELETE FROM {table} WHERE resourceUuid = ?", uuid)  # noqa: S608  (names of ours)
    tx.run("DELETE FROM volumes WHERE uuid = ?", uuid)


def _remove_snapshots(tx: Tx, uuid: str) -> None:
    tx.run("DELETE FROM owners WHERE resourceUuid IN (SELECT uuid FROM snapshots WHERE volumeUuid = ?)", uuid)
    tx.run("DELETE FROM snapshots WHERE volumeUuid = ?", uuid)


def _check_expunge(node: Node, tx: Tx, call: Call) -> None:
    row = volume_of(tx, call)
    if row["status"] != "Deleted":
        raise node.texts.refuse("SYS.1006", "not-expungeable", row["uuid"], row["name"])


def _begin_expunge(node: Node, tx: Tx, call: Call) -> None:
    """Remove the snapshots and the data; before 4.0 the row does not show it."""
    _remove_snapshots(tx, call.text("uuid"))
    if node.release.half_expunged_shown:
        tx.update("volumes", call.text("uuid"), primaryStorageUuid=None)


def _expunge(node: Node, tx: Tx, call: Call) -> Body:
    remove(tx, call.text("uuid"))
    return {}


def _update(node: Node, tx: Tx, call: Call) -> Body:
    row = volume_of(tx, call)
    changes = {name: call.text(name) for name in ("name", "description") if call.params.get(name) is not None}
    if changes:
        tx.update("volumes", row["uuid"], **changes)
    return _shown(node, tx, row["uuid"])


def _check_attach(node: Node, tx: Tx, call: Call) -> None:
    row = volume_of(tx, call, "volumeUuid")
    if row["type"] == "Root":
        raise node.texts.refuse("SYS.1006", "attach-root", row["uuid"], row["name"])
    if row["state"] == "Disabled":
        raise node.texts.refuse("SYS.1006", "attach-disabled", row["uuid"])
    if row["status"] == "Deleted":
        raise node.texts.refuse("SYS.1006", "attach-deleted", row["uuid"])
    if row["vmInstanceUuid"]:
        raise node.texts.refuse("SYS.1006", "attach-again", row["uuid"])
    _check_vm(node, tx, call)


def _check_vm(node: Node, tx: Tx, call: Call) -> None:
    vm = tx.get("vms", call.text("vmInstanceUuid"))
    if vm is None or vm["state"] not in ("Running", "Stopped"):
        raise node.texts.refuse("SYS.1006", "attach-state", call.text("vmInstanceUuid"), vm["state"] if vm else None)


def _attach(node: Node, tx: Tx, call: Call) -> Body:
    """Attach a volume, unless its VM was destroyed while the call was queued."""
    _check_vm(node, tx, call)
    row, vm = volume_of(tx, call, "volumeUuid"), call.text("vmInstanceUuid")
    used = {item["deviceId"] for item in tx.rows("SELECT deviceId FROM volumes WHERE vmInstanceUuid = ?", vm)}
    changes: Row = {
        "vmInstanceUuid": None if row["isShareable"] else vm,  # the server shows no VM of a shareable volume
        "deviceId": next(number for number in itertools.count(1) if number not in used),
        "lastAttachDate": tx.now,
    }
    if not row["installPath"]:
        account = tx.value("SELECT accountUuid FROM owners WHERE resourceUuid = ?", row["uuid"])
        changes |= {"installPath": install_path(LOCAL, account, row["uuid"]), "primaryStorageUuid": LOCAL}
        changes |= {"format": "qcow2", "status": "Ready"}
    tx.update("volumes", row["uuid"], **changes)
    return _shown(node, tx, row["uuid"])


def _check_detach(node: Node, tx: Tx, call: Call) -> None:
    if not volume_of(tx, call)["vmInstanceUuid"]:
        raise node.texts.refuse("SYS.1006", "not-attached", call.text("uuid"))


def _detach(node: Node, tx: Tx, call: Call) -> Body:
    row = volume_of(tx, call)
    detach(tx, row)
    return _shown(node, tx, row["uuid"])


def _check_create(node: Node, tx: Tx, call: Call) -> None:
    for name, kind, table in (
        ("diskOfferingUuid", "DiskOfferingVO", "offerings"),
        ("primaryStorageUuid", "PrimaryStorageVO", "storages"),
    ):
        if call.text(name) and tx.get(table, call.text(name)) is None:
            raise node.texts.missing(name, call.text(name), kind)
    if not call.text("diskOfferingUuid") and int(call.params.get("diskSize") or -1) < 0:
        raise node.texts.fault("SYS.1007", "unexpected disk size settings")


def _create(node: Node, tx: Tx, call: Call) -> Body:
    uuid, storage = call.text("resourceUuid") or new_uuid(), call.text("primaryStorageUuid") or None
    offering = call.text("diskOfferingUuid") or None
    size = tx.value("SELECT diskSize FROM offerings WHERE uuid = ?", offering) or call.params.get("diskSize")
    tx.insert("owners", {"resourceUuid": uuid, "accountUuid": call.account})
    tx.insert(
        "volumes",
        {
            "uuid": uuid,
            "name": call.text("name"),
            "description": call.params.get("description"),
            "primaryStorageUuid": storage,
            "diskOfferingUuid": offering,
            "installPath": install_path(storage, call.account, uuid) if storage else None,
            "type": "Data",
            "format": "qcow2" if storage else None,
            "size": int(size or 0),
            "actualSize": 0,
            "state": "Enabled",
            "status": "Ready" if storage else "NotInstantiated",
            "createDate": tx.now,
            "lastOpDate": tx.now,
            "isShareable": int("ephemeral::shareable" in call.system_tags),
        },
    )
    if storage:
        _place(tx, call, uuid, storage, int(size or 0))
    return _shown(node, tx, uuid)


def _place(tx: Tx, call: Call, uuid: str, storage: str, size: int) -> None:
    """Record which host holds the volume, as local storage does, and the tag that chose it."""
    chosen = next((tag for tag in call.system_tags if str(tag).startswith("localStorage::hostUuid::")), None)
    dates = {"createDate": tx.now, "lastOpDate": tx.now}
    host = str(chosen).rpartition("::")[2] if chosen else HOST
    ref = {"resourceUuid": uuid, "primaryStorageUuid": storage, "hostUuid": host, "size": size}
    tx.insert("refs", ref | {"resourceType": "VolumeVO"} | dates)
    if chosen:
        tag = {"uuid": new_uuid(), "inherent": 0, "resourceUuid": uuid, "resourceType": "VolumeVO"}
        tx.insert("tags", tag | {"tag": chosen, "type": "System"} | dates)


_ITSELF: Final = (("uuid", "volume"),)
_ACTIONS: Final = "/v1/volumes/{uuid}/actions"
_JAVA: Final = "org.zstack.header.volume."

APIS: Final = (
    query("queryVolume", "/v1/volumes", "volume"),
    query("queryVolume", "/v1/volumes/{uuid}", "volume"),
    Api(
        "createDataVolume",
        "POST",
        "/v1/volumes/data",
        Operation(_create, _check_create, required=("name",), seconds=10800, slow=False),
        _JAVA + "APICreateDataVolumeMsg",
        ints=("diskSize",),
    ),
    Api(
        "deleteDataVolume",
        "DELETE",
        "/v1/volumes/{uuid}",
        Operation(_delete, _check_delete, _ITSELF, missing_ok=True, slow=False),
        _JAVA + "APIDeleteDataVolumeMsg",
    ),
    Api(
        "recoverDataVolume",
        "PUT",
        _ACTIONS,
        Operation(_recover, _check_recover, _ITSELF, quota=_quota),
        _JAVA + "APIRecoverDataVolumeMsg",
    ),
    Api(
        "expungeDataVolume",
        "PUT",
        _ACTIONS,
        Operation(_expunge, _check_expunge, _ITSELF, missing_ok=True, begin=_begin_expunge),
        _JAVA + "APIExpungeDataVolumeMsg",
    ),
    Api("updateVolume", "PUT", _ACTIONS, Operation(_update, None, _ITSELF, slow=False), _JAVA + "APIUpdateVolumeMsg"),
    Api(
        "attachDataVolumeToVm",
        "POST",
        "/v1/volumes/{volumeUuid}/vm-instances/{vmInstanceUuid}",
        Operation(_attach, _check_attach, (("volumeUuid", "volume"), ("vmInstanceUuid", "vm"))),
        _JAVA + "APIAttachDataVolumeToVmMsg",
    ),
    Api(
        "detachDataVolumeFromVm",
        "DELETE",
        "/v1/volumes/{uuid}/vm-instances",
        Operation(_detach, _check_detach, _ITSELF),
        _JAVA + "APIDetachDataVolumeFromVmMsg",
    ),
)
