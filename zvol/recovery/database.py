"""The journal's file: opened privately and durably, every fault of it one LocalState, a damaged one set aside."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, origin TEXT NOT NULL, options TEXT NOT NULL, started REAL NOT NULL, ended REAL);
CREATE TABLE IF NOT EXISTS volumes (
  run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, asked TEXT NOT NULL, seq INTEGER NOT NULL,
  state TEXT NOT NULL, outcome TEXT, PRIMARY KEY (run, uuid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (
  job TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, last_op TEXT,
  written REAL NOT NULL, closed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS volumes_by_uuid ON volumes (uuid, state);
CREATE INDEX IF NOT EXISTS intents_by_uuid ON intents (uuid, closed);
"""

NOTHING_FURTHER: Final = "Nothing further was submitted. Make room or set XDG_STATE_HOME, then run `zvol resume`."
DAMAGED: Final = "Nothing further was submitted. See what is deleted with `zvol list`, then run the command again."


def create_private(path: Path) -> None:
    """Create the file 0600, or refuse one that is a link or somebody else's."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            raise LocalState(
                f"{path} belongs to another user", hint="Remove it, or set XDG_STATE_HOME to a folder of your own."
            )
    finally:
        os.close(fd)


def connect(path: Path) -> sqlite3.Connection:
    import sqlite3

    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def local(path: Path) -> Iterator[None]:
    """Turn what the file system and SQLite raise into LocalState; a damaged file is set aside, never truncated."""
    import sqlite3

    try:
        yield
    except sqlite3.OperationalError as exc:
        raise LocalState(f"cannot write the journal {path}: {exc}", hint=NOTHING_FURTHER) from exc
    except sqlite3.DatabaseError as exc:
        kept = _set_aside(path)
        raise LocalState(f"the journal {path} is damaged ({exc}); it is kept as {kept}", hint=DAMAGED) from exc
    except OSError as exc:
        raise LocalState(f"cannot write the journal {path}: {exc.strerror or exc}", hint=NOTHING_FURTHER) from exc


def _set_aside(path: Path) -> Path:
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    return kept
