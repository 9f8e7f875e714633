"""Finds the volumes of `zvol attach`, and the VM of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zvol.catalog.by_name import (
    VmRef,
    check_name,
    elsewhere,
    find_vm,
    last_vm_of,
    no_such_volume,
    unchanged,
    volume_named,
)
from zvol.catalog.listing import find_volumes, resource_names
from zvol.catalog.lookalikes import check_list
from zvol.clock import Clock
from zvol.errors import Exit, Refused, ZvolError
from zvol.model import Volume, VolumeArgument
from zvol.text import fold_uuid
from zvol.zstack.last_vm import RELEASE_TRIES, find_doubts
from zvol.zstack.query import condition
from zvol.zstack.resource_kinds import VM_INSTANCE

if TYPE_CHECKING:
    from zvol.zstack.client import Client


@dataclass(frozen=True, slots=True)
class Found:
    """The result for one argument: the volume, read at `read_at` (monotonic seconds), and its VM; or an error."""

    asked: str
    uuid: str | None = None
    volume: Volume | None = None
    vm: str | None = None
    read_at: float = 0.0
    error: ZvolError | None = None

    @property
    def already(self) -> bool:
        return self.volume is not None and self.vm is not None and self.volume.text("vmInstanceUuid") == self.vm


Deletion = Callable[[Volume], str | None]
"""See `zstack.last_vm.find_doubts`."""


def find_attachment(
    client: Client, clock: Clock, argument: VolumeArgument, vm: str | None, deletion: Deletion
) -> Found:
    """Find one volume and its VM; raises its error, and what `_find` raises."""
    [found] = _find(client, clock, [argument], vm, deletion)
    if found.error is not None:
        raise found.error
    return found


def find_attachments(
    client: Client, clock: Clock, arguments: Sequence[VolumeArgument], vm: str | None, deletion: Deletion
) -> list[Found]:
    """Find each volume once; the error of one is in its result, and is not one of usage."""
    found = _find(client, clock, arguments, vm, deletion)
    return [one if one.error is None else replace(one, error=_failed(one.error, one.uuid)) for one in found]


def _failed(error: ZvolError, uuid: str | None) -> ZvolError:
    return ZvolError(error.message, hint=error.hint, kind=error.kind, exit=Exit.FAILED, uuid=uuid)


def _find(
    client: Client, clock: Clock, arguments: Sequence[VolumeArgument], vm: str | None, deletion: Deletion
) -> list[Found]:
    """Find each volume once, and its VM: the given one, or the one that it is on or was last on.

    Raises what `find_vm` and the client raise; an error of one volume is in its result.
    """
    machine = find_vm(client, vm) if vm is not None else None
    shown: dict[str, Volume] = {}
    chosen: dict[str, Found] = {}
    names = _named(client, arguments)
    for one in arguments:
        uuid, error = one.uuid, None
        if uuid is None:
            named = names[one.text]
            uuid, error = (named.uuid, None) if isinstance(named, Volume) else (None, named)
            if isinstance(named, Volume):
                shown[named.uuid] = named
        chosen.setdefault(uuid or one.text, Found(one.text, uuid, error=error))
    if machine is not None:
        check_name(client, machine)
    read_at = clock.monotonic()
    now = client.volumes([one.uuid for one in chosen.values() if one.uuid is not None])
    unsure = {} if machine else find_doubts(_detached(now.values()), client.version, deletion, tries=RELEASE_TRIES)
    return _not_elsewhere(client, [_found(one, now, shown, machine, unsure, read_at) for one in chosen.values()])


def _not_elsewhere(client: Client, found: Sequence[Found]) -> list[Found]:
    """Give each volume that is attached to another VM an error that names that VM."""
    on = {one.asked: where for one in found if one.volume is not None and (where := one.volume.text("vmInstanceUuid"))}
    held = {one.asked for one in found if one.vm is not None and on.get(one.asked, one.vm) != one.vm}
    names = resource_names(client, VM_INSTANCE.path, {on[asked] for asked in held})
    return [
        replace(one, error=elsewhere(one.volume, names.get(on[one.asked], on[one.asked])))
        if one.volume is not None and one.asked in held
        else one
        for one in found
    ]


def vm_names(client: Client, found: Iterable[Found]) -> dict[str, str]:
    """Return the names of the VMs by UUID, without those whose look-up failed."""
    return resource_names(client, VM_INSTANCE.path, {one.vm for one in found})


def is_vm(client: Client, text: str) -> bool:
    """Tell whether the second of two arguments is a VM; otherwise it is a volume.

    Raises Refused for a name that both a VM and a volume have, and what `find_vm` and the client raise.
    """
    uuid = fold_uuid(text)
    if uuid is not None:
        return not client.volumes([uuid])
    no_vm: Refused | None = None
    try:
        find_vm(client, text)
    except Refused as exc:
        no_vm = exc
    by_name = condition("name", "=", text)
    volumes = client.list_volumes(["type=Data", by_name] if by_name else ["type=Data"])
    is_volume = any(one.name == text and not one.deleted for one in volumes)
    if no_vm is None and is_volume:
        from shlex import quote

        hint = f"The VM: --vm {quote(text)}. The volume: give its UUID."
        raise Refused(f"{text} is the name of a VM and of a volume", kind="ambiguous", hint=hint)
    if no_vm is not None and (no_vm.kind != "not-found" or not is_volume):
        raise no_vm
    return no_vm is None


def _named(client: Client, arguments: Sequence[VolumeArgument]) -> dict[str, Volume | Refused]:
    """Return the volume for each name, or its error; raises UsageProblem if standard input is not a list."""
    names = [one.text for one in arguments if one.uuid is None]
    volumes = find_volumes(client, "any", "Data") if names else []
    known = {volume.name for volume in volumes}
    check_list(arguments, known)
    found: dict[str, Volume | Refused] = {}
    for name in names:
        try:
            found[name] = volume_named(volumes, name)
        except Refused as exc:
            found[name] = exc
    return found


def _detached(volumes: Iterable[Volume]) -> list[Volume]:
    return [one for one in volumes if one.text("vmInstanceUuid") is None]


def _found(
    one: Found,
    now: Mapping[str, Volume],
    shown: Mapping[str, Volume],
    machine: VmRef | None,
    unsure: Mapping[str, str],
    read_at: float,
) -> Found:
    """Return an argument with its volume and its VM, or with its error."""
    if one.uuid is None:
        return one
    volume = now.get(one.uuid)
    try:
        if one.uuid in shown:
            volume = unchanged(shown[one.uuid], volume)
        if volume is None:
            raise no_such_volume(one.uuid)
        vm = machine.uuid if machine else volume.text("vmInstanceUuid") or last_vm_of(volume, unsure[volume.uuid])
    except ZvolError as exc:
        return replace(one, volume=volume, error=exc)
    return replace(one, volume=volume, vm=vm, read_at=read_at)
