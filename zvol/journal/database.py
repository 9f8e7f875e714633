"""The journal's SQLite file: opening, migration, failures as LocalState, and setting a damaged file aside."""

from __future__ import annotations

import calendar
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState
from zvol.files import UnreadableFile, create_private
from zvol.journal import schema

if TYPE_CHECKING:
    import sqlite3

BUSY_TIMEOUT: Final = 30.0
"""Seconds to wait while another process holds the file."""

TIME_FORMAT: Final = "%Y%m%d-%H%M%S"

AGAIN: Final = "Nothing was submitted. {remedy}, then run the same command again."
RESUME: Final = "Nothing further was submitted. {remedy}, then run `zvol resume`."
"""The hints when the journal fails: before and after it has recorded the volumes of the run."""

MAKE_ROOM: Final = "Make room, or make the folder writable"
MAKE_ROOM_OR_MOVE: Final = f"{MAKE_ROOM}, or set XDG_STATE_HOME to a folder of your own"
"""Another folder is suggested only while this one has no journal: a new folder would hide what is open in it."""

WAIT: Final = "Wait for the other zvol to end"
DAMAGED: Final = (
    "Nothing further was submitted. See what is deleted with `zvol list`, then run the command again: requests of the "
    "damaged journal may still act, so it sends nothing before one quiet period is over."
)
STUCK: Final = "Make its folder writable, then run the command again; what is in it may still be needed."


class Damaged(Exception):
    """The file is not a journal, or can no longer be read; the text says why.

    It is caught inside `zvol.journal`, which sets the file aside and raises LocalState.
    """


def create(path: Path) -> int:
    """Create the private file unless it exists, and return its inode.

    Raises LocalState for a link and for another user's file, Damaged for what is not a file.
    """
    try:
        return create_private(path)
    except UnreadableFile:
        raise Damaged("it is not a file") from None


def connect(path: Path, alive: Callable[[], list[str]]) -> sqlite3.Connection:
    """Open the file for reading and writing; create the tables of a new file, migrate those of an older version.

    Raises LocalState when a migration is needed and `alive` returns runs: these may know only the older tables.
    """
    import sqlite3

    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if _version(db, path) == 0:
            db.execute("PRAGMA journal_mode = WAL")
        _migrate(db, path, alive)
        _check_tables(db, schema.VERSION)
    except BaseException:
        db.close()
        raise
    return db


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a file that cannot be written, or must not be changed."""
    import sqlite3

    wal = path.with_name(path.name + "-wal")
    frozen = "" if wal.exists() and wal.stat().st_size else "&immutable=1"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{frozen}", uri=True, isolation_level=None)
    try:
        version = _version(db, path)
        if version:
            _check_tables(db, version)
        if 0 < version < schema.VERSION:
            schema.add_views(db, version)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema, 0 for a file that is new; raises Damaged and LocalState."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > schema.VERSION:
        text = f"the journal {path} was written by a newer zvol; it is left as it is"
        raise LocalState(text, hint="Use that version of zvol: requests that it knows of may still act.")
    if version == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
        raise Damaged("it is not a journal of zvol")
    return version


def _migrate(db: sqlite3.Connection, path: Path, alive: Callable[[], list[str]]) -> None:
    """Create or migrate the tables in one transaction; another process may be doing the same."""
    if _version(db, path) == schema.VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = _version(db, path)
        if version == 0:
            schema.create(db)
            _record_damaged(db, path)
        elif version < schema.VERSION:
            _check_tables(db, version)
            _require_none_alive(path, alive())
            schema.migrate(db, version)
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(Exception):
            db.execute("ROLLBACK")
        raise


def _require_none_alive(path: Path, runs: list[str]) -> None:
    if runs:
        text = f"run {runs[0]} of an older zvol still uses the journal {path}"
        raise LocalState(text, hint="Nothing was submitted. Wait for it to end, then run the command again.")


def _record_damaged(db: sqlite3.Connection, path: Path) -> None:
    """Record in a new journal when a damaged one was set aside: requests recorded there may still act for a while."""
    times = []
    for file in path.parent.glob(f"{path.name}.damaged-*"):
        with contextlib.suppress(ValueError):  # a name that the user chose
            stamp = file.name.removeprefix(f"{path.name}.damaged-")[:15]
            times.append(calendar.timegm(time.strptime(stamp, TIME_FORMAT)))
    if times:
        db.execute("INSERT INTO meta (name, value) VALUES ('set_aside', ?)", (float(max(times)),))


def _check_tables(db: sqlite3.Connection, version: int) -> None:
    """Raise Damaged unless the tables are those of this version."""
    wrong = schema.wrong_table(db, version)
    if wrong is not None:
        raise Damaged(f"its table {wrong} is not that of version {version}")


@contextlib.contextmanager
def as_local_state(path: Path, what_next: str = AGAIN, remedy: str = MAKE_ROOM) -> Iterator[None]:
    """Turn the errors of the file system and of SQLite into LocalState, or into Damaged for a file to be set aside."""
    import sqlite3

    try:
        yield
    except sqlite3.DatabaseError as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(str(exc)) from exc
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            text = f"the journal {path} has been in use by another process for {BUSY_TIMEOUT:.0f} s"
            raise LocalState(text, hint=what_next.format(remedy=WAIT)) from exc
        if not isinstance(exc, sqlite3.OperationalError):
            raise
        raise LocalState(f"cannot write the journal {path}: {exc}", hint=what_next.format(remedy=remedy)) from exc
    except OSError as exc:
        text = f"cannot write the journal {path}: {exc.strerror or exc}"
        raise LocalState(text, hint=what_next.format(remedy=remedy)) from exc


def set_aside(path: Path, inode: int | None, why: Damaged) -> LocalState:
    """Rename a damaged file, so that nothing is lost and the next run can work; return the error to raise.

    `inode` is that of the damaged file: a file that another process has put in its place meanwhile is not renamed.
    """
    stamp = time.strftime(TIME_FORMAT, time.gmtime(time.time()))
    damaged = path.with_name(f"{path.name}.damaged-{stamp}-{os.urandom(2).hex()}")
    text = f"the journal {path} is damaged ({why})"
    try:
        if inode is not None and path.stat(follow_symlinks=False).st_ino != inode:
            return LocalState(f"{text}; another zvol has set it aside", hint=DAMAGED)
        path.rename(damaged)
    except OSError as exc:
        return LocalState(f"{text} and cannot be set aside: {exc.strerror}", hint=STUCK)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + suffix).rename(damaged.with_name(damaged.name + suffix))
    with contextlib.suppress(Exception):  # else the next run creates it, as long as the damaged file exists
        create(path)
        connect(path, list).close()
    return LocalState(f"{text}; it is kept as {damaged}", hint=DAMAGED)
