"""What zvol must not forget: which volumes a run was asked for, and every PUT before it is sent.

One SQLite file with `synchronous=FULL`; `locks.py` tells a dead run from a living one.  A volume has at most one open
intent of a run: it is written only when nothing before it can act, and closes what was before.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zvol.errors import LocalState
from zvol.journal import database, queries
from zvol.journal.database import AGAIN, PATIENCE, RESUME, Damaged, local
from zvol.journal.locks import Locks
from zvol.journal.records import Adopted, Claims, Closed, Holder, Identity, Intent, Run, UnfinishedVolume
from zvol.journal.request import Request

if TYPE_CHECKING:
    import sqlite3

KEEP_SECONDS: Final = 30 * 86400
"""How long a run with nothing open is remembered."""

PRUNING: Final = 0.1
"""Seconds that a run spends at its end on forgetting old ones."""

CLOSE: Final = "UPDATE intents SET closed = 1 WHERE run = ? AND uuid = ?"


class Journal:
    """The journal of one machine and user; raises LocalState for everything that its file system or file does."""

    def __init__(self, path: Path, wall: float, *, looking: bool = False) -> None:
        """Open the journal.  With `looking`, one that cannot be written is good enough to see the runs in it."""
        del wall
        self.path = path
        self.writable = not looking or all(os.access(place, os.W_OK) for place in (path.parent, path))
        self.locks = Locks(path.with_name(path.name + ".locks"), writable=self.writable)
        self._pending: list[tuple[str, Sequence[Any]]] = []
        self._inode: int | None = None
        self._kept = False
        self._refusal: LocalState | None = None
        self._remedy = database.ROOM if path.exists() else database.NEW_PLACE
        with self._local():
            self.locks.prepare()
            self._inode = database.create(path) if self.writable else None
            self._db = self._open(looking=looking)

    def _open(self, *, looking: bool) -> sqlite3.Connection:
        """Open the file; one that a living run of an older zvol keeps from being brought up to date is looked at."""
        if self.writable:
            try:
                return database.connect(self.path, self.locks.others)
            except LocalState as refusal:
                if not looking:
                    raise
                self.writable, self._refusal = False, refusal
        return database.connect_to_look(self.path)

    # ---- a run of our own ----------------------------------------------------------------------------------------
    def begin(self, identity: Identity, request: Request, wall: float) -> str:
        """Start a run and return its id; it lives until `close`."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(wall))
        run = f"{stamp}-{secrets.token_hex(3)}"
        with self._transaction():
            queries.note_lost(self._db, self.locks, wall)
            self.locks.take(run)
            row = (run, identity.base, identity.account, request.to_json(), wall)
            self._db.execute("INSERT INTO runs (id, base, account, request, started) VALUES (?, ?, ?, ?, ?)", row)
        self.locks.mark(run)
        return run

    def lost(self, wall: float) -> list[str]:
        """Return the runs that somebody's hand has taken out of the journal, and remember when that was found."""
        if not self.writable:
            return []
        with self._transaction():
            return queries.note_lost(self._db, self.locks, wall)

    def claim(self, run: str, wanted: Iterable[tuple[str, str, str | None]]) -> Claims:
        """Claim (uuid, asked, lastOpDate) triples for a run, all in one transaction.

        What dead or finished runs of the same server and account left open is ours to settle now; what others left is
        not touched.
        """
        busy: dict[str, Holder] = {}
        prior: dict[str, list[Intent]] = {}
        foreign: set[str] = set()
        with self._transaction():
            alive = functools.cache(self.locks.alive)
            mine = queries.identity(self._db, run)
            for seq, (uuid, asked, last_op) in enumerate(wanted):
                others = queries.others(self._db, run, uuid)
                living = next((other for other in others if other.unfinished and alive(other.run)), None)
                if living is not None:
                    busy[uuid] = Holder(living.run, living.identity.base)
                    continue
                if any(other.sent and not mine.same(other.identity) for other in others):
                    foreign.add(uuid)
                for other in others:
                    if mine.same(other.identity):
                        prior.setdefault(uuid, []).extend(queries.hand_over(self._db, other.run, run, uuid))
                self._db.execute(queries.CLAIM, (run, uuid, asked, seq, last_op))
        self._kept = True
        return Claims(busy, {uuid: found for uuid, found in prior.items() if found}, frozenset(foreign))

    def intend(self, intents: Iterable[tuple[str, str, Intent]], wall: float) -> None:
        """Make intents (run, uuid, Intent) durable, all in one commit; only then may their PUTs be sent."""
        with self._transaction():
            for run, uuid, intent in intents:
                self._db.execute(CLOSE, (run, uuid))
                self._db.execute(queries.INTEND, (intent.job, run, uuid, intent.last_op, wall))
                self._db.execute("UPDATE volumes SET state = 'open' WHERE run = ? AND uuid = ?", (run, uuid))

    def said(self, run: str, uuid: str, outcome: str, *, settled: bool) -> None:
        """Note the last word on a volume; kept in memory until the next commit, a resumed run finds it out again.

        One that is back, and has follow-ups that are not over, stays unfinished for their sake.
        """
        if outcome == "unknown" and not settled:
            self._note(queries.SAY, ("open", outcome, run, uuid))
        else:
            self._note(queries.SAY, ("said", outcome, run, uuid))
            if outcome in queries.BACK:
                self._note(queries.KEEP_FOR_FOLLOWUPS, (run, uuid))
        if settled:
            self._note(CLOSE, (run, uuid))

    def unsent(self, run: str, uuid: str) -> None:
        """Note that nothing was sent for a volume, so that a resumed run can do it."""
        self._note("UPDATE volumes SET state = 'planned' WHERE run = ? AND uuid = ?", (run, uuid))
        self._note(CLOSE, (run, uuid))

    def settle(self, job: str) -> None:
        """Note that nothing of this PUT can act any more."""
        self._note("UPDATE intents SET closed = 1 WHERE job = ?", (job,))

    def keep(self, run: str, uuid: str, asked: str, outcome: str) -> None:
        """Note a volume that was back already, for the sake of its follow-ups; kept in memory until the next commit."""
        self._note(queries.KEEP, (run, uuid, asked, outcome))

    def plan_followups(self, run: str, uuid: str, planned: Iterable[tuple[str, str]]) -> None:
        """Note (kind, value) pairs that are to be done once the volume is back, with the next commit."""
        for kind, value in planned:
            self._note(queries.PLAN, (run, uuid, kind, value))

    def followup(self, run: str, uuid: str, kind: str, value: str, state: str, job: str | None = None) -> None:
        """Note what has become of a follow-up: planned, sent, done or failed.

        A POST of it may leave only once its `sent` is committed, see `flush`.
        """
        self._note(queries.FOLLOW, (state, job, run, uuid, kind, value))
        self._note(queries.FOLLOWED, (run, uuid))

    def flush(self) -> None:
        """Commit what was noted."""
        if self._pending:
            with self._transaction():
                pass

    def finish(self, wall: float, *runs: str) -> None:
        """End runs: one is over for good when every volume of it has its last word."""
        with self._transaction():
            for run in runs:
                self._db.execute(queries.FINISH, (wall, run))
        for run in runs:
            self.locks.release(run)

    def prune(self, wall: float) -> None:
        """Forget some old runs that have nothing open, in small steps; an intent that old cannot act any more.

        To be called after the work: it stops as soon as anybody else is at work, or after a short time.
        """
        until = time.monotonic() + PRUNING
        with contextlib.suppress(LocalState):
            while self.writable and self._prune_some(wall - KEEP_SECONDS) and time.monotonic() < until:
                pass

    def close(self) -> None:
        self.locks.release_all()
        with self._local():
            self._db.close()

    # ---- what is there -------------------------------------------------------------------------------------------
    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        with self._transaction():
            return queries.runs(self._db, self.locks.alive)

    def left(self, run: str) -> list[UnfinishedVolume]:
        """Return the unfinished volumes of a run, in the order asked."""
        with self._local():
            return queries.left(self._db, run)

    def adopt(self, run: str) -> list[UnfinishedVolume] | None:
        """Take over a dead run and return its unfinished volumes; None when it is alive."""
        adopted = self.adopt_all([run])
        return None if adopted.living else list(adopted.left)

    def adopt_all(self, runs: Sequence[str], identity: Identity | None = None) -> Adopted:
        """Take over dead runs, oldest first; of a volume that several of them are on, the newest has it all.

        They are those of `identity` from now on, if that is given.
        """
        if self._refusal is not None:
            raise self._refusal
        with self._transaction():
            ours = [run for run in runs if self.locks.take(run)]
            if identity is not None:
                who = [(identity.base, identity.account, run) for run in ours]
                self._db.executemany("UPDATE runs SET base = ?, account = ? WHERE id = ?", who)
            left = queries.merged(self._db, ours, functools.cache(self.locks.alive))
        self._kept = True
        for run in ours:
            self.locks.mark(run)
        return Adopted(tuple(left), tuple(run for run in runs if run not in ours))

    def _prune_some(self, before: float) -> bool:
        """Forget a few runs; tell whether there may be more to forget, and time for it."""
        with self._local():
            old = queries.prunable(self._db, before)
        if not old:
            return False
        with self._transaction(wait=False):
            if self.locks.others():
                return False
            self._db.executemany("DELETE FROM runs WHERE id = ?", [(run,) for run in old if not self.locks.alive(run)])
        return True

    def forget(self, run: str, wall: float) -> list[Closed] | None:
        """Close what is open in a dead run, by hand, and return it; None when it is alive."""
        with self._transaction():
            if not self.locks.take(run):
                return None
            return queries.close(self._db, [run], wall)

    def close_all(self, bases: Sequence[str], wall: float) -> None:
        """Close everything that runs have open on servers that are no more, those that are alive too."""
        with self._transaction():
            queries.close(self._db, queries.runs_on(self._db, bases), wall)

    @property
    def set_aside_at(self) -> float | None:
        """Return when (seconds since 1970) a damaged journal was set aside for this one; None when none was."""
        with self._local():
            row = self._db.execute("SELECT value FROM meta WHERE name = 'set_aside'").fetchone()
        return None if row is None else float(row[0])

    def foreign(self, identity: Identity, uuid: str) -> bool:
        """Tell whether runs of another server or account have sent something for a volume that may still act."""
        with self._local():
            return any(one.sent and not identity.same(one.identity) for one in queries.others(self._db, "", uuid))

    # ---- inside --------------------------------------------------------------------------------------------------
    def _note(self, sql: str, values: Sequence[Any]) -> None:
        self._pending.append((sql, values))

    @contextlib.contextmanager
    def _local(self) -> Iterator[None]:
        """Every fault of the file is a LocalState; a damaged file is set aside unless a living run still uses it."""
        what_next = RESUME if self._kept else AGAIN
        try:
            with local(self.path, what_next, self._remedy):
                yield
        except Damaged as why:
            if not self.writable:
                raise LocalState(f"the journal {self.path} is damaged ({why})") from why
            with local(self.path, what_next):
                others = self.locks.others()
            if others:
                text = f"the journal {self.path} is damaged ({why}), and run {others[0]} still uses it"
                raise LocalState(text, hint="Wait for that run to end, then run the command again.") from why
            raise database.set_aside(self.path, self._inode, why) from why

    @contextlib.contextmanager
    def _transaction(self, *, wait: bool = True) -> Iterator[None]:
        """One durable commit, with everything noted before it; `wait` for other processes that write."""
        with self._local():
            self._db.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000 if wait else 0:.0f}")
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


__all__ = ["Adopted", "Claims", "Closed", "Holder", "Identity", "Intent", "Journal", "Run", "UnfinishedVolume"]
