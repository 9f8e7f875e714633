"""What zvol must not forget: which volumes a run was asked for, and every PUT before it is sent.

One SQLite file with `synchronous=FULL`; `locks.py` tells a dead run from a living one.  A volume has at most one open
intent: it is written only when nothing before it can act, and closes what was before.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zvol.errors import LocalState
from zvol.recovery.database import Damaged, connect, connect_to_look, create_private, local, set_aside
from zvol.recovery.locks import Locks

KEEP_SECONDS: Final = 30 * 86400
"""How long a run with nothing open is remembered."""

UNFINISHED: Final = ("planned", "open")

PRUNABLE: Final = """
SELECT id FROM runs WHERE coalesce(ended, started) < ?
AND NOT EXISTS (SELECT 1 FROM volumes WHERE run = runs.id AND state IN ('planned', 'open'))
AND NOT EXISTS (SELECT 1 FROM intents WHERE run = runs.id AND closed = 0 AND written > ?)
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """A PUT that may have been sent: its job id, and the lastOpDate that the volume had before it."""

    job: str
    last_op: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """An unfinished volume of a run; `state` is planned (never sent) or open (a PUT may act).

    `last_op` is its lastOpDate when it was claimed: the deletion that was meant.
    """

    uuid: str
    asked: str
    state: str
    last_op: str | None
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

    def __init__(self, path: Path, wall: float, *, looking: bool = False) -> None:
        """Open the journal.  With `looking`, one that cannot be written is good enough to see the runs in it."""
        self.path = path
        self.writable = not looking or all(os.access(place, os.W_OK) for place in (path.parent, path))
        self.locks = Locks(path.with_name(path.name + ".locks"), writable=self.writable)
        self._pending: list[tuple[str, Sequence[Any]]] = []
        self._inode: int | None = None
        with self._local():
            self.locks.prepare()
            self._inode = create_private(path) if self.writable else None
            self._db = connect(path) if self.writable else connect_to_look(path)
        try:
            if self.writable:
                self._prune(wall)
        except BaseException:
            self._db.close()
            raise

    # ---- a run of our own ----------------------------------------------------------------------------------------
    def begin(self, origin: str, options: str, wall: float) -> str:
        """Start a run and return its id; it lives until `close`."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(wall))
        run = f"{stamp}-{secrets.token_hex(3)}"
        with self._transaction():
            self.locks.take(run)
            self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, NULL)", (run, origin, options, wall))
        return run

    def claim(
        self, run: str, wanted: Iterable[tuple[str, str, str | None]]
    ) -> tuple[dict[str, str], dict[str, list[Intent]]]:
        """Claim (uuid, asked, lastOpDate) triples for a run, all in one transaction.

        Returns the volumes that a living run is on ({uuid: its id}), which are not claimed, and the intents that dead
        or finished runs left open ({uuid: intents}), which are ours to settle now.
        """
        busy: dict[str, str] = {}
        prior: dict[str, list[Intent]] = {}
        with self._transaction():
            alive = functools.cache(self.locks.alive)
            origin = self._db.execute("SELECT origin FROM runs WHERE id = ?", (run,)).fetchone()[0]
            for seq, (uuid, asked, last_op) in enumerate(wanted):
                others = self._others(origin, run, uuid)
                living = [other for other, state in others if state in UNFINISHED and alive(other)]
                if living:
                    busy[uuid] = living[0]
                else:
                    self._take(others, run, uuid, prior)
                    row = (run, uuid, asked, seq, last_op)
                    self._db.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?, ?, ?, ?, 'planned', NULL)", row)
        return busy, prior

    def intend(self, run: str, intents: Iterable[tuple[str, Intent]], wall: float) -> None:
        """Make intents (uuid, Intent) durable, all in one commit; only then may their PUTs be sent."""
        with self._transaction():
            for uuid, intent in intents:
                row = (intent.job, run, uuid, intent.last_op, wall)
                self._db.execute("UPDATE intents SET closed = 1 WHERE run = ? AND uuid = ?", (run, uuid))
                self._db.execute("INSERT INTO intents VALUES (?, ?, ?, ?, ?, 0)", row)
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
        self.locks.release(run)

    def close(self) -> None:
        self.locks.release_all()
        with self._local():
            self._db.close()

    # ---- what is there -------------------------------------------------------------------------------------------
    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        found = []
        with self._transaction():
            for run, origin, options, started, ended in self._db.execute(
                "SELECT * FROM runs ORDER BY started DESC, id DESC"
            ).fetchall():
                counts = dict(
                    self._db.execute("SELECT state, count(*) FROM volumes WHERE run = ? GROUP BY state", (run,))
                )
                living = ended is None and self.locks.alive(run)
                found.append(Run(run, origin, started, ended, living, options, counts))
        return found

    def left(self, run: str) -> list[Left]:
        """Return the unfinished volumes of a run, in the order asked."""
        rows = self._db.execute(
            "SELECT uuid, asked, state, last_op FROM volumes WHERE run = ? AND state IN ('planned', 'open') "
            "ORDER BY seq",
            (run,),
        ).fetchall()
        return [
            Left(uuid, asked, state, last_op, tuple(self._open_intents(run, uuid)))
            for uuid, asked, state, last_op in rows
        ]

    def adopt(self, run: str) -> list[Left] | None:
        """Take over a dead run and return its unfinished volumes; None when it is alive."""
        with self._transaction():
            return self.left(run) if self.locks.take(run) else None

    # ---- inside --------------------------------------------------------------------------------------------------
    def _others(self, origin: str, run: str, uuid: str) -> list[tuple[str, str]]:
        sql = "SELECT run, state FROM volumes JOIN runs ON id = run WHERE origin = ? AND uuid = ? AND run != ?"
        return self._db.execute(sql, (origin, uuid, run)).fetchall()

    def _take(self, others: list[tuple[str, str]], run: str, uuid: str, prior: dict[str, list[Intent]]) -> None:
        """Take a volume over from runs that are dead or have said their word on it."""
        for other, state in others:
            intents = self._open_intents(other, uuid)
            if intents:
                prior.setdefault(uuid, []).extend(intents)
                self._db.execute(
                    "UPDATE intents SET run = ? WHERE run = ? AND uuid = ? AND closed = 0", (run, other, uuid)
                )
            if state in UNFINISHED:
                self._db.execute("UPDATE volumes SET state = 'taken' WHERE run = ? AND uuid = ?", (other, uuid))

    def _open_intents(self, run: str, uuid: str) -> list[Intent]:
        sql = "SELECT job, last_op FROM intents WHERE run = ? AND uuid = ? AND closed = 0 ORDER BY written"
        return [Intent(*row) for row in self._db.execute(sql, (run, uuid))]

    def _prune(self, wall: float) -> None:
        """Forget the old runs that have nothing open; an intent that old cannot act any more."""
        old = wall - KEEP_SECONDS
        with self._transaction():
            for (run,) in self._db.execute(PRUNABLE, (old, old)).fetchall():
                if not self.locks.alive(run):
                    self._db.execute("DELETE FROM runs WHERE id = ?", (run,))

    @contextlib.contextmanager
    def _local(self) -> Iterator[None]:
        """Every fault of the file is a LocalState; a damaged file is set aside unless a living run still uses it."""
        try:
            with local(self.path):
                yield
        except Damaged as why:
            if not self.writable:
                raise LocalState(f"the journal {self.path} is damaged ({why})") from why
            with local(self.path):
                others = self.locks.others()
            if others:
                text = f"the journal {self.path} is damaged ({why}), and run {others[0]} still uses it"
                raise LocalState(text, hint="Wait for that run to end, then run the command again.") from why
            raise set_aside(self.path, self._inode, why) from why

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """One durable commit, with everything noted before it."""
        with self._local():
            self._db.execute("BEGIN IMMEDIATE" if self.writable else "BEGIN")
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
