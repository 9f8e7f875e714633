"""Whether a VM can be recovered, and how: all reasons that can be found, and what is not recovered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from zvol.catalog.recoverability import check_quota, find_storage, policy_note, query, storage_notes
from zvol.catalog.retention import GONE, NOT_DELETED
from zvol.catalog.roots import name_of
from zvol.catalog.vm_volumes import VM_LOST, LastVolume, find_vm_volumes, forgetful
from zvol.errors import ZvolError
from zvol.model import Volume
from zvol.rows import VmRow
from zvol.text import fold_uuid, human_size
from zvol.vm_instance import DESTROYED, VmInstance
from zvol.zstack.last_vm import release_of
from zvol.zstack.query import UUID_BATCH, condition

if TYPE_CHECKING:
    from zvol.zstack.client import Client

QUOTAS: Final = (("vm.totalNum", 1),)
STATIC_IP: Final = "staticIp"
"""The first part of the system tag `staticIp::L3::ADDRESS`."""
NO_HOST: Final = (
    "the host of its local storage does not exist any more, or is not visible to this account: without it, its root"
    " volume is lost"
)
LOCAL: Final = "LocalStorage"
"""The type of primary storage that keeps each volume on one host."""
HALF_EXPUNGED: Final = "the destruction of its root volume has begun: it cannot come back"
STOPPED: Final = "it comes back Stopped and is not started; EIPs that it had do not come back"


@dataclass(frozen=True, slots=True)
class LastVolumes:
    """The data volumes whose last VM is this VM, and a sentence on what is unknown about them, or empty."""

    known: tuple[LastVolume, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a data volume when its VM is recovered, and the commands for what remains to be done."""

    volume: Volume
    text: str
    commands: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        of_it = {name: self.volume.fields.get(name) for name in ("uuid", "name", "size", "status")}
        return of_it | {"fate": self.text, "commands": list(self.commands)}


def with_vm_recoverability(row: VmRow, client: Client) -> VmRow:
    """Return a row with notes, facts and the next command, and with `recoverable` corrected by the look-ups.

    A failed look-up adds a note.
    """
    vm, volumes = row.vm, _last_volumes(row.vm, client)
    snapshots = _snapshots(vm, volumes.known, client)
    of_volumes = [volumes.note] if volumes.note else []
    if isinstance(snapshots, str):
        of_volumes.append(f"which snapshots its volumes have is not known: {snapshots}")
    fates = _fates(vm, volumes.known)
    facts = _facts(vm, fates, {} if isinstance(snapshots, str) else snapshots)
    row = replace(row, facts=facts, data_volumes=tuple(fate.json() for fate in fates))
    if row.retention.reason in (NOT_DELETED, GONE):
        notes = (*row.notes, *_why_not(row), *of_volumes)
        return replace(row, notes=notes, next=_attach(vm, volumes.known))
    row = check_quota(_with_storage_and_host(row, client), client, QUOTAS)
    last = HALF_EXPUNGED if vm.lost else STOPPED
    notes = (*row.notes, *policy_note(row), *of_volumes, *_memory_notes(vm), *_address_notes(vm, client), last)
    again = vm.state == DESTROYED and row.retention.recoverable is not False
    reattach = " --reattach" if any(one.doubt is None for one in volumes.known) else ""
    return replace(row, notes=notes, next=f"recover --vm {name_of(vm)}{reattach}" if again else "")


def _why_not(row: VmRow) -> list[str]:
    """Return why a VM that is not in the recycle bin, or whose root volume is destroyed, cannot be recovered."""
    if row.retention.reason == GONE:
        return ["its root volume was destroyed: it cannot come back"]
    notes = [f"it is not destroyed ({row.vm.state}): nothing to recover"]
    if row.vm.root is None and row.vm.complete:
        notes.append("the server shows no root volume of it")
    elif row.vm.root is not None and row.vm.root.deleted:
        notes.append("its root volume is in the recycle bin all the same")
    return notes


# ---- volumes -----------------------------------------------------------------------------------------------------
def _last_volumes(vm: VmInstance, client: Client) -> LastVolumes:
    release = release_of(client.version)
    try:
        found = find_vm_volumes(client, vm, release)
    except ZvolError as exc:
        return LastVolumes(note=f"which data volumes were on it is not known: {exc.full_text}")
    return LastVolumes(found, forgetful(release))


def _snapshots(vm: VmInstance, volumes: Sequence[LastVolume], client: Client) -> dict[str, int] | str:
    """Return the number of snapshots of each volume that has some, or the message of the error."""
    uuids = [*vm.parts, *(one.volume.uuid for one in volumes)]
    if not uuids:
        return {}
    found = query(client, "/v1/volume-snapshots", f"volumeUuid?={','.join(uuids[:UUID_BATCH])}")
    return found if isinstance(found, str) else Counter(str(one.get("volumeUuid")) for one in found)


