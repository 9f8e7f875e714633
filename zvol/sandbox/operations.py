"""What the other asynchronous APIs check and do: tags, configurations, storages, VMs, hosts, accounts."""

# ruff: noqa: ARG001  (all of them are called alike)

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from zvol.sandbox import configs, volumes
from zvol.sandbox.node import Call, Node
from zvol.sandbox.pipeline import DEFAULT_QUOTAS, Operation, quota_limit

if TYPE_CHECKING:
    from zvol.sandbox.store import Tx

Body = dict[str, Any]

_SYSTEM_TAGS: Final = ("localStorage::hostUuid::", "volumeMaxIncrementalSnapshotNum::", "volumeProvisioningStrategy::")
_STATES: Final = {"enable": "Enabled", "disable": "Disabled", "maintain": "Maintenance"}


def _check_user_tag(node: Node, tx: Tx, call: Call) -> None:
    same = tx.value(
        "SELECT 1 FROM tags WHERE resourceUuid = ? AND tag = ? AND type = 'User'",
        call.text("resourceUuid"),
        call.text("tag"),
    )
    if same is not None:
        where = call.text("resourceType"), call.text("resourceUuid")
        raise node.texts.refuse("SYS.1006", "duplicate-tag", call.text("tag"), "User", *where)


def _check_system_tag(node: Node, tx: Tx, call: Call) -> None:
    if not call.text("tag").startswith(_SYSTEM_TAGS):
        raise node.texts.refuse("SYS.1007", "no-system-tag", call.text("tag"), call.text("resourceType"))


def _create_tag(node: Node, tx: Tx, call: Call) -> Body:
    from zvol.sandbox.store import new_uuid

    user = call.api.name == "createUserTag"
    uuid = new_uuid()
    tag = {"uuid": uuid, "inherent": 0, "type": "User" if user else "System"}
    tag |= {name: call.text(name) for name in ("resourceUuid", "resourceType", "tag")}
    tx.insert("tags", tag | {"createDate": tx.now, "lastOpDate": tx.now})
    return {"inventory": node.librarian.one(tx, "usertag" if user else "systemtag", uuid)}


def _delete_row(table: str) -> Operation:
    """Return an operation that removes one row; a missing one is a success."""

    def run(node: Node, tx: Tx, call: Call) -> Body:
        tx.run(f"DELETE FROM {table} WHERE uuid = ?", call.text("uuid"))  # noqa: S608  (names of ours)
        return {}

    return Operation(run, admin=table != "tags")


def _check_config(node: Node, tx: Tx, call: Call) -> None:
    category, name, value = call.text("category"), call.text("name"), call.text("value")
    known = tx.value("SELECT 1 FROM configs WHERE category = ? AND name = ?", category, name)
    check = configs.CHECKS.get(name)
    if known is None or (check is not None and not check(value)):
        raise node.texts.refuse("SYS.1007", "config-value", value, category, name)


def _update_config(node: Node, tx: Tx, call: Call) -> Body:
    category, name = call.text("category"), call.text("name")
    tx.run("UPDATE configs SET value = ? WHERE category = ? AND name = ?", call.text("value"), category, name)
    number = tx.value("SELECT id FROM configs WHERE category = ? AND name = ?", category, name)
    return {"inventory": node.librarian.one(tx, "config", number)}


def _change_storage(node: Node, tx: Tx, call: Call) -> Body:
    tx.update("storages", call.text("uuid"), state=_STATES.get(call.text("stateEvent"), "Enabled"))
    return {"inventory": node.librarian.one(tx, "storage", call.text("uuid"))}


def _destroy_vm(node: Node, tx: Tx, call: Call) -> Body:
    """Destroy a VM: its Root volume is deleted and stays its own, data volumes are detached and stay."""
    uuid = call.text("uuid")
    for row in tx.rows("SELECT * FROM volumes WHERE vmInstanceUuid = ?", uuid):
        if row["type"] == "Root":
            tx.update("volumes", row["uuid"], status="Deleted")
        else:
            tx.update("volumes", row["uuid"], vmInstanceUuid=None, deviceId=None, lastVmInstanceUuid=uuid)
    tx.update("vms", uuid, state="Destroyed", hostUuid=None)
    return {}


def _check_recover_vm(node: Node, tx: Tx, call: Call) -> None:
    state = tx.value("SELECT state FROM vms WHERE uuid = ?", call.text("uuid"))
    if state != "Destroyed":
        raise node.texts.fault("SYS.1006", f"vm[uuid:{call.text('uuid')}] is in state {state}, not Destroyed")


def _recover_vm(node: Node, tx: Tx, call: Call) -> Body:
    uuid = call.text("uuid")
    root = tx.value("SELECT rootVolumeUuid FROM vms WHERE uuid = ?", uuid)
    tx.update("volumes", root, status="Ready")
    tx.update("vms", uuid, state="Stopped")
    return {"inventory": node.librarian.one(tx, "vm", uuid)}


