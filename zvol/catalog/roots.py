"""Root volumes: they are recovered with their VM, and alone only if the VM is known to be gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.catalog.lookups import unknown_facts
from zvol.errors import TransientError, ZvolError
from zvol.model import Outcome, Result, Target, Volume
from zvol.text import fold_uuid, is_plain_name
from zvol.vm_instance import DESTROYED, DESTROYED_STATES, VmInstance
from zvol.zstack.query import UUID_BATCH
from zvol.zstack.resource_kinds import VM_INSTANCE

if TYPE_CHECKING:
    from zvol.zstack.client import Client

WHOSE: Final = "whether the VM of a root volume is still there"


def refuse_roots(client: Client, targets: Sequence[Target]) -> tuple[list[Target], list[Result]]:
    """Return the targets without deleted root volumes whose VM still exists, and the results for these.

    Raises ZvolError if a look-up fails; nothing may be sent then.
    """
    try:
        volumes = client.volumes([target.uuid for target in targets])
        roots = {uuid: volume for uuid, volume in volumes.items() if volume.deleted and volume.type != "Data"}
        vms = _vms(client, roots.values())
    except ZvolError as exc:
        raise unknown_facts("--allow-root", {WHOSE: exc}) from exc
    refused = {uuid: vms[vm] for uuid, volume in roots.items() if (vm := volume.text("vmInstanceUuid")) in vms}
    results = [_refusal(one, roots[one.uuid], refused[one.uuid]) for one in targets if one.uuid in refused]
    return [target for target in targets if target.uuid not in refused], results


def _refusal(target: Target, root: Volume, vm: VmInstance) -> Result:
    return Result(target.asked, target.uuid, Outcome.FAILED, resource=root, error=root_error(root, vm))


def explain_roots(client: Client, results: Iterable[Result]) -> Iterator[Result]:
    """Yield results; those of refused root volumes name their VM, if it can be looked up, and are delayed."""
    refused: list[Result] = []
    for result in results:
        if result.error is None or result.error.kind != "root":
            yield result
            continue
        refused.append(result)
        if len(refused) == UUID_BATCH:
            yield from _explained(client, refused)
            refused = []
    yield from _explained(client, refused)


def _explained(client: Client, refused: Sequence[Result]) -> Iterator[Result]:
    volumes = [result.volume for result in refused if result.volume is not None]
    try:
        vms = _vms(client, volumes)
    except ZvolError:
        yield from refused
        return
    for result in refused:
        volume = result.volume
        vm = vms.get(volume.text("vmInstanceUuid") or "") if volume is not None else None
        yield result if volume is None else result._replace(error=root_error(volume, vm))


def root_error(volume: Volume, vm: VmInstance | None) -> ZvolError:
    """Return why a root volume is refused, with the command that recovers it; `vm` is None if it is gone."""
    if vm is None:
        text = (
            f"it is a {volume.type} volume, not a data volume, and its VM is gone: nothing can start from it by itself"
        )
        hint = f"If you need its data: `zvol recover {volume.uuid} --allow-root`."
        return ZvolError(text, kind="root", hint=hint)
    whose = vm.name or vm.uuid
    if vm.state is not None and vm.state not in DESTROYED_STATES:
        text = (
            f"it is the {volume.type} volume of VM {whose}, which is {vm.state}, not destroyed: a root volume comes"
            " back only together with a destroyed VM"
        )
        return ZvolError(text, kind="root", hint=f"`zvol show --vm {vm.uuid}` shows the VM; ask the administrator.")
    text = f"it is the {volume.type} volume of VM {whose}: alone it would come back while the VM stays destroyed"
    return ZvolError(text, kind="root", hint=f"Recover the VM with it: `zvol recover --vm {name_of(vm)}`.")


def name_of(vm: VmInstance) -> str:
    """Return the argument of `--vm` for a VM: its name, if that is plain and the VM is destroyed, or else its UUID."""
    return vm.name if is_plain_name(vm.name) and vm.state == DESTROYED else vm.uuid


def _vms(client: Client, volumes: Iterable[Volume]) -> dict[str, VmInstance]:
    """Return the existing VMs of volumes by UUID."""
    uuids = sorted({vm for volume in volumes if (vm := volume.text("vmInstanceUuid")) is not None})
    if any(fold_uuid(uuid) != uuid for uuid in uuids):
        raise TransientError("an inventory whose VM is no UUID")
    found: dict[str, VmInstance] = {}
    for start in range(0, len(uuids), UUID_BATCH):
        part = uuids[start : start + UUID_BATCH]
        rows = client.query_all(VM_INSTANCE.path, [f"uuid?={','.join(part)}"], fields="uuid,name,state")
        found |= {row["uuid"]: VmInstance(row["uuid"], row) for row in rows if row.get("uuid") in part}
    return found
