"""Any number of destroyed VMs for a sandbox, each with a root volume, a data volume that stayed and a deleted one."""

from __future__ import annotations

from typing import Any

from tests.support.kinds import deleted_with, extra_root, extra_vm, kept_with
from zvol.sandbox.names import ADMIN, HOUR, OLD_APP, volume_uuid
from zvol.sandbox.store import Tx

COPIED = (volume_uuid(9), volume_uuid(18), volume_uuid(19))
"""The volumes of the seeded cloud that those of a VM are copies of."""
LONG_AGO = 240 * HOUR


def destroy_vms(tx: Tx, number: int) -> None:
    """Insert that many destroyed VMs, unless they are there."""
    if number == 0 or tx.get("vms", extra_vm(1)) is not None:
        return
    tx.run("CREATE INDEX IF NOT EXISTS volumes_by_last_vm ON volumes (lastVmInstanceUuid)")
    vm, rows = dict(tx.get("vms", OLD_APP) or {}), [dict(tx.get("volumes", one) or {}) for one in COPIED]
    for one in range(1, number + 1):
        uuid, at = extra_vm(one), tx.now - HOUR - one % (24 * HOUR)
        _insert(tx, "vms", vm, uuid, f"vm-{one:05}", at, rootVolumeUuid=extra_root(one), vmNics="[]", vmCdRoms="[]")
        was = {"lastVmInstanceUuid": uuid, "lastAttachDate": at - LONG_AGO, "lastDetachDate": None}
        _insert(tx, "volumes", rows[0], extra_root(one), f"ROOT-for-vm-{one:05}", at, vmInstanceUuid=uuid)
        _insert(tx, "volumes", rows[1], kept_with(uuid), f"kept-{one:05}", at, **was)
        _insert(tx, "volumes", rows[2], deleted_with(uuid), f"gone-{one:05}", at + 1, **was)


def _insert(tx: Tx, table: str, row: dict[str, Any], uuid: str, name: str, at: int, **fields: Any) -> None:
    tx.insert("owners", {"resourceUuid": uuid, "accountUuid": ADMIN})
    tx.insert(table, row | {"uuid": uuid, "name": name, "lastOpDate": at} | fields)
