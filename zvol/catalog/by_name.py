"""What `zvol attach` finds by name, and why a volume or a VM cannot be taken; `attachments.py` finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zvol.catalog.lookalikes import explained
from zvol.catalog.lookups import first_named
from zvol.errors import Refused, UsageProblem
from zvol.model import Volume
from zvol.text import fold_uuid, has_control
from zvol.zstack.last_vm import NEVER_ON_A_VM
from zvol.zstack.resource_kinds import DATA_VOLUME

if TYPE_CHECKING:
    from zvol.zstack.client import Client


@dataclass(frozen=True, slots=True)
class VmRef:
    """A VM; `name` is the name that the user gave, None if the UUID was given."""

    uuid: str
    name: str | None = None


def elsewhere(volume: Volume, vm: str) -> Refused:
    """Return the error of a volume that is attached to another VM; `vm` is the name of that, or its UUID."""
    name = volume.name or volume.uuid
    return Refused(f"{name} is attached to {vm}; detach it there first", uuid=volume.uuid)


def last_vm_of(volume: Volume, unsure: str) -> str:
    """Return the VM that a volume was last on; raises UsageProblem or Refused if that is uncertain.

    `unsure` is the doubt about it, see `zstack.last_vm.find_doubts`.
    """
    last, hint = volume.text("lastVmInstanceUuid"), "Name the VM, by UUID or by name"
    if last is None:
        raise UsageProblem(unsure or NEVER_ON_A_VM, hint=f"{hint}: `zvol attach {volume.uuid} VM`")
    if unsure:
        text = f"the volume was on VM {last}, but {unsure}; it was not attached"
        raise Refused(text, uuid=volume.uuid, kind="undecided", hint=f"{hint}: `zvol attach {volume.uuid} {last}`")
    return last


def no_such_volume(uuid: str) -> Refused:
    return Refused("there is no such volume", uuid=uuid, kind="gone")


def volume_named(volumes: Sequence[Volume], name: str) -> Volume:
    """Return the volume with this name that is not deleted; raises Refused unless there is exactly one."""
    matches = {volume.uuid: volume for volume in volumes if volume.name == name and not DATA_VOLUME.is_deleted(volume)}
    deleted = [volume for volume in volumes if volume.name == name and DATA_VOLUME.is_deleted(volume)]
    if deleted and not matches:
        uuid = deleted[0].uuid if len(deleted) == 1 else "UUID"
        hint = f"Recover it first: `zvol recover {uuid} --reattach`"
        raise Refused(f"{name} is deleted", kind="not-found", hint=hint)
    hint = "`zvol list --status any` shows all; attach takes one that is not deleted."
    return matches[_only(list(matches), name, "data volume", hint)]


def find_vm(client: Client, asked: str) -> VmRef:
    """Return the VM with a UUID, or the only VM with this name that is not destroyed.

    Raises UsageProblem for an invalid name, Refused if there is none or several, and what the client raises.
    """
    uuid = fold_uuid(asked)
    if uuid is not None:
        return VmRef(uuid)
    if not asked.strip() or has_control(asked):
        raise UsageProblem("VM is empty or holds a control character; nothing was sent")
    vms = client.query_all("/v1/vm-instances", fields="uuid,name,state")
    vms = [vm for vm in vms if vm.get("state") != "Destroyed"]
    matches = [vm["uuid"] for vm in vms if vm.get("name") == asked and isinstance(vm.get("uuid"), str)]
    names = sorted({str(vm.get("name")) for vm in vms})
    return VmRef(_only(matches, asked, "VM", known=f"; known: {first_named(names)}" if names else ""), asked)


def check_name(client: Client, vm: VmRef) -> None:
    """Raise Refused if the VM no longer has the name that the user gave.

    Between the look-up of a name and the change, another user may have renamed something.
    """
    if vm.name is not None:
        found = client.query_all("/v1/vm-instances", [f"uuid={vm.uuid}"])
        if [one.get("name") for one in found if one.get("state") != "Destroyed"] != [vm.name]:
            raise Refused(f"VM {vm.name} was renamed or destroyed meanwhile", kind="changed")


def unchanged(shown: Volume, now: Volume | None) -> Volume:
    """Return the volume as it is now; raises Refused if it has changed since its name was looked up."""
    if now is None or DATA_VOLUME.deletion_of(now) != DATA_VOLUME.deletion_of(shown):
        raise Refused(
            "the volume was deleted or changed after its name was looked up, so it was not attached",
            uuid=shown.uuid,
            kind="changed",
            hint=f"Look at it with `zvol show {shown.uuid}`, then run the command again if you still want it.",
        )
    return now


def _only(uuids: Sequence[str], name: str, what: str, hint: str = "", *, known: str = "") -> str:
    if len(uuids) == 1:
        return uuids[0]
    if not uuids:
        raise Refused(f"there is no {what} {name}{explained(name)}{known}", kind="not-found", hint=hint)
    hint = f"Give the UUID of the one you mean: {first_named(uuids)}"
    raise Refused(f"{len(uuids)} {what}s are called {name}", kind="ambiguous", hint=hint)
