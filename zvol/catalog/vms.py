"""Lists destroyed VMs with their time left, and finds a VM by its UUID or name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from zvol.catalog.listing import STORAGES, RetentionContext, resource_names
from zvol.catalog.resolve import Resolution
from zvol.catalog.retention import most_urgent_first, vm_row
from zvol.model import Result, Target
from zvol.rows import VmRow
from zvol.vm_instance import DESTROYED, VmInstance
from zvol.zstack.resource_kinds import VM_INSTANCE

if TYPE_CHECKING:
    from zvol.zstack.client import Client

IN_BIN: Final = f"{VM_INSTANCE.state_field}={DESTROYED}"
"""The condition that finds destroyed VMs."""
CLOCK_FIELDS: Final = "uuid,name,state,lastOpDate"
"""The fields that the time left of a VM depends on."""
COUNT_SECONDS: Final = 2.0
"""Timeout of a request that only a hint depends on."""


def find_destroyed(client: Client) -> list[VmInstance]:
    """Return all destroyed VMs; raises what the client raises."""
    return client.list_resources([IN_BIN], kind=VM_INSTANCE)


def count_destroyed(client: Client) -> int:
    """Return the number of destroyed VMs, from one short request; raises what the client raises."""
    query = [("q", IN_BIN), ("fields", "uuid"), ("limit", "1"), ("replyWithCount", "true")]
    found = client.query_page(VM_INSTANCE.path, query, COUNT_SECONDS)
    return len(found.inventories) if found.total is None else found.total


def clocks_of_destroyed(client: Client, context: RetentionContext) -> list[VmRow]:
    """Return all destroyed VMs with their time left only, in small answers; raises what the client raises."""
    found = client.query_all(VM_INSTANCE.path, [IN_BIN], fields=CLOCK_FIELDS)
    return _rows([VmInstance(str(one.get("uuid")), one) for one in found], context, {})


def vm_rows(client: Client, vms: Iterable[VmInstance], context: RetentionContext) -> list[VmRow]:
    """Return VMs with their time left and names, most urgent first; a failed look-up only leaves values out."""
    vms = list(vms)
    roots = [vm.root for vm in vms if vm.root is not None]
    return _rows(vms, context, resource_names(client, STORAGES, {one.text("primaryStorageUuid") for one in roots}))


def _rows(vms: Iterable[VmInstance], context: RetentionContext, storages: dict[str, str]) -> list[VmRow]:
    policy = context.policy(VM_INSTANCE)
    return sorted((vm_row(vm, policy, context.zone, context.now, storages) for vm in vms), key=most_urgent_first)


def with_existing_vms(resolution: Resolution) -> Resolution:
    """Return a resolution in which a name that no destroyed VM has means the only other VM with that name."""
    targets, refused = {one.uuid: one for one in resolution.targets}, list[Result]()
    for result in resolution.refused:
        others = [one for one in result.candidates if isinstance(one, VmInstance)]
        if len(others) == 1:
            targets.setdefault(others[0].uuid, Target(result.asked, others[0].uuid, kind=VM_INSTANCE.name))
        else:
            refused.append(result)
    return Resolution(tuple(targets.values()), tuple(refused))
