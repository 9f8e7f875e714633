"""The registry of columns of a volume, and the tables of `list` and `show`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from zvol.errors import UsageProblem
from zvol.model import VolumeRow, stamp
from zvol.render.values import Column, Table, text_column
from zvol.text import did_you_mean, escape_terminal, human_duration, human_size

URGENT: Final = 6 * 3600
SOON: Final = 24 * 3600


def label(column: Column[VolumeRow]) -> str:
    """Return a column's header as a label before its value, such as `Last VM`."""
    text = " ".join(part if part in ("UUID", "VM") else part.lower() for part in column.header.split())
    return text[0].upper() + text[1:]


def _field(name: str) -> Callable[[VolumeRow], object]:
    return lambda row: row.volume.fields.get(name)


def _size(name: str) -> Callable[[VolumeRow], str]:
    return lambda row: human_size(row.volume.number(name))


def _date(name: str) -> Callable[[VolumeRow], str]:
    """Show a date of the server in UTC; if its zone is unknown, as the server wrote it, with a remark."""

    def shown(row: VolumeRow) -> str:
        text = row.volume.text(name)
        return stamp(row.dates.get(name)) or (f"{escape_terminal(text)} (on the server's clock)" if text else "-")

    return shown


def _not_deleted(row: VolumeRow) -> bool:
    """Tell whether a volume is not deleted, so that it has no time left to show."""
    return row.retention.reason == "not-deleted"


def _deleted(row: VolumeRow) -> str:
    return "-" if _not_deleted(row) else stamp(row.deleted_at) or "unknown"


def _age(row: VolumeRow) -> str:
    """Show an age by the server's clock; this machine's clock may be wrong."""
    if row.deleted_at is None or row.server_now is None:
        return _deleted(row)
    return f"{human_duration(row.server_now - row.deleted_at)} ago"


def _safe_until(row: VolumeRow) -> str:
    if _not_deleted(row):
        return "-"
    if row.retention.expunges_after is not None:
        return stamp(row.retention.expunges_after) or "unknown"
    return "for ever" if row.retention.policy == "Never" else "unknown"


def _left(row: VolumeRow) -> str:
    if _not_deleted(row):
        return "-"
    if row.retention.seconds_left is not None:
        return human_duration(row.retention.seconds_left) if row.retention.seconds_left else "overdue"
    return "for ever" if row.retention.policy == "Never" else "unknown"


def _until_tty(row: VolumeRow) -> str:
    left = _left(row)
    if row.retention.expunges_after is None or left == "overdue":
        return left
    return f"{(stamp(row.retention.expunges_after) or '')[:16].replace('T', ' ')}Z ({left} left)"


def _last_vm(row: VolumeRow, name: object) -> str:
    """Show the VM that a volume was last on, and that it may be another one or is not known."""
    if name is None:
        return "unknown" if row.last_vm_doubt else "-"
    return escape_terminal(str(name)) + (" (or another)" if row.last_vm_doubt else "")


def _recoverable(row: VolumeRow) -> str:
    return {True: "yes", False: "no", None: "unknown"}[row.retention.recoverable]


def _urgency(row: VolumeRow) -> str:
    """Return the style of the time left of a volume on a terminal."""
    left = row.retention.seconds_left
    if left is None:
        return ""
    return "bold red" if left < URGENT else "yellow" if left < SOON else ""


