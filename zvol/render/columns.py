"""The columns of volumes and VMs by key, and the tables of `list` and `show`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

from zvol.errors import UsageProblem
from zvol.render import row_columns as shared
from zvol.render.facts import facts, last_vm_notes
from zvol.render.row_columns import WIDE, WIDER, field, size
from zvol.render.values import Column, Fit, Table, text_column, with_command
from zvol.row import AnyRow
from zvol.rows import VmRow, VolumeRow
from zvol.secrets import from_outside
from zvol.text import did_you_mean, escape_terminal, human_size

R = TypeVar("R", bound=AnyRow)


def _last_vm(row: AnyRow, name: object) -> str:
    """Show the VM that a volume was last on, with a mark if it is doubtful or unknown."""
    if name is None:
        return "unknown" if row.last_vm_doubt else "-"
    return escape_terminal(str(from_outside(name))) + (" (or another)" if row.last_vm_doubt else "")


def last_vm(row: VolumeRow) -> object:
    return row.volume.fields.get("lastVmInstanceUuid")


def _storage(row: VolumeRow) -> object:
    return row.volume.fields.get("primaryStorageUuid")


def _vm_or_left(row: AnyRow) -> str:
    """Show the VM that a volume is on, or for a deleted volume the time left."""
    if not shared.not_deleted(row):
        return shared.LEFT.text(row) + (" left" if row.retention.seconds_left else "")
    on = row.on_vm or row.volume.fields.get("vmInstanceUuid") if isinstance(row, VolumeRow) else None
    return escape_terminal(str(from_outside(on or "-")))


VM_OR_LEFT: Final[Column[AnyRow]] = Column(
    "vm-or-left", "VM, OR LEFT", "", _vm_or_left, _vm_or_left, style=shared.LEFT.style, fit=Fit.CUT
)


def _root(name: str) -> Callable[[VmRow], object]:
    return lambda row: None if row.vm.root is None else row.vm.root.fields.get(name)


def _root_size(row: VmRow) -> str:
    return human_size(None if row.vm.root is None else row.vm.root.size)


_VOLUME: Final[tuple[Column[VolumeRow], ...]] = (
    shared.NAME,
    shared.UUID,
    Column("size", "SIZE", "capacity", field("size"), size("size"), least=WIDE, right=True),
    Column("actual-size", "ACTUAL", "space used on the storage", field("actualSize"), size("actualSize"), right=True),
    shared.DELETED,
    shared.SAFE_UNTIL,
    shared.LEFT,
    Column(
        "last-vm",
        "LAST VM",
        "name of the VM that it was last on",
        lambda row: from_outside(row.last_vm or last_vm(row)),
        lambda row: _last_vm(row, row.last_vm or last_vm(row)),
        least=WIDE,
        fit=Fit.CUT,
    ),
    Column(
        "last-vm-uuid",
        "LAST VM UUID",
        "UUID of the VM that it was last on",
        lambda row: last_vm(row),
        lambda row: _last_vm(row, last_vm(row)),
    ),
    Column("vm-uuid", "VM UUID", "UUID of the VM that it is attached to", field("vmInstanceUuid"), least=WIDER),
    Column(
        "storage",
        "STORAGE",
        "name of its primary storage",
        lambda row: from_outside(row.storage or _storage(row)),
        least=WIDER,
        fit=Fit.CUT,
    ),
    Column("storage-uuid", "STORAGE UUID", "UUID of its primary storage", lambda row: _storage(row)),
    Column("type", "TYPE", "Data or Root", field("type"), least=80),
    Column("status", "STATUS", "Deleted, Ready, ...", field("status")),
    Column("state", "STATE", "Enabled or Disabled", field("state")),
    Column("format", "FORMAT", "qcow2, raw, ...", field("format")),
    Column("install-path", "INSTALL PATH", "path of its data", field("installPath")),
    shared.DESCRIPTION,
    shared.CREATED,
    shared.CHANGED,
    shared.RECOVERABLE,
    shared.REASON,
)

_VM: Final[tuple[Column[VmRow], ...]] = (
    shared.NAME,
    shared.UUID,
    Column("cpu", "CPU", "number of CPUs", field("cpuNum"), least=WIDE, right=True),
    Column("memory", "MEMORY", "memory size", field("memorySize"), size("memorySize"), least=WIDE, right=True),
    shared.DESTROYED,
    shared.SAFE_UNTIL,
    shared.LEFT,
    Column("root-size", "ROOT SIZE", "capacity of its root volume", _root("size"), _root_size, right=True),
    Column("root-uuid", "ROOT UUID", "UUID of its root volume", field("rootVolumeUuid")),
    Column(
        "storage",
        "STORAGE",
        "name of the primary storage of its root volume",
        lambda row: from_outside(row.storage or _root("primaryStorageUuid")(row)),
        least=WIDER,
        fit=Fit.CUT,
    ),
    Column("storage-uuid", "STORAGE UUID", "UUID of that primary storage", _root("primaryStorageUuid")),
    Column("host-uuid", "HOST UUID", "UUID of the host that it is or was last on", lambda row: row.vm.host),
    Column("state", "STATE", "Destroyed, Stopped, Running, ...", field("state")),
    Column("platform", "PLATFORM", "Linux, Windows, ...", field("platform")),
    shared.DESCRIPTION,
    shared.CREATED,
    shared.CHANGED,
    shared.RECOVERABLE,
    shared.REASON,
)


class Columns(NamedTuple, Generic[R]):
    """The columns of one kind of row by key.

    `listed` are those of `list`, `screen` those on a terminal; `elsewhere` are those whose facts `show` prints in
    another place.
    """

    known: Mapping[str, Column[R]]
    listed: Sequence[str]
    screen: Sequence[str]
    elsewhere: Sequence[str] = ()

    def pick(self, text: str | None = None, default: Sequence[str] | None = None) -> list[Column[R]]:
        """Return the columns of `--columns a,b`; raises UsageProblem, with the available columns, for an unknown one.

        Without `text`, return those of `default`, or else those of `list`.
        """
        if text is None:
            return [self.known[key] for key in (self.listed if default is None else default)]
        keys = [key.strip().lower() for key in text.split(",") if key.strip()]
        wrong = [key for key in keys if key not in self.known]
        if wrong or not keys:
            guess = did_you_mean(wrong[0], self.known) if wrong else ""
            text = f"no column {escape_terminal(', '.join(wrong) or 'at all')}{guess}"
            raise UsageProblem(text, hint=f"Available columns: {', '.join(self.known)}.")
        return [self.known[key]._replace(least=0) for key in keys]

    def listing(self, rows: Sequence[R], text: str | None = None, *, any_status: bool = False) -> Table[R]:
        """Return the table of `list`; `text` is that of `--columns`, `any_status`: rows may not be deleted."""
        if text is not None:
            return Table(rows, self.pick(text), _json, _uuid)
        found = Table(rows, self.pick(None, ANY_STATUS if any_status else None), _json, _uuid, wide=self._all())
        if any_status:
            return found._replace(screen=[*self.pick(None, ANY_START), VM_OR_LEFT, *self.pick(None, ANY_END)])
        return found._replace(screen=self.pick(None, self.screen))

    def _all(self) -> list[Column[R]]:
        return list(self.known.values())

    def in_full(self, rows: Sequence[R], text: str | None, *, single: bool, command: str = "zvol") -> Table[R]:
        """Return the table of `show`, with all other columns unless `--columns` selects some.

        `command` is how zvol was called, for the next command to type.
        """
        shown = [key for key in self.known if key not in self.elsewhere]
        details = partial(_details, self.pick(text, shown), command, in_full=text is None)
        return Table(rows, self.pick(text), _json, _uuid, single and len(rows) == 1, details=details)

    def help(self) -> Table[Column[R]]:
        """Return the table of the available columns."""
        columns: list[Column[Column[R]]] = [text_column("COLUMN", _key), text_column("SHOWS", _help, Fit.WRAP)]
        return Table(list(self.known.values()), columns, _help_json, _key)


VOLUMES: Final = Columns(
    {column.key: column for column in _VOLUME},
    ("name", "uuid", "size", "deleted", "safe-until", "last-vm", "storage"),
    ("name", "uuid", "deleted", "left", "size", "last-vm", "storage"),
)
VMS: Final = Columns(
    {column.key: column for column in _VM},
    ("name", "uuid", "cpu", "memory", "deleted", "safe-until", "storage"),
    ("name", "uuid", "deleted", "left", "cpu", "memory", "storage"),
    elsewhere=("root-size", "root-uuid"),
)
ANY_STATUS: Final = ("name", "uuid", "size", "type", "status", "vm-uuid", "storage")
"""The columns of `list` for volumes that may not be deleted."""
ANY_START: Final = ("name", "uuid", "type", "status")
ANY_END: Final = ("size", "storage")
"""The same on a terminal, with `VM_OR_LEFT` between them."""


def _json(row: AnyRow) -> dict[str, Any]:
    return {key: value if key == "recycle" else from_outside(value) for key, value in row.json().items()}


def _uuid(row: AnyRow) -> str:
    return row.resource.uuid


def _details(
    chosen: Sequence[Column[R]], command: str, row: R, tty: bool, *, in_full: bool
) -> Iterator[tuple[str, str]]:
    if tty and in_full:
        yield from facts(row, command)
        return
    for column in chosen:
        cell = column.terminal(row) if tty else column.text(row)
        if cell != "-":
            yield _label(column), cell
    for name, text in row.facts:
        yield name, escape_terminal(with_command(text, command))
    for note in (*last_vm_notes(row), *row.notes):
        yield "Note", escape_terminal(with_command(note, command))
    if row.next:
        yield "Next", f"{command} {row.next}"


def _label(column: Column[R]) -> str:
    """Return a column's header as a label, such as `Last VM`."""
    text = " ".join(part if part in ("UUID", "VM", "CPU") else part.lower() for part in column.header.split())
    return text[0].upper() + text[1:]


def _help_json(column: Column[Any]) -> dict[str, str]:
    return {"column": column.key, "shows": column.help}


def _key(column: Column[Any]) -> str:
    return column.key


def _help(column: Column[Any]) -> str:
    return column.help
