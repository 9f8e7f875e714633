"""APIs of a ZStack that neither zvol nor its users' scripts request: captured exchanges and set-ups of tests do."""

from __future__ import annotations

from functools import partial
from typing import Final

from zvol.sandbox import query as queries
from zvol.sandbox import sessions, tags, volumes
from zvol.sandbox.accounts import DEFAULT_QUOTAS, quota_limit
from zvol.sandbox.api import Api, Body, Call, Operation, Reply, query
from zvol.sandbox.names import ADMIN, new_uuid
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx
from zvol.sandbox.texts import internal

_SYSTEM_TAGS: Final = ("localStorage::hostUuid::", "volumeMaxIncrementalSnapshotNum::", "volumeProvisioningStrategy::")
_STATES: Final = {"enable": "Enabled", "disable": "Disabled", "maintain": "Maintenance"}
_NO_SYSTEM_TAG: Final = (
    "no system tag[{0}] matches the resourceType[{1}]",
    "没有系统标签[{0}]与资源类型[{1}]匹配",
)


# ---- volumes and storages ----------------------------------------------------------------------------------------
def _check_change(node: Node, tx: Tx, call: Call) -> None:
    if volumes.volume_of(tx, call)["status"] == "Deleted":
        raise node.texts.refuse("SYS.1006", "attach-deleted", call.text("uuid"))


def _change_state(node: Node, tx: Tx, call: Call) -> Body:
    state = "Disabled" if call.text("stateEvent") == "disable" else "Enabled"
    tx.update("volumes", call.text("uuid"), state=state)
    return {"inventory": node.reader.one(tx, "volume", call.text("uuid"))}


def _sync_size(node: Node, tx: Tx, call: Call) -> Body:
    return {"inventory": node.reader.one(tx, "volume", volumes.volume_of(tx, call)["uuid"])}


def _create_snapshot(node: Node, tx: Tx, call: Call) -> Body:
    volume, uuid = volumes.volume_of(tx, call, "volumeUuid"), new_uuid()
    tx.insert("owners", {"resourceUuid": uuid, "accountUuid": call.account})
    same = {name: volume[name] for name in ("primaryStorageUuid", "format", "state")}
    snapshot = same | {"uuid": uuid, "name": call.text("name"), "type": "Hypervisor", "volumeUuid": volume["uuid"]}
    snapshot |= {"treeUuid": uuid, "volumeType": volume["type"], "latest": 1, "size": 0, "status": "Ready"}
    tx.insert("snapshots", snapshot | {"createDate": tx.now, "lastOpDate": tx.now})
    return {"inventory": node.reader.one(tx, "snapshot", uuid)}


def _update_vm(node: Node, tx: Tx, call: Call) -> Body:
    tx.update("vms", call.text("uuid"), name=call.text("name"))
    return {"inventory": node.reader.one(tx, "vm", call.text("uuid"))}


def _formats(node: Node, tx: Tx, call: Call) -> Body:
    masters = {"qcow2": "KVM", "raw": "KVM", "vmdk": "KVM"}
    return {"formats": [{"format": name, "masterHypervisorType": kind} for name, kind in masters.items()]}


def _delete_storage(node: Node, tx: Tx, call: Call) -> Body:
    tx.run("DELETE FROM storages WHERE uuid = ?", call.text("uuid"))
    return {}


def _change_storage(node: Node, tx: Tx, call: Call) -> Body:
    tx.update("storages", call.text("uuid"), state=_STATES.get(call.text("stateEvent"), "Enabled"))
    return {"inventory": node.reader.one(tx, "storage", call.text("uuid"))}


def _delete_host(node: Node, tx: Tx, call: Call) -> Body:
    """Remove a host: the volumes that its local storage held are forgotten, or cannot be recovered before 2.6."""
    tx.run("DELETE FROM hosts WHERE uuid = ?", call.text("uuid"))
    if node.release.gone_host_fails:
        tx.run("UPDATE refs SET hostUuid = NULL WHERE hostUuid = ?", call.text("uuid"))
        return {}
    for row in tx.rows("SELECT resourceUuid FROM refs WHERE hostUuid = ?", call.text("uuid")):
        volumes.remove(tx, row["resourceUuid"])
    return {}


