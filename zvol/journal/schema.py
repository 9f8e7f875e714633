"""The tables of the journal, and how the file of an older zvol becomes one of this version.

The columns that came later stand last, for SQLite adds them there, and in no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 2
"""Of the schema, kept in the file; a file of a later version is left alone."""

FIRST: Final = {
    "runs": ("id", "origin", "options", "started", "ended"),
    "volumes": ("run", "uuid", "asked", "seq", "last_op", "state", "outcome"),
    "intents": ("job", "run", "uuid", "last_op", "written", "closed"),
}
"""The columns of version 1."""

TABLES: Final = {
    "runs": "id TEXT PRIMARY KEY, base TEXT NOT NULL, request TEXT NOT NULL, started REAL NOT NULL, ended REAL, "
    "account TEXT",
    "volumes": "run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, asked TEXT NOT NULL, "
    "seq INTEGER NOT NULL, last_op TEXT, state TEXT NOT NULL, outcome TEXT, target TEXT NOT NULL DEFAULT 'volume', "
    "PRIMARY KEY (run, uuid)",
    "intents": "job TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, "
    "last_op TEXT, written REAL NOT NULL, closed INTEGER NOT NULL DEFAULT 0, target TEXT NOT NULL DEFAULT 'volume', "
    "inherited INTEGER NOT NULL DEFAULT 0",
    "followups": "run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, target TEXT NOT NULL DEFAULT 'volume', "
    "uuid TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, job TEXT, state TEXT NOT NULL, "
    "PRIMARY KEY (run, target, uuid, kind, value)",
    "meta": "name TEXT PRIMARY KEY, value REAL NOT NULL",
}
"""Of this version.  A UUID is that of one thing only, so that `target` (volume or vm) is in no key but the last."""

INDEXES: Final = (
    "CREATE INDEX volumes_by_uuid ON volumes (uuid, state)",
    "CREATE INDEX intents_by_uuid ON intents (uuid, closed)",
)
NEW_INDEXES: Final = (
    "CREATE INDEX intents_by_run ON intents (run, closed)",
    "CREATE INDEX runs_by_end ON runs (coalesce(ended, started))",
)

ALTERATIONS: Final = (
    "ALTER TABLE runs RENAME COLUMN origin TO base",
    "ALTER TABLE runs RENAME COLUMN options TO request",
    "ALTER TABLE runs ADD COLUMN account TEXT",
    "ALTER TABLE volumes ADD COLUMN target TEXT NOT NULL DEFAULT 'volume'",
    "ALTER TABLE intents ADD COLUMN target TEXT NOT NULL DEFAULT 'volume'",
    "ALTER TABLE intents ADD COLUMN inherited INTEGER NOT NULL DEFAULT 0",
    "UPDATE runs SET account = 'account admin' WHERE base = 'sandbox'",  # it has no other
)

VIEWS: Final = (
    "CREATE TEMP VIEW runs AS SELECT id, origin AS base, options AS request, started, ended, NULL AS account "
    "FROM main.runs",
    "CREATE TEMP VIEW volumes AS SELECT *, 'volume' AS target FROM main.volumes",
    "CREATE TEMP VIEW intents AS SELECT *, 'volume' AS target, 0 AS inherited FROM main.intents",
    "CREATE TEMP TABLE followups (run, target, uuid, kind, value, job, state)",
    "CREATE TEMP TABLE meta (name, value)",
)
"""What makes a file of version 1 that must stay as it is look like one of this version."""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of a new file; within a transaction."""
    for name, columns in TABLES.items():
        db.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
    for index in (*INDEXES, *NEW_INDEXES):
        db.execute(index)
    db.execute(f"PRAGMA user_version = {VERSION}")


def migrate(db: sqlite3.Connection) -> None:
    """Make a file of version 1 one of this version; within a transaction, while no run that knows only that lives."""
    for change in ALTERATIONS:
        db.execute(change)
    for name in ("followups", "meta"):
        db.execute(f"CREATE TABLE {name} ({TABLES[name]}) WITHOUT ROWID")
    for index in NEW_INDEXES:
        db.execute(index)
    db.execute(f"PRAGMA user_version = {VERSION}")


def look_through(db: sqlite3.Connection) -> None:
    """Show a file of version 1 as one of this version, without a change to it."""
    db.execute("PRAGMA temp_store = MEMORY")
    for view in VIEWS:
        db.execute(view)


def odd_table(db: sqlite3.Connection, version: int) -> str | None:
    """Return the name of a table that is not that of the version, None when all are."""
    tables = FIRST if version == 1 else {name: columns_of(text) for name, text in TABLES.items()}
    for name, wanted in tables.items():
        if tuple(row[1] for row in db.execute(f"PRAGMA main.table_info({name})")) != wanted:
            return name
    return None


def columns_of(definition: str) -> tuple[str, ...]:
    return tuple(part.split()[0] for part in definition.partition(", PRIMARY KEY")[0].split(", "))
