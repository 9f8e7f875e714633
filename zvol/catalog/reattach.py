"""Which data volumes were on a VM when it was destroyed; the others that name it are only listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from zvol.catalog.lookups import unknown_facts
from zvol.errors import CannotTell, Exit, Refused, TransientError, ZvolError, most_severe
from zvol.model import Result, Target, Volume
from zvol.vm_instance import DESTROYED_STATES, VmInstance
from zvol.zstack.dates import parse_server_date
from zvol.zstack.last_vm import MAYBE_NO_LAST_VM
from zvol.zstack.resource_kinds import VM_INSTANCE
from zvol.zstack.versions import NO_LAST_VM, UNKNOWN_RELEASE, Feature, Release

if TYPE_CHECKING:
    from zvol.zstack.client import Client

TOGETHER: Final = 60
"""Seconds; a volume that was deleted with its VM was deleted no longer before or after it."""

BATCH: Final = 50
"""The most VMs that a request names: their UUIDs fit into a URL of 2,000 characters."""

WHICH: Final = "which volumes were on the VM"
NOT_TOLD: Final = "may have been on it, which this server does not tell for certain (ZStack before 4.8)"


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A volume that names a VM and is not attached to it: `why`.

    `certain`: it was not on the VM when that was destroyed.
    """

    why: str
    certain: bool = True


@dataclass(slots=True)
class VmVolumes:
    """What is done with the volumes of one VM: `attached` are attached again, `warnings` name the others.

    `undecided`: of some it is not known whether they were on it.
    """

    attached: list[Volume] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class Reattachment:
    """The VMs, each followed by the volumes that are attached to it again, and what was found of each VM."""

    targets: tuple[Target, ...]
    found: Mapping[str, VmVolumes] = field(default_factory=dict)

    def annotated(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield results, those of VMs with the warnings about volumes that were left alone."""
        for result in results:
            found = self.found.get(result.uuid or "")
            if found is None:
                yield result
                continue
            exits = (result.extra_exit, Exit.FAILED if found.undecided else Exit.OK)
            yield replace(result, warnings=(*result.warnings, *found.warnings), extra_exit=most_severe(exits))


def find_attached(client: Client, vms: Sequence[Target]) -> Reattachment:
    """Find the data volumes that were on these VMs when they were destroyed.

    They are bound to what is read here: a volume or VM that changes after that is left as it is.  Raises ZvolError when
    a look-up fails: then nothing may be sent.
    """
    try:
        return _find(client, vms)
    except ZvolError as exc:
        raise unknown_facts("--reattach", {WHICH: exc}) from exc


def _find(client: Client, vms: Sequence[Target]) -> Reattachment:
    targets, found = list[Target](), dict[str, VmVolumes]()
    release = _release(client) if vms else UNKNOWN_RELEASE
    for start in range(0, len(vms), BATCH):
        part = vms[start : start + BATCH]
        seen = client.read_resources([vm.uuid for vm in part], kind=VM_INSTANCE)
        if seen.unclear:
            raise TransientError("the answer does not tell about all VMs")
        volumes = _volumes(client, [vm.uuid for vm in part], release)
        for target in part:
            vm = seen.found.get(target.uuid)
            named = [one for one in volumes or () if one.text("lastVmInstanceUuid") == target.uuid]
            own = found[target.uuid] = _sort(target.uuid, vm, named, release)
            if volumes is None and vm is not None:
                own.undecided = True
                own.warnings.append(NO_LAST_VM if release.has(Feature.LAST_VM) is False else MAYBE_NO_LAST_VM)
            targets.append(target if vm is None else replace(target, shown=target.shown or vm.last_op_date))
            targets += [
                Target(one.uuid, one.uuid, target.order, one.last_op_date, vm=target.uuid) for one in own.attached
            ]
    return Reattachment(tuple(targets), found)


def _release(client: Client) -> Release:
    """Return the release of the server, an unknown one when the server does not tell it."""
    try:
        return client.version()
    except CannotTell:
        return UNKNOWN_RELEASE


def _volumes(client: Client, vms: Sequence[str], release: Release) -> list[Volume] | None:
    """Return the data volumes that name one of these VMs as their last; None where the server remembers none."""
    if release.has(Feature.LAST_VM) is False:
        return None
    try:
        return client.list_volumes([f"lastVmInstanceUuid?={','.join(vms)}", "type=Data"])
    except Refused:
        if release.has(Feature.LAST_VM):
            raise
        return None


def _sort(uuid: str, vm: VmInstance | None, named: Sequence[Volume], release: Release) -> VmVolumes:
    """Decide about each volume that names a VM."""
    found = VmVolumes()
    for volume in named:
        if volume.text("vmInstanceUuid") == uuid:
            continue
        verdict = left_alone(volume, vm, release)
        if verdict is None:
            found.attached.append(volume)
            continue
        command = "" if volume.text("vmInstanceUuid") else _command(volume, None if vm is None or vm.gone else uuid)
        called = f"volume {volume.name} ({volume.uuid})" if volume.name else f"volume {volume.uuid}"
        found.warnings.append(f"{called} {verdict.why}, and was left alone{command}")
        found.undecided = found.undecided or not verdict.certain
    return found


def left_alone(volume: Volume, vm: VmInstance | None, release: Release) -> LeftAlone | None:
    """Return why a volume that names a VM as its last is not attached to it; None when it was on it for certain.

    The destruction of a VM detaches its volumes without a date; everything else that detaches one writes a date
    (contract, checked parts 12 and 26).
    """
    attached, detached = volume.text("lastAttachDate"), volume.text("lastDetachDate")
    since = parse_server_date(attached or "")
    until = parse_server_date(detached or "")
    if vm is None or vm.gone:
        return LeftAlone("was on the VM, which cannot come back")
    if (where := volume.text("vmInstanceUuid")) is not None:
        return LeftAlone(f"is on VM {where} now")
    if volume.fields.get("isShareable") is True:
        return LeftAlone("is shareable, and the server does not tell which VMs it was on", certain=False)
    if not release.has(Feature.LAST_VM_AFTER_DESTROY):
        return LeftAlone(NOT_TOLD, certain=False)
    if since is None or (detached is not None and until is None):
        return LeftAlone("may have been on it: the server does not tell when it was attached", certain=False)
    if until is not None and since <= until:
        return LeftAlone("was detached before the VM was destroyed")
    return _deleted_apart(volume, vm) if volume.deleted else None


def _deleted_apart(volume: Volume, vm: VmInstance) -> LeftAlone | None:
    """Return why a deleted volume is not recovered: it was not deleted together with the VM, as far as can be told."""
    destroyed = parse_server_date(vm.last_op_date or "") if vm.state in DESTROYED_STATES else None
    deleted = parse_server_date(volume.last_op_date or "")
    if destroyed is None or deleted is None:
        return LeftAlone("is deleted, and whether that was together with the VM cannot be told any more", certain=False)
    if abs((deleted - destroyed).total_seconds()) > TOGETHER:
        return LeftAlone("was not deleted together with the VM")
    return None


def _command(volume: Volume, vm: str | None) -> str:
    """Return what brings a volume back to a VM that is there, or only back, as the end of a sentence."""
    commands = [f"`zvol recover {volume.uuid}`"] if volume.deleted else []
    commands += [f"`zvol attach {volume.uuid} {vm}`"] if vm is not None else []
    return f": {', then '.join(commands)}" if commands else ""