_VOLUME: Final = "org.zstack.header.volume."
_STORAGE: Final = "org.zstack.header.storage.primary."
_ACTIONS: Final = "/v1/volumes/{uuid}/actions"
_ITSELF: Final = (("uuid", "volume"),)

_ON_VOLUMES: Final = (
    Api(
        "updateVmInstance",
        "PUT",
        "/v1/vm-instances/{uuid}/actions",
        Operation(_update_vm, targets=(("uuid", "vm"),), required=("name",), slow=False),
        "org.zstack.header.vm.APIUpdateVmInstanceMsg",
    ),
    Api("getVolumeFormat", "GET", "/v1/volumes/formats", Reply(_formats)),
    Api(
        "changeVolumeState",
        "PUT",
        _ACTIONS,
        Operation(_change_state, _check_change, _ITSELF, required=("stateEvent",), slow=False),
        _VOLUME + "APIChangeVolumeStateMsg",
    ),
    Api(
        "syncVolumeSize",
        "PUT",
        _ACTIONS,
        Operation(_sync_size, _check_change, _ITSELF, slow=False),
        _VOLUME + "APISyncVolumeSizeMsg",
    ),
    Api(
        "createVolumeSnapshot",
        "POST",
        "/v1/volumes/{volumeUuid}/volume-snapshots",
        Operation(_create_snapshot, None, (("volumeUuid", "volume"),), required=("name",), seconds=10800),
        _VOLUME + "APICreateVolumeSnapshotMsg",
    ),
    query("queryVolumeSnapshot", "/v1/volume-snapshots/{uuid}", "snapshot"),
    query("queryDiskOffering", "/v1/disk-offerings/{uuid}", "offering"),
    query("queryLocalStorageResourceRef", "/v1/primary-storage/local-storage/resource-refs", "ref"),
    Api(
        "deletePrimaryStorage",
        "DELETE",
        "/v1/primary-storage/{uuid}",
        Operation(_delete_storage, admin=True),
        _STORAGE + "APIDeletePrimaryStorageMsg",
    ),
    Api(
        "changePrimaryStorageState",
        "PUT",
        "/v1/primary-storage/{uuid}/actions",
        Operation(_change_storage, None, (("uuid", "storage"),), required=("stateEvent",), admin=True, slow=False),
        _STORAGE + "APIChangePrimaryStorageStateMsg",
    ),
    Api(
        "deleteHost",
        "DELETE",
        "/v1/hosts/{uuid}",
        Operation(_delete_host, admin=True),
        "org.zstack.header.host.APIDeleteHostMsg",
    ),
)


# ---- tags and ZQL ------------------------------------------------------------------------------------------------
def _check_system_tag(node: Node, tx: Tx, call: Call) -> None:
    if not call.text("tag").startswith(_SYSTEM_TAGS):
        details = _NO_SYSTEM_TAG[node.texts.chinese].format(call.text("tag"), call.text("resourceType"))
        raise node.texts.fault("SYS.1007", details)


def _zql(node: Node, tx: Tx, call: Call) -> Body:
    """Answer the plainest ZQL only: `query NAME where a='b'`."""
    tokens = call.text("zql").split()
    kinds = {"volume": "volume", "vminstance": "vm", "primarystorage": "storage"}
    kind = kinds.get(tokens[1].lower()) if len(tokens) > 1 and tokens[0] == "query" else None
    if kind is None:
        raise internal(f"org.antlr.v4.runtime.misc.ParseCancellationException: error at line 1:0, {call.text('zql')}")
    text = call.text("zql").partition(" where ")[2]
    parts = [part.strip().replace("'", "") for part in text.split(" and ") if part.strip()]
    made = queries.Query(conditions=tuple(queries.condition(part) for part in parts))
    reply = node.reader.query(tx, kind, made, call.account, admin=call.account == ADMIN)
    return {"results": [{"inventories": reply["inventories"]}]}


_ON_TAGS: Final = (
    Api(
        "createSystemTag",
        "POST",
        "/v1/system-tags",
        Operation(partial(tags.create, kind="System"), _check_system_tag, required=tags.REQUIRED, slow=False),
        "org.zstack.header.tag.APICreateSystemTagMsg",
    ),
    Api("zql", "GET", "/v1/zql", Reply(_zql)),
)


