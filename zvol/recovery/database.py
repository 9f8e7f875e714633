"""The journal's file: opened privately and durably, every fault of it one LocalState, a damaged one set aside."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 1
"""Of the schema, kept in the file; a file of a later version is left alone."""

TABLES: Final = {
    "runs": "id TEXT PRIMARY KEY, origin TEXT NOT NULL, options TEXT NOT NULL, started REAL NOT NULL, ended REAL",
    "volumes": "run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, asked TEXT NOT NULL, "
    "seq INTEGER NOT NULL, last_op TEXT, state TEXT NOT NULL, outcome TEXT, PRIMARY KEY (run, uuid)",
    "intents": "job TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, "
    "last_op TEXT, written REAL NOT NULL, closed INTEGER NOT NULL DEFAULT 0",
}
INDEXES: Final = (
    "CREATE INDEX volumes_by_uuid ON volumes (uuid, state)",
    "CREATE INDEX intents_by_uuid ON intents (uuid, closed)",
)

NOTHING_FURTHER: Final = "Nothing further was submitted. Make room or set XDG_STATE_HOME, then run `zvol resume`."
DAMAGED: Final = "Nothing further was submitted. See what is deleted with `zvol list`, then run the command again."
OWN: Final = "Remove it, or set XDG_STATE_HOME to a folder of your own."


class Damaged(Exception):
    """What is in the journal's place is no journal, or can no longer be read; the text says why."""


def create_private(path: Path) -> int:
    """Create the file 0600 if there is none, and return its inode.

    Raises LocalState for a link and for somebody else's file, Damaged for what is no file at all.
    """
    if path.is_symlink():
        raise LocalState(f"{path} is a symbolic link", hint=OWN)
    if path.exists() and not path.is_file():
        raise Damaged("it is not a file")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    if found.st_uid != os.geteuid():
        raise LocalState(f"{path} belongs to another user", hint=OWN)
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o600)
    return found.st_ino


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for reading and writing, and make the tables of a new one."""
    import sqlite3

    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if _version(db, path) == 0:
            db.execute("PRAGMA journal_mode = WAL")
            _create(db, path)
        _check(db)
    except BaseException:
        db.close()
        raise
    return db


def connect_to_look(path: Path) -> sqlite3.Connection:
    """Open a file that cannot be written."""
    import sqlite3

    wal = path.with_name(path.name + "-wal")
    frozen = "" if wal.exists() and wal.stat().st_size else "&immutable=1"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{frozen}", uri=True, isolation_level=None)
    try:
        if _version(db, path):
            _check(db)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema, 0 for a file that is new; raises Damaged and LocalState."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        hint = "Use that version of zvol, or set XDG_STATE_HOME to another folder."
        raise LocalState(f"the journal {path} was written by a newer zvol; it is left as it is", hint=hint)
    if version == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
        raise Damaged("it is not a journal of zvol")
    return version


def _create(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables, all or none; another process may be at it too."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if _version(db, path) == 0:
            for name, columns in TABLES.items():
                db.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
            for index in INDEXES:
                db.execute(index)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(Exception):
            db.execute("ROLLBACK")
        raise


def _check(db: sqlite3.Connection) -> None:
    """See that the tables are those of this version."""
    for name, columns in TABLES.items():
        wanted = [word.split()[0] for word in columns.partition(", PRIMARY KEY")[0].split(", ")]
        if [row[1] for row in db.execute(f"PRAGMA table_info({name})")] != wanted:
            raise Damaged(f"its table {name} is not that of version {VERSION}")


@contextlib.contextmanager
def local(path: Path) -> Iterator[None]:
    """Turn what the file system and SQLite raise into LocalState, or into Damaged where the file is to be set aside."""
    import sqlite3

    try:
        yield
    except sqlite3.DatabaseError as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(str(exc)) from exc
        if not isinstance(exc, sqlite3.OperationalError):
            raise
        raise LocalState(f"cannot write the journal {path}: {exc}", hint=NOTHING_FURTHER) from exc
    except OSError as exc:
        raise LocalState(f"cannot write the journal {path}: {exc.strerror or exc}", hint=NOTHING_FURTHER) from exc


def set_aside(path: Path, inode: int | None, why: Damaged) -> LocalState:
    """Give a damaged file another name, so that nothing of it is lost and the next run can work; return what to say.

    `inode` is that of the file that was found damaged: one that somebody else has put in its place meanwhile stays.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    kept = path.with_name(f"{path.name}.damaged-{stamp}-{secrets.token_hex(2)}")
    text = f"the journal {path} is damaged ({why})"
    try:
        if inode is not None and path.stat(follow_symlinks=False).st_ino != inode:
            return LocalState(f"{text}; another zvol has set it aside", hint=DAMAGED)
        path.rename(kept)
    except OSError as exc:
        return LocalState(f"{text} and cannot be set aside: {exc.strerror}", hint=OWN)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    return LocalState(f"{text}; it is kept as {kept}", hint=DAMAGED)
