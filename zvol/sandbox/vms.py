"""VMs: destroyed and recovered."""

from __future__ import annotations

from typing import Final

from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx
from zvol.sandbox.texts import wrapped


def _destroy(node: Node, tx: Tx, call: Call) -> Body:
    """Destroy a VM: its root volume is deleted and stays on it, its data volumes are detached, or deleted as well."""
    uuid = call.text("uuid")
    status = {"status": "Deleted"} if tx.config("dataVolume.deleteOnVmDestroy", "vm") == "true" else {}
    last = {"lastVmInstanceUuid": uuid} if node.release.destroy_remembers else {}
    for row in tx.rows("SELECT * FROM volumes WHERE vmInstanceUuid = ?", uuid):
        if row["type"] == "Root":
            tx.update("volumes", row["uuid"], status="Deleted")
        else:
            tx.update("volumes", row["uuid"], vmInstanceUuid=None, deviceId=None, **last, **status)
    tx.update("vms", uuid, state="Destroyed", hostUuid=None)
    return {}


def _recover(node: Node, tx: Tx, call: Call) -> Body:
    """Recover a VM with its root volume; its state is looked at here, so that a dry run does not tell."""
    uuid = call.text("uuid")
    state = tx.value("SELECT state FROM vms WHERE uuid = ?", uuid)
    if state != "Destroyed":
        details = f"current vm instance state[{state}] doesn't allow to proceed message[{call.api.java}],"
        raise wrapped("SYS.1006", node.texts.fault("VM.1010", f"{details} allowed states are [Destroyed]"))
    root = tx.value("SELECT rootVolumeUuid FROM vms WHERE uuid = ?", uuid)
    tx.update("volumes", root, status="Ready")
    tx.update("vms", uuid, state="Stopped")
    return {"inventory": node.reader.one(tx, "vm", uuid)}


_ITSELF: Final = (("uuid", "vm"),)

APIS: Final = (
    query("queryVmInstance", "/v1/vm-instances", "vm"),
    query("queryVmInstance", "/v1/vm-instances/{uuid}", "vm"),
    Api(
        "destroyVmInstance",
        "DELETE",
        "/v1/vm-instances/{uuid}",
        Operation(_destroy, targets=_ITSELF, missing_ok=True),
        "org.zstack.header.vm.APIDestroyVmInstanceMsg",
    ),
    Api(
        "recoverVmInstance",
        "PUT",
        "/v1/vm-instances/{uuid}/actions",
        Operation(_recover, targets=_ITSELF),
        "org.zstack.header.vm.APIRecoverVmInstanceMsg",
    ),
)