def _facts(vm: VmInstance, fates: Sequence[Fate], snapshots: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Return its volumes: the root volume, and each data volume on a line with what happens to it."""
    facts = [("Root volume", _described(vm.root, snapshots))] if vm.root is not None else []
    for fate in fates:
        facts += [("Data volume", _described(fate.volume, snapshots)), ("", fate.text)]
        if fate.commands:
            facts.append(("", ", then ".join(f"`{command}`" for command in fate.commands)))
    return tuple(facts)


def _fates(vm: VmInstance, volumes: Sequence[LastVolume]) -> list[Fate]:
    """Return the data volumes with what happens to them, those that are on the VM first."""
    there = [Fate(one, "it is attached") for one in vm.volumes if one.type == "Data"]
    known = {fate.volume.uuid for fate in there}
    return there + [_fate(vm, one) for one in volumes if one.volume.uuid not in known]


def _described(volume: Volume, snapshots: Mapping[str, int]) -> str:
    count = snapshots.get(volume.uuid, 0)
    many = f", {count} snapshot{'s' if count > 1 else ''}" if count else ""
    return f"{volume.name} ({volume.uuid}), {human_size(volume.size)}, {volume.status}{many}"


def _fate(vm: VmInstance, last: LastVolume) -> Fate:
    """Return whether a data volume is attached again, or why not, and the command for it."""
    commands = tuple(f"zvol {command}" for command in last.commands(vm))
    if not vm.deleted:
        return Fate(last.volume, "it was on it last", commands)
    if last.doubt is None and not vm.lost:
        return Fate(last.volume, "attached again with --reattach")
    return Fate(last.volume, f"not attached again: {last.doubt or VM_LOST}", commands)


def _attach(vm: VmInstance, volumes: Sequence[LastVolume]) -> str:
    """Return the command that attaches the first volume that was on a VM, once the VM is recovered."""
    if vm.deleted:
        return ""
    return next((command for one in volumes if one.doubt is None for command in one.commands(vm)), "")


def _memory_notes(vm: VmInstance) -> list[str]:
    count = sum(one.type == "Memory" for one in vm.volumes)
    return [f"{count} memory snapshot{'s do' if count > 1 else ' does'} not come back"] if count else []


# ---- storage and host --------------------------------------------------------------------------------------------
def _with_storage_and_host(row: VmRow, client: Client) -> VmRow:
    """Return the row with the problems of the storage of its root volume and of its last host."""
    uuid, host = row.vm.root.text("primaryStorageUuid") if row.vm.root is not None else None, row.vm.host
    storage = find_storage(uuid, client)
    notes = storage_notes(storage, "VM")
    if storage == []:
        row = _doubtful(row, "storage")
    found = query(client, "/v1/hosts", f"uuid={host}") if host is not None else []
    if isinstance(found, str):
        notes.append(f"how its last host is, is not known: {found}")
    elif host is not None and not found and _is_local(storage):
        notes.append(NO_HOST)
        row = _doubtful(row, "host")
    elif found and found[0].get("status") != "Connected":
        name, status = found[0].get("name"), found[0].get("status")
        notes.append(f"its last host {name} is {status}: a destroy that is pending there may still reach the VM")
    return replace(row, notes=(*row.notes, *notes))


def _is_local(storage: Sequence[Mapping[str, Any]] | str | None) -> bool:
    return isinstance(storage, list) and bool(storage) and storage[0].get("type") == LOCAL


def _doubtful(row: VmRow, reason: str) -> VmRow:
    """Return the row of a VM that may not be recoverable for a reason, unless it already has one."""
    if row.retention.recoverable is not True:
        return row
    return replace(row, retention=row.retention._replace(recoverable=None, reason=reason))


# ---- addresses ---------------------------------------------------------------------------------------------------
def _address_notes(vm: VmInstance, client: Client) -> list[str]:
    """Return which static addresses of the VM are used by others by now: the recovery takes them from these."""
    found = query(client, "/v1/system-tags", f"resourceUuid={vm.uuid}")
    if isinstance(found, str):
        return [f"whether it gets its static addresses back is not known: {found}"]
    notes = []
    for network, address in _static_addresses(found):
        used = _users(client, network, address)
        if isinstance(used, str):
            notes.append(f"whether it gets its static address {address} back is not known: {used}")
        elif used:
            notes.append(f"its static address {address} is in use by now: it loses it")
    return notes


def _static_addresses(tags: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield network and address of the tags `staticIp::NETWORK::ADDRESS`; in IPv6 the tag has `--` for `::`."""
    for one in tags:
        kind, _, rest = str(one.get("tag")).partition("::")
        network, _, address = rest.partition("::")
        if kind == STATIC_IP and fold_uuid(network) == network and address:
            yield network, address.replace("--", "::")


def _users(client: Client, network: str, address: str) -> list[Mapping[str, Any]] | str:
    """Return the uses of an address, or the message of the error; destroyed VMs have released their addresses."""
    by_address = condition("ip", "=", address)
    if by_address is None:
        return "it is no address"
    try:
        return client.query_all("/v1/l3-networks/ip-address", [f"l3NetworkUuid={network}", by_address], rows=100)
    except ZvolError as exc:
        return exc.full_text
