"""The volumes that are recovered with a VM: those that were on it when it was destroyed; others are only named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from zvol.catalog.lookups import unknown_facts
from zvol.catalog.vm_volumes import VM_LOST, LastVolume, forgetful, last_volumes, on_it
from zvol.errors import CannotTell, Exit, Refused, TransientError, ZvolError, most_severe
from zvol.model import LEFT_ALONE, Result, Target, Volume
from zvol.vm_instance import VmInstance
from zvol.zstack.last_vm import MAYBE_NO_LAST_VM
from zvol.zstack.query import UUID_BATCH
from zvol.zstack.resource_kinds import VM_INSTANCE
from zvol.zstack.versions import NO_LAST_VM, UNKNOWN_RELEASE, Feature, Release

if TYPE_CHECKING:
    from zvol.zstack.client import Client

Remembered = Callable[[VmInstance], str | None]
WHICH: Final = "which volumes were on the VM"


@dataclass(frozen=True, slots=True)
class Notes:
    """The warnings about volumes of a VM that are left unchanged; `undecided`: some may have been on it at the end."""

    warnings: tuple[str, ...] = ()
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class Reattachment:
    """The VMs, each followed by the volumes to attach to it again, and the warnings about the others."""

    targets: tuple[Target, ...]
    notes: Mapping[str, Notes] = field(default_factory=dict)

    def annotated(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield results; those of VMs get the warnings about volumes that are left unchanged."""
        for result in results:
            notes = self.notes.get(result.uuid or "", Notes())
            exits = (result.extra_exit, Exit.FAILED if notes.undecided else Exit.OK)
            yield result._replace(warnings=(*result.warnings, *notes.warnings), extra_exit=most_severe(exits))


def find_reattached(client: Client, vms: Sequence[Target], destruction: Remembered) -> Reattachment:
    """Find the data volumes that were on these VMs when they were destroyed.

    `destruction` returns the lastOpDate that a VM had before it was recovered, None if unknown. VMs and volumes are
    bound to the state read here; one that changes afterwards is left unchanged. Raises ZvolError if a look-up fails;
    nothing may be sent then.
    """
    targets, notes = list[Target](), dict[str, Notes]()
    try:
        release = _release(client) if vms else UNKNOWN_RELEASE
        for start in range(0, len(vms), UUID_BATCH):
            for target, vm, volumes in _look_up(client, vms[start : start + UUID_BATCH], release, destruction):
                targets.append(target if vm is None else target._replace(shown=target.shown or vm.last_op_date))
                targets += [_together(target, one) for one in on_it(volumes or ())]
                notes[target.uuid] = _notes(vm, volumes, release)
    except ZvolError as exc:
        raise unknown_facts("--reattach", {WHICH: exc}) from exc
    return Reattachment(tuple(targets), notes)


def _together(vm: Target, volume: Volume) -> Target:
    return Target(volume.uuid, volume.uuid, vm.order, volume.last_op_date, vm=vm.uuid)


def _release(client: Client) -> Release:
    """Return the release of the server, or an unknown release if the server does not tell it."""
    try:
        return client.version()
    except CannotTell:
        return UNKNOWN_RELEASE


def _look_up(
    client: Client, targets: Sequence[Target], release: Release, destruction: Remembered
) -> Iterator[tuple[Target, VmInstance | None, tuple[LastVolume, ...] | None]]:
    """Yield each VM as it is, None if it does not exist, with its volumes, None if they cannot be determined."""
    uuids = [target.uuid for target in targets]
    seen = client.read_resources(uuids, kind=VM_INSTANCE)
    if seen.unclear:
        raise TransientError("the answer does not cover all VMs")
    volumes, trusted = _volumes(client, uuids, release), release.has(Feature.LAST_VM_AFTER_DESTROY) is True
    for target in targets:
        vm = seen.found.get(target.uuid)
        if volumes is None or vm is None:
            yield target, vm, None
            continue
        own = last_volumes(vm, volumes, trusted=trusted, destroyed=None if vm.deleted else destruction(vm))
        if vm.lost:
            own = tuple(replace(one, doubt=VM_LOST, undecided=False) for one in own)
        yield target, vm, own


def _volumes(client: Client, vms: Sequence[str], release: Release) -> list[Volume] | None:
    """Return the data volumes whose last VM is one of these; None if the server does not remember it."""
    if release.has(Feature.LAST_VM) is False:
        return None
    try:
        return client.list_volumes([f"lastVmInstanceUuid?={','.join(vms)}", "type=Data"])
    except Refused:
        if release.has(Feature.LAST_VM):
            raise
        return None


def _notes(vm: VmInstance | None, volumes: Sequence[LastVolume] | None, release: Release) -> Notes:
    if vm is None:
        return Notes()
    if volumes is None:
        why = NO_LAST_VM if release.has(Feature.LAST_VM) is False else MAYBE_NO_LAST_VM
        return Notes((f"no volume was attached: {why}",), undecided=True)
    left = [one for one in volumes if one.doubt is not None and one.volume.text("vmInstanceUuid") != vm.uuid]
    warnings, forgets = [_warning(vm, one) for one in left], forgetful(release)
    if forgets:
        warnings.append(forgets)
    return Notes(tuple(warnings), bool(forgets) or any(one.undecided for one in left))


def _warning(vm: VmInstance, left: LastVolume) -> str:
    """Return why a volume is left unchanged, and the command for it."""
    volume = left.volume
    called = f"volume {volume.name} ({volume.uuid})" if volume.name else f"volume {volume.uuid}"
    commands = ", then ".join(f"`zvol {command}`" for command in left.commands(vm))
    return f"{called} {LEFT_ALONE} {left.doubt}{f'; to do it yourself: {commands}' if commands else ''}"
