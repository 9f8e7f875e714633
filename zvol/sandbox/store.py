"""The sandbox's database: every transition is one transaction, so that several servers can share it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3  # noqa: TID253  (this module is only imported inside functions)
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from zvol.sandbox import schema

BUSY_SECONDS: Final = 30.0
Row = dict[str, Any]


class Tx:
    """One transaction, or one read; `now` is the server's clock in whole seconds since 1970."""

    def __init__(self, db: sqlite3.Connection, offset: float) -> None:
        self.db = db
        self.lines: list[str] = []
        found = self.value("SELECT value FROM control WHERE key = 'clock_offset'")
        self.time = time.time() + offset + float(found or 0.0)
        self.now = int(self.time)

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement and return how many rows it changed."""
        return self.db.execute(sql, values).rowcount

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row, None when there is none."""
        row = self.db.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def rows(self, sql: str, *values: Any) -> list[Row]:
        cursor = self.db.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, *values: Any) -> Row | None:
        return next(iter(self.rows(sql, *values)), None)

    def get(self, table: str, uuid: str) -> Row | None:
        return self.row(f"SELECT * FROM {table} WHERE uuid = ?", uuid)  # noqa: S608  (a name of ours)

    def insert(self, table: str, row: Row) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608

    def update(self, table: str, uuid: str, **changes: Any) -> bool:
        """Change a row; `lastOpDate` moves only if a value changes."""
        sets = ", ".join(f"{name} = ?" for name in changes)
        differs = " OR ".join(f"{name} IS NOT ? COLLATE BINARY" for name in changes)
        sql = f"UPDATE {table} SET {sets}, lastOpDate = ? WHERE uuid = ? AND ({differs})"  # noqa: S608
        return self.run(sql, *changes.values(), self.now, uuid, *changes.values()) > 0

    def config(self, name: str, category: str = "volume") -> str:
        return str(self.value("SELECT value FROM configs WHERE category = ? AND name = ?", category, name))

    def event(self, event: str, **fields: Any) -> None:
        """Add an event to this transaction; it is published when the transaction is committed."""
        cursor = self.db.execute("INSERT INTO events (line) VALUES ('')")
        seq = cursor.lastrowid
        line = json.dumps({"seq": seq, "event": event, **fields, "time": time.time(), "pid": os.getpid()})
        self.db.execute("UPDATE events SET line = ? WHERE seq = ?", (line, seq))
        self.lines.append(line)


class Store:
    """The database under one directory; one writer and a few readers, all closed by `close`.

    `offset` moves the clock, `publish` gets the event lines of each committed transaction.
    """

    def __init__(self, directory: Path, *, offset: float = 0.0) -> None:
        self.path = directory / "cloud.db"
        self.offset = offset
        self.publish: Callable[[list[str]], None] = lambda _lines: None
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))  # not by the umask
        self._writer = self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _retry_when_busy(db, "PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # a sandbox survives kill -9, not a power cut
        return db

    def prepare(self, seed: Callable[[Tx], None]) -> None:
        """Create and fill the database if it is new or of another version; safe when two processes start together."""
        with self.exclusive() as db:
            if _version(db) != schema.VERSION:
                self._remake(db, seed)

    def renew(self, seed: Callable[[Tx], None]) -> None:
        """Create and fill the database anew."""
        with self.exclusive() as db:
            self._remake(db, seed)

    def _remake(self, db: sqlite3.Connection, seed: Callable[[Tx], None]) -> None:
        found = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
        for kind, name in db.execute(found).fetchall():
            db.execute(f"DROP {kind} {name}")
        for statement in schema.statements():
            db.execute(statement)
        seed(Tx(db, self.offset))
        db.execute(f"PRAGMA user_version = {schema.VERSION}")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[sqlite3.Connection]:
        """Hold the one writer of this process in a transaction that no other process can be in."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    @contextlib.contextmanager
    def write(self) -> Iterator[Tx]:
        """Run one transaction; an exception rolls it back."""
        with self.exclusive() as db:
            tx = Tx(db, self.offset)
            yield tx
        if tx.lines:
            self.publish(tx.lines)

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """Read from one snapshot; it never waits for a writer."""
        db = self._idle.pop() if self._idle else self._connect()
        try:
            db.execute("BEGIN")
            yield Tx(db, self.offset)
        finally:
            db.execute("ROLLBACK")
            self._idle.append(db)

    def close(self) -> None:
        with self._lock:
            self._writer.close()
        while self._idle:
            self._idle.pop().close()


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _retry_when_busy(db: sqlite3.Connection, sql: str) -> None:
    """Execute a pragma that SQLite does not wait for when another process starts at the same moment."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(sql)
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
