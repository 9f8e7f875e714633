"""The APIs of VMs: destroy, recover, expunge and start."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

import json
from typing import Any, Final

from zvol.sandbox import volumes
from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.names import HOST
from zvol.sandbox.node import Node
from zvol.sandbox.store import Row, Tx
from zvol.sandbox.texts import wrapped

_OWN: Final = "vmInstanceUuid = ? AND type IN ('Root', 'Memory', 'Cache')"
"""Volumes that stay on their VM when it is destroyed, and go with it when it is expunged."""
_ADDRESS: Final = ("ip", "netmask", "gateway", "usedIpUuid")


EXPUNGEABLE: Final = (
    "state = 'Destroyed' AND NOT EXISTS (SELECT 1 FROM volumes AS root"
    " WHERE root.uuid = rootVolumeUuid AND root.status != 'Deleted')"
)
"""Which VMs can be expunged: not those whose root volume was recovered alone."""


def _vm_of(node: Node, tx: Tx, call: Call, *states: str) -> Row:
    """Return the row of a call's VM whose turn has come; raises Fault when it went, or is in none of these states."""
    vm = tx.get("vms", call.text("uuid"))
    if vm is None:
        raise node.texts.fault("SYS.1006", f"vm[uuid:{call.text('uuid')}] has been deleted")
    if vm["state"] not in states:
        details = f"current vm instance state[{vm['state']}] doesn't allow to proceed message[{call.api.java}],"
        raise wrapped("SYS.1006", node.texts.fault("VM.1010", f"{details} allowed states are [{', '.join(states)}]"))
    return vm


def _changed(node: Node, tx: Tx, uuid: str) -> Body:
    """Return the result of a change: the inventory with `internalId` and without `lastOpDate`, as it is in memory."""
    inventory: dict[str, Any] = {}
    for name, value in (node.reader.one(tx, "vm", uuid) or {}).items():
        if name != "lastOpDate":
            inventory[name] = value
        if name == "state":
            inventory["internalId"] = tx.value("SELECT rowid FROM vms WHERE uuid = ?", uuid)
    return {"inventory": inventory}


def _destroy(node: Node, tx: Tx, call: Call) -> Body:
    """Destroy a VM: its own volumes are deleted and stay on it, its data volumes are detached, or deleted as well."""
    uuid = call.text("uuid")
    vm = tx.get("vms", uuid)
    if vm is None:
        return {}
    for row in tx.rows("SELECT * FROM volumes WHERE vmInstanceUuid = ? AND type = 'Data'", uuid):
        _detach(node, tx, row)
    if tx.config("deletionPolicy", "vm") == "Direct":
        remove(tx, uuid)
        return {}
    for row in tx.rows(f"SELECT * FROM volumes WHERE {_OWN}", uuid):  # noqa: S608  (ours)
        tx.update("volumes", row["uuid"], status="Deleted")
    nics = [_without_address(nic) for nic in json.loads(vm["vmNics"] or "[]")]
    tx.update("vms", uuid, state="Destroyed", hostUuid=None, vmNics=json.dumps(nics))
    return {}


def _detach(node: Node, tx: Tx, row: Row) -> None:
    """Take a data volume from a VM that is destroyed, and delete it by the policy of volumes if that is configured."""
    last = {"lastVmInstanceUuid": row["vmInstanceUuid"]} if node.release.destroy_remembers else {}
    tx.update("volumes", row["uuid"], vmInstanceUuid=None, deviceId=None, **last)
    if tx.config("dataVolume.deleteOnVmDestroy", "vm") == "true":
        volumes.delete(tx, row["uuid"])


def _without_address(nic: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in nic.items() if name not in _ADDRESS} | {"usedIps": []}


