"""The columns that volumes and VMs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zvol.render.values import BAD, DOUBT, Column, Fit
from zvol.row import AnyRow
from zvol.secrets import from_outside
from zvol.text import escape_terminal, human_age, human_duration, human_size, stamp

WIDE: Final = 120
WIDER: Final = 140
"""Terminal widths from which `list` shows more columns."""
URGENT: Final = 6 * 3600
SOON: Final = 24 * 3600


def field(name: str) -> Callable[[AnyRow], object]:
    return lambda row: from_outside(row.resource.fields.get(name))


def size(name: str) -> Callable[[AnyRow], str]:
    return lambda row: human_size(row.resource.number(name))


def _date(name: str) -> Callable[[AnyRow], str]:
    """Show a date of the server in UTC, or as the server wrote it, with a remark, if its zone is unknown."""

    def shown(row: AnyRow) -> str:
        text = row.resource.text(name)
        return stamp(row.dates.get(name)) or (f"{escape_terminal(text)} (on the server's clock)" if text else "-")

    return shown


def not_deleted(row: AnyRow) -> bool:
    """Tell whether it is not deleted, and so has no time left."""
    return row.retention.reason == "not-deleted"


def _deleted(row: AnyRow) -> str:
    return "-" if not_deleted(row) else stamp(row.deleted_at) or "unknown"


def _age(row: AnyRow) -> str:
    """Show an age by the server's clock, because this machine's clock may be wrong."""
    if row.deleted_at is None or row.server_now is None:
        return _deleted(row)
    return human_age(row.server_now - row.deleted_at)


def _safe_until(row: AnyRow) -> str:
    if not_deleted(row):
        return "-"
    if row.retention.expunges_after is not None:
        return stamp(row.retention.expunges_after) or "unknown"
    return "for ever" if row.retention.policy == "Never" else "unknown"


def _left(row: AnyRow) -> str:
    if not_deleted(row):
        return "-"
    if row.retention.seconds_left is not None:
        return human_duration(row.retention.seconds_left) if row.retention.seconds_left else "overdue"
    return "for ever" if row.retention.policy == "Never" else "unknown"


def _until_tty(row: AnyRow) -> str:
    left = _left(row)
    if row.retention.expunges_after is None or left == "overdue":
        return left
    return f"{(stamp(row.retention.expunges_after) or '')[:16].replace('T', ' ')}Z ({left} left)"


def _recoverable(row: AnyRow) -> str:
    return {True: "yes", False: "no", None: "unknown"}[row.retention.recoverable]


def _urgency(row: AnyRow) -> str:
    """Return the style of the time left on a terminal."""
    left = row.retention.seconds_left
    if left is None:
        return ""
    return BAD if left < URGENT else DOUBT if left < SOON else ""


def _deletion(header: str, done: str) -> Column[AnyRow]:
    """Return the column of the date of an event; `done` is its verb, such as `deleted`."""
    help = f"when it was {done} (or changed since)"
    return Column("deleted", header, help, lambda row: stamp(row.deleted_at), _deleted, _age)


DELETED: Final = _deletion("DELETED", "deleted")
DESTROYED: Final = _deletion("DESTROYED", "destroyed")
NAME: Final[Column[AnyRow]] = Column("name", "NAME", "name of the volume or VM", field("name"), fit=Fit.CUT)
UUID: Final[Column[AnyRow]] = Column("uuid", "UUID", "32 hex digits", lambda row: row.resource.uuid)
SAFE_UNTIL: Final[Column[AnyRow]] = Column(
    "safe-until",
    "SAFE UNTIL",
    "it is not destroyed before this time",
    lambda row: stamp(row.retention.expunges_after),
    _safe_until,
    _until_tty,
    _urgency,
)
LEFT: Final[Column[AnyRow]] = Column(
    "left", "LEFT", "time left until SAFE UNTIL", lambda row: row.retention.seconds_left, _left, style=_urgency
)
DESCRIPTION: Final[Column[AnyRow]] = Column(
    "description", "DESCRIPTION", "description by its owner", field("description"), fit=Fit.CUT
)
CREATED: Final[Column[AnyRow]] = Column(
    "created",
    "CREATED",
    "when it was created (in csv as the server wrote it)",
    field("createDate"),
    _date("createDate"),
)
CHANGED: Final[Column[AnyRow]] = Column(
    "changed", "CHANGED", "when it last changed (likewise)", field("lastOpDate"), _date("lastOpDate")
)
RECOVERABLE: Final[Column[AnyRow]] = Column(
    "recoverable", "RECOVERABLE", "yes, no or unknown", lambda row: row.retention.recoverable, _recoverable
)
REASON: Final[Column[AnyRow]] = Column(
    "reason", "REASON", "why it is not recoverable, or why that is unknown", lambda row: row.retention.reason
)
