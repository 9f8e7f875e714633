"""Records the volumes that a run was asked to recover, and every PUT before it is sent.

One SQLite file with `synchronous=FULL`; `locks.py` tells dead runs from living ones.  A volume has at most one open
intent of a run: an intent is written only when no earlier one can act any more, and closes the earlier ones.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zvol.errors import LocalState
from zvol.journal import database, history, queries
from zvol.journal.database import AGAIN, BUSY_TIMEOUT, RESUME, Damaged, as_local_state
from zvol.journal.locks import Locks
from zvol.journal.reads import JournalReads
from zvol.journal.records import Adopted, Claim, Claims, ClosedVolume, Identity, Intent, Run
from zvol.journal.request import Request, Waits
from zvol.journal.run_waits import lengthen_waits
from zvol.model import Outcome

if TYPE_CHECKING:
    import sqlite3

KEEP_SECONDS: Final = 30 * 86400
"""How long a run with nothing open is kept."""
PRUNE_SECONDS: Final = 0.1
"""How long a run spends on deleting old runs at its end."""


class Journal(JournalReads):
    """The journal of one machine and user; raises LocalState whenever its file or its folder fails."""

    def __init__(self, path: Path, *, read_only_ok: bool = False) -> None:
        """Open the journal; with `read_only_ok` also one that cannot be written, to read the runs in it."""
        self.path = path
        self.writable = not read_only_ok or all(os.access(place, os.W_OK) for place in (path.parent, path))
        self.locks = Locks(path.with_name(path.name + ".locks"), writable=self.writable)
        self._pending: list[tuple[str, Sequence[Any]]] = []
        self._inode: int | None = None
        self._claimed = False
        self._refusal: LocalState | None = None
        self._remedy = database.MAKE_ROOM if path.exists() else database.MAKE_ROOM_OR_MOVE
        with self._local():
            self.locks.prepare()
            self._inode = database.create(path) if self.writable else None
            self._db = self._open(read_only_ok=read_only_ok)

    def _open(self, *, read_only_ok: bool) -> sqlite3.Connection:
        """Open the file; read-only when a living run of an older zvol prevents its migration and that is enough."""
        if self.writable:
            try:
                return database.connect(self.path, self.locks.others)
            except LocalState as refusal:
                if not read_only_ok:
                    raise
                self.writable, self._refusal = False, refusal
        return database.connect_read_only(self.path)

    # ---- a run of this process -----------------------------------------------------------------------------------
    def begin(self, identity: Identity, request: Request, wall: float) -> str:
        """Start a run and return its id; it counts as alive until `finish` or `close`."""
        return self._begin(identity, request, wall, ())[0]

    def begin_with(
        self, identity: Identity, request: Request, wall: float, claims: Iterable[Claim]
    ) -> tuple[str, Claims]:
        """Start a run with its first claims, in one transaction; return its id and what `claim` returns."""
        begun = self._begin(identity, request, wall, claims)
        self._claimed = True
        return begun

    def _begin(self, identity: Identity, request: Request, wall: float, claims: Iterable[Claim]) -> tuple[str, Claims]:
        run = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(wall))}-{os.urandom(3).hex()}"
        with self._transaction():
            queries.record_lost_runs(self._db, self.locks, wall)
            self.locks.take(run)
            row = (run, identity.base, identity.account, request.to_json(), wall)
            self._db.execute("INSERT INTO runs (id, base, account, request, started) VALUES (?, ?, ?, ?, ?)", row)
            claimed = queries.claim(self._db, run, claims, self.locks.alive)
        self.locks.mark(run)
        return run, claimed

    def find_lost_runs(self, wall: float) -> list[str]:
        """Return the runs that were removed from the journal by hand, and record when that was found."""
        if not self.writable:
            return []
        with self._transaction():
            return queries.record_lost_runs(self._db, self.locks, wall)

    def claim(self, run: str, claims: Iterable[Claim]) -> Claims:
        """Claim resources for a run, all in one transaction.

        Open intents of dead or finished runs of the same server and account become this run's, to be settled by it;
        those of other servers and accounts are left alone, and so is a volume for which only follow-ups are left.
        """
        with self._transaction():
            claimed = queries.claim(self._db, run, claims, self.locks.alive)
        self._claimed = True
        return claimed

    def record_intents(self, intents: Iterable[tuple[str, str, Intent]], wall: float) -> None:
        """Make intents (run, uuid, Intent) durable, all in one commit; only then may their PUTs be sent."""
        with self._transaction():
            for run, uuid, intent in intents:
                self._db.execute(queries.CLOSE_INTENTS, (run, uuid))
                self._db.execute(queries.ADD_INTENT, (intent.job, run, uuid, intent.last_op, wall))
                self._db.execute(queries.SET_OPEN, (run, uuid))

    def record_outcome(self, run: str, uuid: str, outcome: str, *, settled: bool, last_op: str | None = None) -> None:
        """Record the outcome of a volume with the next commit; if that never comes, a resumed run finds it out again.

        A recovered volume whose follow-ups are not over stays unfinished because of them.  `last_op` is the lastOpDate
        that it has then.
        """
        if outcome == "unknown" and not settled:
            self._defer(queries.SET_OUTCOME, ("open", outcome, run, uuid))
        else:
            self._defer(queries.SET_OUTCOME, ("recorded", outcome, run, uuid))
            if outcome in queries.BACK:
                self._defer(queries.AWAIT_FOLLOWUPS, (run, uuid))
            if outcome == Outcome.RECOVERED and last_op is not None:
                self._defer(queries.SET_LAST_OP, (last_op, run, uuid))
        if settled:
            self._defer(queries.CLOSE_INTENTS, (run, uuid))

    def record_not_sent(self, run: str, uuid: str) -> None:
        """Record with the next commit that nothing was sent for a volume, so that a resumed run can send it."""
        self._defer(queries.SET_PLANNED, (run, uuid))
        self._defer(queries.CLOSE_INTENTS, (run, uuid))

    def settle_intent(self, job: str) -> None:
        """Record with the next commit that a PUT cannot act any more."""
        self._defer(queries.CLOSE_INTENT, (job,))

    def record_for_followups(self, run: str, uuid: str, asked: str, outcome: str) -> None:
        """Record with the next commit a volume that was not deleted at all, but has follow-ups."""
        self._defer(queries.ADD_FOR_FOLLOWUPS, (run, uuid, asked, outcome))

    def plan_followups(self, run: str, uuid: str, planned: Iterable[tuple[str, str]]) -> None:
        """Record with the next commit the follow-ups (kind, value) of a volume."""
        for kind, value in planned:
            self._defer(queries.PLAN_FOLLOWUP, (run, uuid, kind, value))

    def record_followup(self, run: str, uuid: str, kind: str, value: str, state: str, job: str | None = None) -> None:
        """Record with the next commit the state of a follow-up: planned, sent, done or failed.

        Its POST may leave only after its `sent` is committed, see `flush`.
        """
        self._defer(queries.SET_FOLLOWUP, (state, job, run, uuid, kind, value))
        self._defer(queries.FINISH_FOLLOWUPS, (run, uuid))

    def flush(self) -> None:
        """Commit everything that was recorded for the next commit."""
        if self._pending:
            with self._transaction():
                pass

    def finish(self, wall: float, *runs: str) -> None:
        """End runs: the time is recorded for those whose volumes all have an outcome."""
        with self._transaction():
            self._db.executemany(queries.FINISH, [(wall, run) for run in runs])
        for run in runs:
            self.locks.release(run)

    def prune(self, wall: float) -> None:
        """Delete some old runs that have nothing open, in small steps; an intent that old cannot act any more.

        Call it after the work: it stops after a short time, and as soon as another process uses the journal.
        """
        until = time.monotonic() + PRUNE_SECONDS
        with contextlib.suppress(LocalState):
            while self.writable and self._prune_some(wall - KEEP_SECONDS) and time.monotonic() < until:
                pass

    def close(self) -> None:
        self.locks.release_all()
        with self._local():
            self._db.close()

    # ---- all runs ------------------------------------------------------------------------------------------------
    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        with self._transaction():
            return history.runs(self._db, self.locks.alive)

    def adopt(self, runs: Sequence[str], identity: Identity, waits: Waits | None = None) -> Adopted:
        """Take over dead runs, given oldest first; they belong to `identity` from now on, and send with these `waits`.

        A volume that several of them have is left to the newest, together with the intents of the others.
        """
        if self._refusal is not None:
            raise self._refusal
        with self._transaction():
            taken = [run for run in runs if self.locks.take(run)]
            self._db.executemany(queries.MOVE_RUN, [(identity.base, identity.account, run) for run in taken])
            lengthen_waits(self._db, taken, waits)
            volumes = queries.merge_unfinished(self._db, taken, functools.cache(self.locks.alive))
        self._claimed = True
        for run in taken:
            self.locks.mark(run)
        return Adopted(tuple(volumes), tuple(run for run in runs if run not in taken))

    def _prune_some(self, before: float) -> bool:
        """Delete a few runs; return whether there may be more."""
        with self._local():
            old = queries.prunable(self._db, before)
        if not old:
            return False
        with self._transaction(wait=False):
            if self.locks.others():
                return False
            self._db.executemany("DELETE FROM runs WHERE id = ?", [(run,) for run in old if not self.locks.alive(run)])
        return True

    def forget(self, run: str, wall: float) -> list[ClosedVolume] | None:
        """Close by hand what is open in a dead run, and return it; None when the run is alive."""
        with self._transaction():
            return queries.close_runs(self._db, [run], wall) if self.locks.take(run) else None

    def close_runs_on(self, bases: Sequence[str], wall: float) -> None:
        """Close everything that is open on servers that no longer exist, even in living runs."""
        with self._transaction():
            queries.close_runs(self._db, queries.runs_on(self._db, bases), wall)

    # ---- inside --------------------------------------------------------------------------------------------------
    def _defer(self, sql: str, values: Sequence[Any]) -> None:
        """Keep a statement in memory until the next commit."""
        self._pending.append((sql, values))

    @contextlib.contextmanager
    def _local(self) -> Iterator[None]:
        """Turn every failure of the file into LocalState; set a damaged file aside unless a living run uses it."""
        what_next = RESUME if self._claimed else AGAIN
        try:
            with as_local_state(self.path, what_next, self._remedy):
                yield
        except Damaged as why:
            if not self.writable:
                raise LocalState(f"the journal {self.path} is damaged ({why})") from why
            with as_local_state(self.path, what_next):
                others = self.locks.others()
            if others:
                text = f"the journal {self.path} is damaged ({why}), and run {others[0]} still uses it"
                raise LocalState(text, hint="Wait for that run to end, then run the command again.") from why
            raise database.set_aside(self.path, self._inode, why) from why

    @contextlib.contextmanager
    def _transaction(self, *, wait: bool = True) -> Iterator[None]:
        """Make one durable commit, which includes the deferred statements; `wait` for other processes that write."""
        with self._local():
            self._db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000 if wait else 0:.0f}")
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