def _recover_root(node: Node, tx: Tx, call: Call) -> None:
    """Do the first step of a recovery: the VM's state is looked at only here, so that a dry run does not tell."""
    vm = _vm_of(node, tx, call, "Destroyed")
    root = tx.get("volumes", vm["rootVolumeUuid"])
    if root is None:
        raise node.texts.fault("SYS.1003", f"cannot find volume[uuid:{vm['rootVolumeUuid']}], it may have been deleted")
    if volumes.host_is_gone(tx, root["uuid"]):
        where = f"the local storage[uuid:{root['primaryStorageUuid']}]"
        details = f"unable to recover the vm[uuid:{vm['uuid']}, name:{vm['name']}], its root volume is on {where}"
        raise node.texts.fault("SYS.1006", f"{details} of a host that has been deleted")
    sql = "SELECT uuid FROM volumes WHERE vmInstanceUuid = ? AND type IN ('Root', 'Cache')"
    for row in tx.rows(sql, vm["uuid"]):
        tx.update("volumes", row["uuid"], status="Ready")


def _recover(node: Node, tx: Tx, call: Call) -> Body:
    """Do the second step; a server that is killed before it leaves the root volume Ready and the VM Destroyed."""
    vm = _vm_of(node, tx, call, "Destroyed")
    tx.update("vms", vm["uuid"], state="Stopped")
    return _changed(node, tx, vm["uuid"])


def _expunge(node: Node, tx: Tx, call: Call) -> Body:
    vm = _vm_of(node, tx, call, "Destroyed")
    root = tx.get("volumes", vm["rootVolumeUuid"])
    if root is not None and root["status"] != "Deleted":
        raise node.texts.refuse("SYS.1006", "not-expungeable", root["uuid"], root["name"])
    remove(tx, vm["uuid"])
    return {}


def _start(node: Node, tx: Tx, call: Call) -> Body:
    """Start a VM on the host it was on; its NICs get no new address."""
    vm = _vm_of(node, tx, call, "Created", "Running", "Stopped", "Crashed")
    host = vm["hostUuid"] or vm["lastHostUuid"] or HOST
    tx.update("vms", vm["uuid"], state="Running", hostUuid=host, lastHostUuid=host)
    return _changed(node, tx, vm["uuid"])


def remove(tx: Tx, uuid: str) -> None:
    """Delete a VM with its own volumes; its data volumes stay."""
    for row in tx.rows(f"SELECT uuid FROM volumes WHERE {_OWN}", uuid):  # noqa: S608  (ours)
        volumes.remove(tx, row["uuid"])
    for table in ("tags", "owners", "shares"):
        tx.run(f"DELETE FROM {table} WHERE resourceUuid = ?", uuid)  # noqa: S608  (names of ours)
    tx.run("DELETE FROM vms WHERE uuid = ?", uuid)


def _quota(node: Node, tx: Tx, call: Call) -> dict[str, int]:
    return {"vm.totalNum": 1}


_ITSELF: Final = (("uuid", "vm"),)
_ACTIONS: Final = "/v1/vm-instances/{uuid}/actions"
_JAVA: Final = "org.zstack.header.vm."

APIS: Final = (
    query("queryVmInstance", "/v1/vm-instances", "vm"),
    query("queryVmInstance", "/v1/vm-instances/{uuid}", "vm"),
    Api(
        "destroyVmInstance",
        "DELETE",
        "/v1/vm-instances/{uuid}",
        Operation(_destroy, targets=_ITSELF, missing_ok=True),
        _JAVA + "APIDestroyVmInstanceMsg",
    ),
    Api(
        "recoverVmInstance",
        "PUT",
        _ACTIONS,
        Operation(_recover, targets=_ITSELF, quota=_quota, begin=_recover_root),
        _JAVA + "APIRecoverVmInstanceMsg",
    ),
    Api(
        "expungeVmInstance",
        "PUT",
        _ACTIONS,
        Operation(_expunge, targets=_ITSELF, missing_ok=True, seconds=10800),
        _JAVA + "APIExpungeVmInstanceMsg",
    ),
    Api("startVmInstance", "PUT", _ACTIONS, Operation(_start, targets=_ITSELF), _JAVA + "APIStartVmInstanceMsg"),
)
