"""What can be shown of a volume: one registry of columns, for terminals, pipes and CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from zvol.errors import UsageProblem
from zvol.model import VolumeRow, stamp
from zvol.text import did_you_mean, escape_terminal, human_duration, human_size

URGENT: Final = 6 * 3600
SOON: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Column:
    """`raw` is for CSV, `shown` for tables in a pipe, `tty` for a terminal where it differs."""

    key: str
    header: str
    help: str
    raw: Callable[[VolumeRow], object]
    shown: Callable[[VolumeRow], str] | None = None
    tty: Callable[[VolumeRow], str] | None = None

    def csv(self, row: VolumeRow) -> str:
        value = self.raw(row)
        return "" if value is None else str(value)

    def text(self, row: VolumeRow) -> str:
        if self.shown is not None:
            return self.shown(row)
        value = self.raw(row)
        return "-" if value in (None, "") else escape_terminal(str(value))

    def terminal(self, row: VolumeRow) -> str:
        return self.tty(row) if self.tty is not None else self.text(row)


def label(column: Column) -> str:
    """Return a column's header as a label before its value, such as `Last VM`."""
    text = " ".join(word if word in ("UUID", "VM") else word.lower() for word in column.header.split())
    return text[0].upper() + text[1:]


def _field(name: str) -> Callable[[VolumeRow], object]:
    return lambda row: row.volume.fields.get(name)


def _size(name: str) -> Callable[[VolumeRow], str]:
    return lambda row: human_size(row.volume.number(name))


def _date(name: str) -> Callable[[VolumeRow], str]:
    """Show a date of the server in UTC; where its zone is not known, as the server wrote it, and say so."""

    def shown(row: VolumeRow) -> str:
        text = row.volume.text(name)
        return stamp(row.dates.get(name)) or (f"{escape_terminal(text)} (on the server's clock)" if text else "-")

    return shown


def _kept(row: VolumeRow) -> bool:
    """Tell whether a volume is not deleted, so that nothing runs out."""
    return row.recycle.reason == "not-deleted"


def _deleted(row: VolumeRow) -> str:
    return "-" if _kept(row) else stamp(row.deleted_at) or "unknown"


def _age(row: VolumeRow) -> str:
    """Show an age on the server's clock; this machine's plays no part."""
    if row.deleted_at is None or row.server_now is None:
        return _deleted(row)
    return f"{human_duration(row.server_now - row.deleted_at)} ago"


def _safe_until(row: VolumeRow) -> str:
    if _kept(row):
        return "-"
    if row.recycle.expunges_after is not None:
        return stamp(row.recycle.expunges_after) or "unknown"
    return "for ever" if row.recycle.policy == "Never" else "unknown"


def _left(row: VolumeRow) -> str:
    if _kept(row):
        return "-"
    if row.recycle.seconds_left is not None:
        return human_duration(row.recycle.seconds_left) if row.recycle.seconds_left else "overdue"
    return "for ever" if row.recycle.policy == "Never" else "unknown"


def _until_tty(row: VolumeRow) -> str:
    left = _left(row)
    if row.recycle.expunges_after is None or left == "overdue":
        return left
    return f"{(stamp(row.recycle.expunges_after) or '')[:16].replace('T', ' ')}Z ({left} left)"


def _recoverable(row: VolumeRow) -> str:
    return {True: "yes", False: "no", None: "unknown"}[row.recycle.recoverable]


COLUMNS: Final = {
    column.key: column
    for column in (
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
            lambda row: stamp(row.recycle.expunges_after),
            _safe_until,
            _until_tty,
        ),
        Column("left", "LEFT", "time left until then", lambda row: row.recycle.seconds_left, _left),
        Column("last-vm", "LAST VM", "the VM it was last on, by name", lambda row: row.last_vm or last_vm(row)),
        Column("last-vm-uuid", "LAST VM UUID", "the same by UUID", lambda row: last_vm(row)),
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
        Column("recoverable", "RECOVERABLE", "yes, no or unknown", lambda row: row.recycle.recoverable, _recoverable),
        Column("reason", "REASON", "why not", lambda row: row.recycle.reason),
    )
}

LIST: Final = ("name", "uuid", "size", "deleted", "safe-until", "last-vm", "storage")
ANY_STATUS: Final = ("name", "uuid", "size", "type", "status", "vm-uuid", "storage")


def last_vm(row: VolumeRow) -> object:
    return row.volume.fields.get("lastVmInstanceUuid")


def _storage(row: VolumeRow) -> object:
    return row.volume.fields.get("primaryStorageUuid")


def pick(text: str | None, default: Sequence[str]) -> list[Column]:
    """Return the columns of `--columns a,b`; raises UsageProblem naming what there is."""
    if text is None:
        return [COLUMNS[key] for key in default]
    keys = [key.strip().lower() for key in text.split(",") if key.strip()]
    wrong = [key for key in keys if key not in COLUMNS]
    if wrong or not keys:
        guess = did_you_mean(wrong[0], COLUMNS) if wrong else ""
        text = f"no column {escape_terminal(', '.join(wrong) or 'at all')}{guess}"
        raise UsageProblem(text, hint=f"There is: {', '.join(COLUMNS)}.")
    return [COLUMNS[key] for key in keys]


def styles(row: VolumeRow, chosen: Sequence[Column]) -> list[str]:
    """Return the style of each of a row's cells, empty for none."""
    urgent = urgency_style(row)
    return [urgent if column.key in ("safe-until", "left") else "" for column in chosen]


def urgency_style(row: VolumeRow) -> str:
    """Return how a row's time left is coloured on a terminal."""
    left = row.recycle.seconds_left
    if left is None:
        return ""
    return "bold red" if left < URGENT else "yellow" if left < SOON else ""
