"""What zvol must not forget: which volumes a run was asked for, and every PUT before it is sent.

One SQLite file with `synchronous=FULL`.  A run holds a kernel lock (flock) on a small file for as long as it lives, so
a dead run is told from a living one without trusting a process id: a kill, a reused pid and a reboot all release it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zvol.errors import LocalState
from zvol.recovery.database import connect, create_private, local

KEEP_SECONDS: Final = 30 * 86400
"""How long a run with nothing open is remembered."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A PUT that may have been sent: its job id, and the lastOpDate that the volume had before it."""

    job: str
    last_op: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """A volume of a run; `state` is planned, open (a PUT may act), said, or taken (by another run)."""

    uuid: str
    asked: str
    state: str
    outcome: str | None
    intents: tuple[Intent, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of zvol; times are seconds since 1970."""

    id: str
    origin: str
    started: float
    ended: float | None
    alive: bool
    options: str
    counts: Mapping[str, int]

    @property
    def unfinished(self) -> int:
        return self.counts.get("planned", 0) + self.counts.get("open", 0)


class Journal:
    """The journal of one machine and user; raises LocalState for everything that its file system or file does."""

    def __init__(self, path: Path, wall: float) -> None:
        self.path = path
        self.locks: dict[str, int] = {}
        self._lock_dir = path.with_name(path.name + ".locks")
        self._pending: list[tuple[str, Sequence[Any]]] = []
        with local(path):
            self._lock_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_private(path)
            self._db = connect(path)
        try:
            self._prune(wall)
        except BaseException:
            self._db.close()
            raise

    # ---- a run of our own ----------------------------------------------------------------------------------------
    def begin(self, origin: str, options: str, wall: float) -> str:
        """Start a run and return its id; it lives until `close`."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(wall))
        run = f"{stamp}-{secrets.token_hex(2)}"
        with self._transaction():
            if not self._lock(run):  # pragma: no cover - two random ids in one second
                raise LocalState(f"{self.path}: run {run} exists already")
            self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, NULL)", (run, origin, options, wall))
        return run

    def claim(self, run: str, wanted: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, list[Intent]]]:
        """Claim (uuid, asked) pairs for a run, all in one transaction.

        Returns the volumes that a living run is on ({uuid: its id}), which are not claimed, and the intents that dead
        or finished runs left open ({uuid: intents}), which are ours to settle now.
        """
        busy: dict[str, str] = {}
        prior: dict[str, list[Intent]] = {}
        alive: dict[str, bool] = {}
        with self._transaction():
            origin = self._db.execute("SELECT origin FROM runs WHERE id = ?", (run,)).fetchone()[0]
            for seq, (uuid, asked) in enumerate(wanted):
                for other, state in self._others(origin, run, uuid):
                    if state in ("planned", "open") and self._alive(other, alive):
                        busy[uuid] = other
                if uuid not in busy:
                    self._take(origin, run, uuid, prior)
                    row = (run, uuid, asked, seq, "planned")
                    self._db.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?, ?, ?, ?, NULL)", row)
        return busy, prior

    def intend(self, run: str, intents: Iterable[tuple[str, Intent]], wall: float) -> None:
        """Make intents (uuid, Intent) durable, all in one commit; only then may their PUTs be sent."""
        with self._transaction():
            for uuid, intent in intents:
                self._db.execute(
                    "INSERT INTO intents VALUES (?, ?, ?, ?, ?, 0)", (intent.job, run, uuid, intent.last_op, wall)
                )
                self._db.execute("UPDATE volumes SET state = 'open' WHERE run = ? AND uuid = ?", (run, uuid))

    def said(self, run: str, uuid: str, outcome: str, *, settled: bool) -> None:
        """Note the last word on a volume; kept in memory until the next commit, a resumed run finds it out again."""
        sql = "UPDATE volumes SET state = ?, outcome = ? WHERE run = ? AND uuid = ?"
        self._pending.append((sql, ("open" if outcome == "unknown" and not settled else "said", outcome, run, uuid)))
        if settled:
            self._pending.append(("UPDATE intents SET closed = 1 WHERE uuid = ? AND run = ?", (uuid, run)))

    def unsent(self, run: str, uuid: str) -> None:
        """Note that nothing was sent for a volume, so that a resumed run can do it."""
        self._pending.append(("UPDATE volumes SET state = 'planned' WHERE run = ? AND uuid = ?", (run, uuid)))
        self._pending.append(("UPDATE intents SET closed = 1 WHERE run = ? AND uuid = ?", (run, uuid)))

    def settle(self, job: str) -> None:
        """Note that nothing of this PUT can act any more."""
        self._pending.append(("UPDATE intents SET closed = 1 WHERE job = ?", (job,)))

    def flush(self) -> None:
        """Commit what was noted."""
        if self._pending:
            with self._transaction():
                pass

    def finish(self, run: str, wall: float) -> None:
        """End a run: it is over for good when every volume has its last word."""
        with self._transaction():
            self._db.execute(
                "UPDATE runs SET ended = ? WHERE id = ? AND NOT EXISTS "
                "(SELECT 1 FROM volumes WHERE run = runs.id AND state IN ('planned', 'open'))",
                (wall, run),
            )
        self._unlock(run)

    def close(self) -> None:
        for run in list(self.locks):
            self._unlock(run)
        with local(self.path):
            self._db.close()

    # ---- what is there -------------------------------------------------------------------------------------------
    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        found, alive = [], dict[str, bool]()
        with self._transaction():
            for run, origin, options, started, ended in self._db.execute(
                "SELECT * FROM runs ORDER BY started DESC, id DESC"
            ).fetchall():
                counts = dict(
                    self._db.execute("SELECT state, count(*) FROM volumes WHERE run = ? GROUP BY state", (run,))
                )
                living = ended is None and self._alive(run, alive)
                found.append(Run(run, origin, started, ended, living, options, counts))
        return found

    def adopt(self, run: str) -> list[Left] | None:
        """Take over a dead run and return its volumes in the order asked; None when it is alive."""
        with self._transaction():
            if not self._lock(run):
                return None
            rows = self._db.execute(
                "SELECT uuid, asked, state, outcome FROM volumes WHERE run = ? ORDER BY seq", (run,)
            ).fetchall()
            return [
                Left(uuid, asked, state, outcome, tuple(self._open_intents(run, uuid)))
                for uuid, asked, state, outcome in rows
            ]

    # ---- inside --------------------------------------------------------------------------------------------------
    def _others(self, origin: str, run: str, uuid: str) -> list[tuple[str, str]]:
        sql = "SELECT run, state FROM volumes JOIN runs ON id = run WHERE origin = ? AND uuid = ? AND run != ?"
        return self._db.execute(sql, (origin, uuid, run)).fetchall()

    def _take(self, origin: str, run: str, uuid: str, prior: dict[str, list[Intent]]) -> None:
        """Take a volume over from runs that are dead or have said their word on it."""
        for other, state in self._others(origin, run, uuid):
            intents = self._open_intents(other, uuid)
            if intents:
                prior.setdefault(uuid, []).extend(intents)
                self._db.execute(
                    "UPDATE intents SET run = ? WHERE run = ? AND uuid = ? AND closed = 0", (run, other, uuid)
                )
            if state in ("planned", "open"):
                self._db.execute("UPDATE volumes SET state = 'taken' WHERE run = ? AND uuid = ?", (other, uuid))

    def _open_intents(self, run: str, uuid: str) -> list[Intent]:
        sql = "SELECT job, last_op FROM intents WHERE run = ? AND uuid = ? AND closed = 0 ORDER BY written"
        return [Intent(*row) for row in self._db.execute(sql, (run, uuid))]

    def _lock(self, run: str) -> bool:
        if run in self.locks:
            return True
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with local(self.path):
            fd = os.open(self._lock_dir / run, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        self.locks[run] = fd
        return True

    def _unlock(self, run: str) -> None:
        fd = self.locks.pop(run, None)
        if fd is not None:
            with contextlib.suppress(OSError):
                (self._lock_dir / run).unlink()
            os.close(fd)

    def _alive(self, run: str, known: dict[str, bool]) -> bool:
        """Tell whether a run's process lives; called inside a transaction, so that two askers do not see each other."""
        if run not in known:
            known[run] = run in self.locks or ((self._lock_dir / run).exists() and not self._lock(run))
            if not known[run]:
                self._unlock(run)
        return known[run]

    def _prune(self, wall: float) -> None:
        with self._transaction():
            open_intent = "SELECT 1 FROM intents WHERE run = runs.id AND closed = 0 AND written > ?"
            sql = f"DELETE FROM runs WHERE ended < ? AND NOT EXISTS ({open_intent})"  # noqa: S608 (constants only)
            self._db.execute(sql, (wall - KEEP_SECONDS, wall - KEEP_SECONDS))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """One durable commit, with everything noted before it."""
        with local(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for sql, values in self._pending:
                    self._db.execute(sql, values)
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(Exception):
                    self._db.execute("ROLLBACK")
                raise
            self._pending.clear()