def _delete_host(node: Node, tx: Tx, call: Call) -> Body:
    """Remove a host: the volumes that its local storage held are forgotten."""
    for row in tx.rows("SELECT resourceUuid FROM refs WHERE hostUuid = ?", call.text("uuid")):
        volumes.remove(tx, row["resourceUuid"])
    return {}


def _create_snapshot(node: Node, tx: Tx, call: Call) -> Body:
    from zvol.sandbox.store import new_uuid

    volume, uuid = tx.get("volumes", call.text("volumeUuid")), new_uuid()
    assert volume is not None
    tx.insert("owners", {"resourceUuid": uuid, "accountUuid": call.account})
    same = {name: volume[name] for name in ("primaryStorageUuid", "format", "state")}
    snapshot = same | {"uuid": uuid, "name": call.text("name"), "type": "Hypervisor", "volumeUuid": volume["uuid"]}
    snapshot |= {"treeUuid": uuid, "volumeType": volume["type"], "latest": 1, "size": 0, "status": "Ready"}
    tx.insert("snapshots", snapshot | {"createDate": tx.now, "lastOpDate": tx.now})
    return {"inventory": node.librarian.one(tx, "snapshot", uuid)}


def _renew_session(node: Node, tx: Tx, call: Call) -> Body:
    from zvol.sandbox.synchronous import session_inventory

    seconds = int(call.params.get("duration") or 7200)
    uuid = call.text("sessionUuid")
    tx.run("UPDATE sessions SET duration = ?, expires = ? WHERE uuid = ?", seconds, tx.now + seconds, uuid)
    return {"inventory": session_inventory(node, tx, uuid)}


def _create_account(node: Node, tx: Tx, call: Call) -> Body:
    from zvol.sandbox.store import new_uuid

    uuid = call.text("resourceUuid") or new_uuid()
    account = {"uuid": uuid, "name": call.text("name"), "type": "Normal"}
    tx.insert("accounts", account | {"createDate": tx.now, "lastOpDate": tx.now})
    tx.insert("passwords", {"accountUuid": uuid, "password": call.text("password")})
    return {"inventory": node.librarian.one(tx, "account", uuid)}


def _check_quota(node: Node, tx: Tx, call: Call) -> None:
    if call.text("name") not in DEFAULT_QUOTAS or tx.get("accounts", call.text("identityUuid")) is None:
        where = call.text("identityUuid"), call.text("name")
        raise node.texts.fault("SYS.1007", "cannot find Quota[identityUuid: {} name: {}]".format(*where))


def _update_quota(node: Node, tx: Tx, call: Call) -> Body:
    from zvol.sandbox.store import new_uuid

    account, name = call.text("identityUuid"), call.text("name")
    uuid = tx.value("SELECT uuid FROM quotas WHERE identityUuid = ? AND name = ?", account, name) or new_uuid()
    tx.run("DELETE FROM quotas WHERE uuid = ?", uuid)
    row = {"uuid": uuid, "name": name, "identityUuid": account, "identityType": "AccountVO"}
    value = int(call.params.get("value") or quota_limit(tx, account, name))
    tx.insert("quotas", row | {"value": value, "createDate": tx.now, "lastOpDate": tx.now})
    return {"inventory": node.librarian.one(tx, "quota", uuid)}


def _share(node: Node, tx: Tx, call: Call) -> Body:
    whom = [None] if call.params.get("toPublic") is True else list(call.params.get("accountUuids") or ())
    permission = int(call.params.get("permission") or 2)
    for uuid in call.params.get("resourceUuids") or ():
        for account in whom:
            tx.insert("shares", {"resourceUuid": uuid, "accountUuid": account, "permission": permission})
    return {}


_TAG: Final = ("resourceType", "resourceUuid", "tag")

OPERATIONS: Final[dict[str, Operation]] = {
    **volumes.OPERATIONS,
    "createUserTag": Operation(_create_tag, _check_user_tag, required=_TAG, slow=False),
    "createSystemTag": Operation(_create_tag, _check_system_tag, required=_TAG, slow=False),
    "deleteTag": _delete_row("tags"),
    "deletePrimaryStorage": _delete_row("storages"),
    "updateGlobalConfig": Operation(_update_config, _check_config, required=("value",), admin=True, slow=False),
    "changePrimaryStorageState": Operation(
        _change_storage, None, (("uuid", "storage"),), required=("stateEvent",), admin=True, slow=False
    ),
    "destroyVmInstance": Operation(_destroy_vm, None, (("uuid", "vm"),), missing_ok=True),
    "recoverVmInstance": Operation(_recover_vm, _check_recover_vm, (("uuid", "vm"),)),
    "deleteHost": Operation(_delete_host, admin=True),
    "createVolumeSnapshot": Operation(
        _create_snapshot, None, (("volumeUuid", "volume"),), required=("name",), seconds=10800
    ),
    "renewSession": Operation(_renew_session, slow=False),
    "createAccount": Operation(_create_account, required=("name", "password"), admin=True, slow=False),
    "updateQuota": Operation(_update_quota, _check_quota, required=("identityUuid", "name"), admin=True, slow=False),
    "shareResource": Operation(_share, required=("resourceUuids",), slow=False),
}
