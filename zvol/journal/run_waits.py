"""How long the requests of the runs in the journal may act; within a transaction."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zvol.journal.request import Request, Waits

if TYPE_CHECKING:
    import sqlite3


def lengthen_waits(db: sqlite3.Connection, runs: Iterable[str], waits: Waits | None) -> None:
    """Record how long requests of runs may act; None changes nothing."""
    if waits is None:
        return
    for run in runs:
        request = request_of(db, run)
        longer = request.with_waits(request.waits.longer(waits))
        db.execute("UPDATE runs SET request = ? WHERE id = ?", (longer.to_json(), run))


def longest_waits(db: sqlite3.Connection, runs: Iterable[str]) -> Waits | None:
    """Return how long the requests of runs may act, None without runs."""
    found = [request_of(db, run).waits for run in runs]
    return functools.reduce(Waits.longer, found) if found else None


def request_of(db: sqlite3.Connection, run: str) -> Request:
    """Return the options of a run."""
    [text] = db.execute("SELECT request FROM runs WHERE id = ?", (run,)).fetchone()
    return Request.from_json(text)
