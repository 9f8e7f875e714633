"""The tables of the journal, and the migration of files of older versions.

Columns that were added later are last: SQLite adds them there, without rewriting the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 3
"""The version of the schema, kept in the file; a file of a later version is left unchanged."""

V1_COLUMNS: Final = {
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
"""Versions 2 and 3.  A UUID belongs to one resource, so `target` (volume or vm) is needed in one key only.

A volume whose state is `held` comes back with the resource that its `asked` names, and has no outcome of its own.
"""

INDEXES: Final = (
    "CREATE INDEX volumes_by_uuid ON volumes (uuid, state)",
    "CREATE INDEX intents_by_uuid ON intents (uuid, closed)",
)
V2_INDEXES: Final = (
    "CREATE INDEX intents_by_run ON intents (run, closed)",
    "CREATE INDEX runs_by_end ON runs (coalesce(ended, started))",
)

V1_TO_V2: Final = (
    "ALTER TABLE runs RENAME COLUMN origin TO base",
    "ALTER TABLE runs RENAME COLUMN options TO request",
    "ALTER TABLE runs ADD COLUMN account TEXT",
    "ALTER TABLE volumes ADD COLUMN target TEXT NOT NULL DEFAULT 'volume'",
    "ALTER TABLE intents ADD COLUMN target TEXT NOT NULL DEFAULT 'volume'",
    "ALTER TABLE intents ADD COLUMN inherited INTEGER NOT NULL DEFAULT 0",
    "UPDATE runs SET account = 'account admin' WHERE base = 'sandbox'",  # the sandbox has one account
)

V2_TO_V3: Final = ("UPDATE volumes SET state = 'recorded' WHERE state = 'said'",)
"""Version 2 has the tables of version 3, and another name of the state of a volume with an outcome."""

V1_VIEWS: Final = (
    "CREATE TEMP VIEW runs AS SELECT id, origin AS base, options AS request, started, ended, NULL AS account "
    "FROM main.runs",
    "CREATE TEMP VIEW volumes AS SELECT run, uuid, asked, seq, last_op, "
    "iif(state = 'said', 'recorded', state) AS state, outcome, 'volume' AS target FROM main.volumes",
    "CREATE TEMP VIEW intents AS SELECT *, 'volume' AS target, 0 AS inherited FROM main.intents",
    "CREATE TEMP TABLE followups (run, target, uuid, kind, value, job, state)",
    "CREATE TEMP TABLE meta (name, value)",
)
"""Views that present a file of version 1, which must not be changed, as one of this version."""

V2_VIEWS: Final = (
    "CREATE TEMP VIEW volumes AS SELECT run, uuid, asked, seq, last_op, "
    "iif(state = 'said', 'recorded', state) AS state, outcome, target FROM main.volumes",
)
"""The same for a file of version 2."""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of a new file; within a transaction."""
    for name, columns in TABLES.items():
        db.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
    for index in (*INDEXES, *V2_INDEXES):
        db.execute(index)
    db.execute(f"PRAGMA user_version = {VERSION}")


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Bring a file of an older version to this one; within a transaction, while no run of an older zvol is alive."""
    if version == 1:
        for change in V1_TO_V2:
            db.execute(change)
        for name in ("followups", "meta"):
            db.execute(f"CREATE TABLE {name} ({TABLES[name]}) WITHOUT ROWID")
        for index in V2_INDEXES:
            db.execute(index)
    for change in V2_TO_V3:
        db.execute(change)
    db.execute(f"PRAGMA user_version = {VERSION}")


def add_views(db: sqlite3.Connection, version: int) -> None:
    """Present a file of an older version as one of this version, without changing it."""
    db.execute("PRAGMA temp_store = MEMORY")
    for view in V1_VIEWS if version == 1 else V2_VIEWS:
        db.execute(view)


def wrong_table(db: sqlite3.Connection, version: int) -> str | None:
    """Return the name of a table whose columns are not those of the version, None when all are right."""
    tables = V1_COLUMNS if version == 1 else {name: columns_of(text) for name, text in TABLES.items()}
    for name, expected in tables.items():
        if tuple(row[1] for row in db.execute(f"PRAGMA main.table_info({name})")) != expected:
            return name
    return None


def columns_of(definition: str) -> tuple[str, ...]:
    return tuple(part.split()[0] for part in definition.partition(", PRIMARY KEY")[0].split(", "))
