"""The facts that `show` prints on a terminal: each once, dates in UTC with their age, and the next command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from zvol.model import Volume
from zvol.render.row_columns import not_deleted
from zvol.render.summaries import counted
from zvol.render.values import with_command
from zvol.row import AnyRow
from zvol.rows import VolumeRow
from zvol.secrets import from_outside
from zvol.text import escape_terminal, human_age, human_duration, human_size, stamp
from zvol.vm_instance import VmInstance

Fact = tuple[str, str]

NO: Final = {
    "not-deleted": "it is not deleted",
    "root": "it comes back with its VM only",
    "half-expunged": "its destruction has begun",
}
NO_VM: Final = {
    "not-deleted": "it is not destroyed",
    "gone": "its root volume was destroyed: it cannot come back",
    "half-expunged": "the destruction of its root volume has begun: it cannot come back",
}
DOUBTS: Final = {"quota": "quota", "storage": "primary storage", "host": "host"}
"""Reasons why recoverability is unknown, and a word from the note that explains each."""


def facts(row: AnyRow, command: str) -> Iterator[Fact]:
    """Yield labels and escaped texts; `command` is how zvol was called."""
    sentence, rest = _recoverable(row)
    shown = [*_first(row), ("Recoverable", sentence), *(_volume(row) if isinstance(row, VolumeRow) else _vm(row))]
    shown += [("Description", row.resource.text("description") or ""), ("Created", _when(row, "createDate"))]
    if row.deleted_at is None or row.dates.get("lastOpDate") != row.deleted_at:
        shown.append(("Changed", _when(row, "lastOpDate")))
    shown += [(name, with_command(text, command)) for name, text in row.facts]
    shown += [("Note", with_command(note, command)) for note in rest]
    yield from ((label, escape_terminal(from_outside(text))) for label, text in shown if text)
    if row.next:
        yield "Next", f"{command} {row.next}"


def _first(row: AnyRow) -> Iterator[Fact]:
    resource = row.resource
    yield "Name", resource.name or "-"
    yield "UUID", resource.uuid
    state = resource.state if isinstance(resource, VmInstance) else resource.text("status")
    text = state or "unknown"
    if not not_deleted(row) and row.deleted_at is not None:
        text += ", last changed" if row.retention.clock_from == "changed" else ""
        text += f" {_dated(row, row.deleted_at)}"
    yield ("State" if isinstance(resource, VmInstance) else "Status"), text


def _volume(row: VolumeRow) -> Iterator[Fact]:
    volume = row.volume
    used = volume.number("actualSize")
    yield "Size", human_size(volume.size) + (f", {human_size(used)} used" if used is not None else "")
    yield "Storage", named(row.storage, volume.text("primaryStorageUuid"))
    yield from _attached(row)
    kind = [volume.type, volume.text("format"), "shareable" if volume.fields.get("isShareable") is True else None]
    yield "Type", ", ".join(filter(None, kind))
    yield "State", "" if volume.text("state") == "Enabled" else volume.text("state") or ""
    yield "Install path", volume.text("installPath") or ""


def _attached(row: VolumeRow) -> Iterator[Fact]:
    """Yield the VM that a volume is on or was last on, as far as the server remembers it."""
    volume, doubt = row.volume, row.last_vm_doubt
    on, last = volume.text("vmInstanceUuid"), volume.text("lastVmInstanceUuid")
    if on:
        yield "VM", named(row.on_vm or (row.last_vm if volume.type == "Root" else None), on)
    elif last:
        until = f", until {_dated(row, row.dates['lastDetachDate'])}" if "lastDetachDate" in row.dates else ""
        yield "Last VM", f"{named(row.last_vm, last)}{until}{f'; {doubt}' if doubt else ''}"
    else:
        yield "Last VM", doubt or ("none: it was never on a VM" if doubt is not None else "")


def _vm(row: AnyRow) -> Iterator[Fact]:
    vm = row.resource
    if not isinstance(vm, VmInstance):
        return
    cpus, memory = vm.number("cpuNum"), vm.number("memorySize")
    yield "Size", ", ".join(filter(None, ["" if cpus is None else counted(cpus, "CPU"), human_size(memory)]))
    yield "Storage", named(row.storage, vm.root.text("primaryStorageUuid") if isinstance(vm.root, Volume) else None)
    yield "Host", vm.host or ""
    yield "Platform", vm.text("platform") or ""


def last_vm_notes(row: AnyRow) -> list[str]:
    """Return a sentence about the VM that a volume was last on, for records that do not show it in full elsewhere."""
    if not isinstance(row, VolumeRow) or row.volume.text("vmInstanceUuid"):
        return []
    vm, when = row.volume.text("lastVmInstanceUuid"), stamp(row.dates.get("lastDetachDate"))
    if vm is None:
        return [row.last_vm_doubt] if row.last_vm_doubt else []
    until = f", until {when}" if when else ""
    doubt = f" as far as the server remembers: {row.last_vm_doubt}" if row.last_vm_doubt else ""
    called = f"{row.last_vm} ({vm})" if row.last_vm else vm
    return [f"was last on VM {called}{until}{doubt}; it is not attached again by itself"]


def named(name: str | None, uuid: str | None) -> str:
    """Return a name with its UUID, or the UUID alone; empty if there is neither."""
    return f"{name} ({uuid})" if name and uuid else uuid or name or ""


# ---- sentences ---------------------------------------------------------------------------------------------------
def _recoverable(row: AnyRow) -> tuple[str, list[str]]:
    """Return whether and until when it is recoverable, or why not, and the remaining notes."""
    recoverable, reason = row.retention.recoverable, row.retention.reason or ""
    notes = list(row.notes)
    if recoverable is True:
        return f"yes, {_until(row)}", notes
    if recoverable is False:
        why = (NO_VM if isinstance(row.resource, VmInstance) else NO).get(reason, reason)
        text = f"no: {why}"
    else:
        why = next((note for note in notes if reason in DOUBTS and DOUBTS[reason] in note), "")
        text = f"not known: {why}" if why else "not known"
    if row.retention.expunges_after is not None:
        text += f"; safe {_until(row)}"
    return text, [note for note in notes if not why or not note.startswith(why)]


def _until(row: AnyRow) -> str:
    """Return until when it is safe."""
    after, left = row.retention.expunges_after, row.retention.seconds_left
    if after is None:
        return "for ever" if row.retention.policy == "Never" else "until when is not known"
    if left == 0:
        return f"but overdue since {_dated(row, after)}: it may be destroyed at any time"
    return f"until {stamp(after)} ({human_duration(left)} left)" if left is not None else f"until {stamp(after)}"


def _dated(row: AnyRow, instant: float) -> str:
    """Return an instant with its age by the server's clock."""
    age = f" ({human_age(row.server_now - instant)})" if row.server_now is not None else ""
    return f"{stamp(instant)}{age}"


def _when(row: AnyRow, field: str) -> str:
    """Return a date of the server in UTC with its age, or as the server wrote it if its zone is unknown."""
    if field in row.dates:
        return _dated(row, row.dates[field])
    text = row.resource.text(field)
    return f"{text} (on the server's clock)" if text else ""