# ---- accounts and the node itself --------------------------------------------------------------------------------
def _renew_session(node: Node, tx: Tx, call: Call) -> Body:
    seconds, uuid = int(call.params.get("duration") or 7200), call.text("sessionUuid")
    tx.run("UPDATE sessions SET duration = ?, expires = ? WHERE uuid = ?", seconds, tx.now + seconds, uuid)
    return {"inventory": sessions.inventory(node, tx, uuid)}


def _create_account(node: Node, tx: Tx, call: Call) -> Body:
    uuid = call.text("resourceUuid") or new_uuid()
    account = {"uuid": uuid, "name": call.text("name"), "type": "Normal", "state": "Enabled"}
    tx.insert("accounts", account | {"createDate": tx.now, "lastOpDate": tx.now})
    tx.insert("passwords", {"accountUuid": uuid, "password": call.text("password")})
    return {"inventory": node.reader.one(tx, "account", uuid)}


def _check_quota(node: Node, tx: Tx, call: Call) -> None:
    if call.text("name") not in DEFAULT_QUOTAS or tx.get("accounts", call.text("identityUuid")) is None:
        where = call.text("identityUuid"), call.text("name")
        raise node.texts.fault("SYS.1007", "cannot find Quota[identityUuid: {} name: {}]".format(*where))


def _update_quota(node: Node, tx: Tx, call: Call) -> Body:
    account, name = call.text("identityUuid"), call.text("name")
    uuid = tx.value("SELECT uuid FROM quotas WHERE identityUuid = ? AND name = ?", account, name) or new_uuid()
    tx.run("DELETE FROM quotas WHERE uuid = ?", uuid)
    row = {"uuid": uuid, "name": name, "identityUuid": account, "identityType": "AccountVO"}
    value = int(call.params.get("value") or quota_limit(tx, account, name))
    tx.insert("quotas", row | {"value": value, "createDate": tx.now, "lastOpDate": tx.now})
    return {"inventory": node.reader.one(tx, "quota", uuid)}


def _share(node: Node, tx: Tx, call: Call) -> Body:
    accounts = [None] if call.params.get("toPublic") is True else list(call.params.get("accountUuids") or ())
    permission = int(call.params.get("permission") or 2)
    for uuid in call.params.get("resourceUuids") or ():
        for account in accounts:
            tx.insert("shares", {"resourceUuid": uuid, "accountUuid": account, "permission": permission})
    return {}


def _ready(node: Node, tx: Tx, call: Call) -> Body:
    return {}


def _progress(node: Node, tx: Tx, call: Call) -> Body:
    return {"inventories": []}


_IDENTITY: Final = "org.zstack.header.identity."

_ON_ACCOUNTS: Final = (
    Api(
        "logIn",
        "PUT",
        "/v1/login",
        Reply(partial(sessions.log_in, name="username"), session=False, writes=True),
        auth=False,
        known=lambda release: release.generic_login,
    ),
    Api(
        "renewSession",
        "PUT",
        "/v1/accounts/sessions/{sessionUuid}/renew",
        Operation(_renew_session, slow=False),
        _IDENTITY + "APIRenewSessionMsg",
    ),
    query("queryAccount", "/v1/accounts", "account"),
    Api(
        "createAccount",
        "POST",
        "/v1/accounts",
        Operation(_create_account, required=("name", "password"), admin=True, slow=False),
        _IDENTITY + "APICreateAccountMsg",
    ),
    Api(
        "updateQuota",
        "PUT",
        "/v1/accounts/quotas/actions",
        Operation(_update_quota, _check_quota, required=("identityUuid", "name"), admin=True, slow=False),
        _IDENTITY + "APIUpdateQuotaMsg",
    ),
    Api(
        "shareResource",
        "PUT",
        "/v1/accounts/resources/actions",
        Operation(_share, required=("resourceUuids",), slow=False),
        _IDENTITY + "APIShareResourceMsg",
    ),
    Api("isManagementNodeReady", "GET", "/v1/management-nodes/ready", Reply(_ready, session=False), auth=False),
    Api("getTaskProgress", "GET", "/v1/task-progresses/{apiId}", Reply(_progress)),
)

APIS: Final[tuple[Api, ...]] = (*_ON_VOLUMES, *_ON_TAGS, *_ON_ACCOUNTS)