_ALL: Final[tuple[Column[VolumeRow], ...]] = (
    Column("name", "NAME", "the volume's name", _field("name")),
    Column("uuid", "UUID", "32 hex digits", lambda row: row.volume.uuid),
    Column("size", "SIZE", "its capacity", _field("size"), _size("size")),
    Column("actual-size", "ACTUAL", "what it takes on the storage", _field("actualSize"), _size("actualSize")),
    Column(
        "deleted",
        "DELETED",
        "when it was deleted (or changed since)",
        lambda row: stamp(row.deleted_at),
        _deleted,
        _age,
    ),
    Column(
        "safe-until",
        "SAFE UNTIL",
        "it is not destroyed before that",
        lambda row: stamp(row.retention.expunges_after),
        _safe_until,
        _until_tty,
        _urgency,
    ),
    Column("left", "LEFT", "time left until then", lambda row: row.retention.seconds_left, _left, style=_urgency),
    Column(
        "last-vm",
        "LAST VM",
        "the VM it was last on, by name",
        lambda row: row.last_vm or last_vm(row),
        lambda row: _last_vm(row, row.last_vm or last_vm(row)),
    ),
    Column(
        "last-vm-uuid",
        "LAST VM UUID",
        "the same by UUID",
        lambda row: last_vm(row),
        lambda row: _last_vm(row, last_vm(row)),
    ),
    Column("vm-uuid", "VM UUID", "the VM it is on", _field("vmInstanceUuid")),
    Column("storage", "STORAGE", "its primary storage, by name", lambda row: row.storage or _storage(row)),
    Column("storage-uuid", "STORAGE UUID", "the same by UUID", lambda row: _storage(row)),
    Column("type", "TYPE", "Data or Root", _field("type")),
    Column("status", "STATUS", "Deleted, Ready, ...", _field("status")),
    Column("state", "STATE", "Enabled or Disabled", _field("state")),
    Column("format", "FORMAT", "qcow2, raw, ...", _field("format")),
    Column("install-path", "INSTALL PATH", "where its data is", _field("installPath")),
    Column("description", "DESCRIPTION", "as its owner wrote it", _field("description")),
    Column(
        "created",
        "CREATED",
        "when it was made (in csv as the server wrote it)",
        _field("createDate"),
        _date("createDate"),
    ),
    Column(
        "changed",
        "CHANGED",
        "when it last changed (likewise)",
        _field("lastOpDate"),
        _date("lastOpDate"),
    ),
    Column("recoverable", "RECOVERABLE", "yes, no or unknown", lambda row: row.retention.recoverable, _recoverable),
    Column("reason", "REASON", "why not", lambda row: row.retention.reason),
)

COLUMNS: Final = {column.key: column for column in _ALL}

LIST: Final = ("name", "uuid", "size", "deleted", "safe-until", "last-vm", "storage")
ANY_STATUS: Final = ("name", "uuid", "size", "type", "status", "vm-uuid", "storage")


def last_vm(row: VolumeRow) -> object:
    return row.volume.fields.get("lastVmInstanceUuid")


def _storage(row: VolumeRow) -> object:
    return row.volume.fields.get("primaryStorageUuid")


def pick(text: str | None, default: Sequence[str]) -> list[Column[VolumeRow]]:
    """Return the columns of `--columns a,b`; raises UsageProblem, with the available columns, for an unknown one."""
    if text is None:
        return [COLUMNS[key] for key in default]
    keys = [key.strip().lower() for key in text.split(",") if key.strip()]
    wrong = [key for key in keys if key not in COLUMNS]
    if wrong or not keys:
        guess = did_you_mean(wrong[0], COLUMNS) if wrong else ""
        text = f"no column {escape_terminal(', '.join(wrong) or 'at all')}{guess}"
        raise UsageProblem(text, hint=f"There is: {', '.join(COLUMNS)}.")
    return [COLUMNS[key] for key in keys]


def listing(rows: Sequence[VolumeRow], columns: Sequence[Column[VolumeRow]]) -> Table[VolumeRow]:
    """Return the table of `list`."""
    return Table(rows, columns, VolumeRow.json, _uuid)


def in_full(rows: Sequence[VolumeRow], columns: str | None, *, single: bool, command: str = "zvol") -> Table[VolumeRow]:
    """Return the table of `show`: with all columns, unless `--columns` names some.

    `command` is how zvol was called, for the command that is shown as the next one.
    """
    details = partial(_details, pick(columns, tuple(COLUMNS)), command)
    return Table(rows, pick(columns, LIST), VolumeRow.json, _uuid, single and len(rows) == 1, details=details)


def _uuid(row: VolumeRow) -> str:
    return row.volume.uuid


def _details(chosen: Sequence[Column[VolumeRow]], command: str, row: VolumeRow, tty: bool) -> Iterator[tuple[str, str]]:
    for column in chosen:
        cell = column.terminal(row) if tty else column.text(row)
        if cell != "-":
            yield label(column), cell
    for note in row.notes:
        yield "Note", escape_terminal(note)
    if row.next:
        yield "Next", f"{command} {row.next}"


def column_help() -> Table[Column[VolumeRow]]:
    """Return the table of the available columns."""
    columns = [text_column("COLUMN", _key), text_column("SHOWS", _help)]
    return Table(list(COLUMNS.values()), columns, lambda one: {"column": one.key, "shows": one.help}, _key)


def _key(column: Column[VolumeRow]) -> str:
    return column.key


def _help(column: Column[VolumeRow]) -> str:
    return column.help
