"""The sandbox's database: one SQLite file that several processes may serve, as management nodes share theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS resources (
  kind TEXT NOT NULL, uuid TEXT NOT NULL, account TEXT, status TEXT, last_op REAL, body TEXT NOT NULL,
  PRIMARY KEY (kind, uuid)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_status ON resources (kind, status);
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, body TEXT, created REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (uuid TEXT PRIMARY KEY, account TEXT NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

DATABASE: Final = "cloud.db"


class Store:
    """One connection a thread; every change is one transaction."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / DATABASE
        self._own = threading.local()
        self._all: list[Connection] = []
        self._lock = threading.Lock()
        with self.change() as db:
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            known = db.execute("SELECT 1 FROM settings WHERE name = 'seeded'").fetchone()
            if known is None:
                from zvol.sandbox.seed import fill

                fill(db, 0)

    @property
    def db(self) -> Connection:
        found: Connection | None = getattr(self._own, "db", None)
        if found is None:
            import sqlite3

            found = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            found.execute("PRAGMA journal_mode = WAL")
            found.execute("PRAGMA synchronous = OFF")
            self._own.db = found
            with self._lock:
                self._all.append(found)
        return found

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """Do everything inside in one transaction."""
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        with self._lock:
            for db in self._all:
                db.close()
            self._all.clear()

    # ---- settings ------------------------------------------------------------------------------------------------
    def setting(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    # ---- resources -----------------------------------------------------------------------------------------------
    def one(self, kind: str, uuid: str) -> dict[str, Any] | None:
        """Return a resource with its status and last change, None when there is none."""
        row = self.db.execute(
            "SELECT body, status, last_op, account FROM resources WHERE kind = ? AND uuid = ?", (kind, uuid)
        ).fetchone()
        return None if row is None else _resource(*row)

    def many(self, kind: str, uuids: list[str] | None = None, status: str | None = None) -> list[dict[str, Any]]:
        """Return the resources of a kind, or those of them that are named."""
        sql, values = "SELECT body, status, last_op, account FROM resources WHERE kind = ?", [kind]
        if uuids is not None:
            sql += f" AND uuid IN ({','.join('?' * len(uuids))})"
            values += uuids
        if status is not None:
            sql += " AND status = ?"
            values.append(status)
        return [_resource(*row) for row in self.db.execute(sql, values)]


def put(db: Connection, kind: str, body: dict[str, Any], *, account: str, now: float) -> None:
    """Write a resource; its status and last change are columns of their own."""
    rest = {key: value for key, value in body.items() if key not in ("lastOpDate", "_account") and value is not None}
    values = (kind, body["uuid"], account, body.get("status"), now, json.dumps(rest))
    db.execute("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?)", values)


def _resource(body: str, status: str | None, last_op: float | None, account: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    if status is not None:
        found["status"] = status
    if last_op is not None:
        found["lastOpDate"] = last_op
    found["_account"] = account
    return found
