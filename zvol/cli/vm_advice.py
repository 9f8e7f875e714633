"""The steps that remain after VMs are recovered, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from zvol.journal.request import Request
from zvol.model import VM, VOLUME, Outcome, Result
from zvol.text import enumeration
from zvol.vm_instance import VmInstance

NO_EIPS: Final = "EIPs do not come back with a VM; if it had any, attach them again"
MAX_NAMED: Final = 10


def vm_advice(results: Sequence[Result], request: Request) -> Iterator[str]:
    """Yield the steps that neither the server nor zvol does for the recovered VMs."""
    back = [(vm, one.outcome) for one in results if one.outcome.is_back and isinstance(vm := one.resource, VmInstance)]
    vms = [vm for vm, outcome in back if outcome is Outcome.RECOVERED]
    stopped = [vm.name or vm.uuid for vm, _ in back if vm.state == "Stopped"]
    if len(stopped) == 1:
        yield f"the VM {stopped[0]} is Stopped; start it yourself"
    elif stopped:
        yield f"{len(stopped)} VMs are Stopped; start them yourself"
    if vms:
        yield NO_EIPS
    attached = [result for result in results if result.target == VOLUME and _is_on_one_of(result, results)]
    if attached:
        yield f"{len(attached)} {'volume is' if len(attached) == 1 else 'volumes are'} attached again"
    if vms and request.vms and not request.reattach:
        again = f"`zvol recover --vm {vms[0].uuid if len(vms) == 1 else 'VM'} --reattach`"
        yield f"data volumes are not attached yet; {again} attaches those that were on it"
    coming = {result.uuid for result in results if result.target == VM and result.outcome.success}
    planned = [result.uuid or "" for result in results if result.outcome.success and _last_vm(result) in coming]
    if request.vms and request.dry_run and planned:
        yield f"would be attached to the VM again: {enumeration(planned, MAX_NAMED)}"


def _is_on_one_of(result: Result, vms: Sequence[Result]) -> bool:
    """Tell whether a volume is on one of the VMs."""
    where = result.volume.text("vmInstanceUuid") if result.volume is not None and result.outcome.is_back else None
    return where is not None and any(vm.uuid == where and vm.target == VM for vm in vms)


def _last_vm(result: Result) -> str:
    """Return the VM that a volume was last on, empty if there is none."""
    return (result.volume.text("lastVmInstanceUuid") if result.volume is not None else None) or ""
