"""VMs: destroyed and recovered."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

from typing import Final

from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx


def _destroy(node: Node, tx: Tx, call: Call) -> Body:
    """Destroy a VM: its root volume is deleted and stays on it, its data volumes are detached."""
    uuid = call.text("uuid")
    for row in tx.rows("SELECT * FROM volumes WHERE vmInstanceUuid = ?", uuid):
        if row["type"] == "Root":
            tx.update("volumes", row["uuid"], status="Deleted")
        else:
            tx.update("volumes", row["uuid"], vmInstanceUuid=None, deviceId=None, lastVmInstanceUuid=uuid)
    tx.update("vms", uuid, state="Destroyed", hostUuid=None)
    return {}


def _check_recover(node: Node, tx: Tx, call: Call) -> None:
    state = tx.value("SELECT state FROM vms WHERE uuid = ?", call.text("uuid"))
    if state != "Destroyed":
        raise node.texts.fault("SYS.1006", f"vm[uuid:{call.text('uuid')}] is in state {state}, not Destroyed")


def _recover(node: Node, tx: Tx, call: Call) -> Body:
    uuid = call.text("uuid")
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
        Operation(_destroy, None, _ITSELF, missing_ok=True),
        "org.zstack.header.vm.APIDestroyVmInstanceMsg",
    ),
    Api(
        "recoverVmInstance",
        "PUT",
        "/v1/vm-instances/{uuid}/actions",
        Operation(_recover, _check_recover, _ITSELF),
        "org.zstack.header.vm.APIRecoverVmInstanceMsg",
    ),
)
