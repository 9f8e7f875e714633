"""When a volume or VM was deleted that zvol recovered: the server overwrites that date with the recovery's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from zvol.model import Outcome

if TYPE_CHECKING:
    import sqlite3

_LAST_SENT: Final = (
    "SELECT intents.last_op FROM volumes JOIN intents ON intents.run = volumes.run AND intents.uuid = volumes.uuid "
    "JOIN runs ON id = volumes.run WHERE volumes.uuid = ? AND base = ? AND {} ORDER BY written DESC LIMIT 1"
)
_UNDONE: Final = _LAST_SENT.format(f"outcome = '{Outcome.RECOVERED}' AND volumes.last_op = ?")
_DESTRUCTION: Final = _LAST_SENT.format(f"coalesce(outcome, '') != '{Outcome.FAILED}'")


def undone_deletion(db: sqlite3.Connection, base: str, uuid: str, last_op: str | None) -> str | None:
    """Return the lastOpDate of the deletion that was undone, of a volume that has had this lastOpDate since."""
    return _first(db, _UNDONE, (uuid, base, last_op))


def destruction(db: sqlite3.Connection, base: str, uuid: str) -> str | None:
    """Return the lastOpDate that a VM had when its recovery was sent last, None when that failed or never happened."""
    return _first(db, _DESTRUCTION, (uuid, base))


def _first(db: sqlite3.Connection, sql: str, values: Sequence[str | None]) -> str | None:
    row: tuple[str | None] | None = db.execute(sql, values).fetchone()
    return None if row is None else row[0]
