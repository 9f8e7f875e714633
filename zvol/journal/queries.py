"""Questions to the journal's tables, and the rows that are moved from one run to another; within a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from zvol.journal.records import Closed, FollowUp, Holder, Identity, Intent, Run, UnfinishedVolume
from zvol.journal.request import Request

if TYPE_CHECKING:
    import sqlite3

    from zvol.journal.locks import Locks

BACK: Final = ("recovered", "already")

_UNFINISHED: Final = "('planned', 'open', 'followups')"
_GOING_ON: Final = "('planned', 'sent')"
MAY_ACT: Final = 2100.0
"""Seconds after which a request for a volume that is back, or that somebody was told of, cannot act any more."""

CLAIM: Final = (
    "INSERT OR REPLACE INTO volumes (run, uuid, asked, seq, last_op, state) VALUES (?, ?, ?, ?, ?, 'planned')"
)
INTEND: Final = "INSERT INTO intents (job, run, uuid, last_op, written) VALUES (?, ?, ?, ?, ?)"
SAY: Final = "UPDATE volumes SET state = ?, outcome = ? WHERE run = ? AND uuid = ?"
KEEP: Final = (
    "INSERT OR REPLACE INTO volumes (run, uuid, asked, seq, state, outcome) VALUES "
    "(?1, ?2, ?3, (SELECT count(*) FROM volumes WHERE run = ?1), 'followups', ?4)"
)
PLAN: Final = "INSERT OR IGNORE INTO followups (run, uuid, kind, value, state) VALUES (?, ?, ?, ?, 'planned')"
FOLLOW: Final = "UPDATE followups SET state = ?, job = ? WHERE run = ? AND uuid = ? AND kind = ? AND value = ?"
KEEP_FOR_FOLLOWUPS: Final = (
    "UPDATE volumes SET state = 'followups' WHERE run = ? AND uuid = ? AND EXISTS (SELECT 1 FROM followups "
    f"WHERE followups.run = volumes.run AND followups.uuid = volumes.uuid AND followups.state IN {_GOING_ON})"
)
FOLLOWED: Final = (
    "UPDATE volumes SET state = 'said' WHERE run = ? AND uuid = ? AND state = 'followups' AND NOT EXISTS "
    "(SELECT 1 FROM followups WHERE followups.run = volumes.run AND followups.uuid = volumes.uuid "
    f"AND followups.state IN {_GOING_ON})"
)
FINISH: Final = (
    "UPDATE runs SET ended = ? WHERE id = ? AND NOT EXISTS "
    f"(SELECT 1 FROM volumes WHERE run = runs.id AND state IN {_UNFINISHED})"
)

_HOLDERS: Final = (
    "SELECT run, base, account FROM volumes JOIN runs ON id = run "
    f"WHERE uuid = ? AND state IN {_UNFINISHED} AND run != ?"
)
_SENDERS: Final = (
    "SELECT DISTINCT run, base, account FROM intents JOIN runs ON id = run WHERE uuid = ? AND closed = 0 AND run != ?"
)
_LEFT: Final = (
    f"SELECT uuid, asked, state, last_op, outcome FROM volumes WHERE run = ? AND state IN {_UNFINISHED} ORDER BY seq"
)


PRUNED: Final = 20
"""Runs that are forgotten in one transaction."""

_PRUNABLE: Final = (
    "SELECT id FROM runs WHERE coalesce(ended, started) < ? "
    f"AND NOT EXISTS (SELECT 1 FROM volumes WHERE run = runs.id AND state IN {_UNFINISHED}) "
    "AND NOT EXISTS (SELECT 1 FROM intents WHERE run = runs.id AND closed = 0 AND written > ?) "
    "ORDER BY coalesce(ended, started) LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Other:
    """Another run that names a volume: `unfinished` with it, or something that it `sent` may act."""

    run: str
    identity: Identity
    unfinished: bool
    sent: bool


def identity(db: sqlite3.Connection, run: str) -> Identity:
    return Identity(*db.execute("SELECT base, account FROM runs WHERE id = ?", (run,)).fetchone())


def others(db: sqlite3.Connection, run: str, uuid: str) -> list[Other]:
    """Return the other runs for which a volume is not over, whatever their server and account."""
    holders = {row[0]: Identity(*row[1:]) for row in db.execute(_HOLDERS, (uuid, run))}
    senders = {row[0]: Identity(*row[1:]) for row in db.execute(_SENDERS, (uuid, run))}
    return [Other(one, who, one in holders, one in senders) for one, who in (holders | senders).items()]


def hand_over(db: sqlite3.Connection, old: str, new: str, uuid: str) -> list[Intent]:
    """Take a volume over from a run that is dead or has said its word on it; return what that left open."""
    db.execute(
        f"UPDATE volumes SET state = 'taken' WHERE run = ? AND uuid = ? AND state IN {_UNFINISHED}",
        (old, uuid),
    )
    intents = [replace(intent, inherited=True) for intent in open_intents(db, old, uuid)]
    moved = "UPDATE intents SET run = ?, inherited = 1 WHERE run = ? AND uuid = ? AND closed = 0"
    db.execute(moved, (new, old, uuid))
    return intents


def open_intents(db: sqlite3.Connection, run: str, uuid: str) -> list[Intent]:
    sql = "SELECT job, last_op, inherited FROM intents WHERE run = ? AND uuid = ? AND closed = 0 ORDER BY written"
    return [Intent(job, last_op, bool(inherited)) for job, last_op, inherited in db.execute(sql, (run, uuid))]


def runs(db: sqlite3.Connection, alive: Callable[[str], bool]) -> list[Run]:
    """Return all runs, newest first."""
    counts: dict[str, dict[str, int]] = {}
    sql = "SELECT run, iif(outcome = 'forgotten', outcome, state) AS place, count(*) FROM volumes GROUP BY run, place"
    for run, state, count in db.execute(sql):
        counts.setdefault(run, {})[state] = count
    sql = "SELECT id, base, account, request, started, ended FROM runs ORDER BY started DESC, id DESC"
    return [
        Run(
            run,
            Identity(base, account),
            started,
            ended,
            ended is None and alive(run),
            Request.from_json(request),
            counts.get(run, {}),
        )
        for run, base, account, request, started, ended in db.execute(sql).fetchall()
    ]


def left(db: sqlite3.Connection, run: str) -> list[UnfinishedVolume]:
    """Return the unfinished volumes of a run, in the order asked."""
    [text] = db.execute("SELECT request FROM runs WHERE id = ?", (run,)).fetchone()
    request = Request.from_json(text)
    return [
        UnfinishedVolume(
            run,
            uuid,
            asked,
            state,
            last_op,
            tuple(open_intents(db, run, uuid)),
            request,
            tuple(followups(db, run, uuid)),
            outcome=outcome,
        )
        for uuid, asked, state, last_op, outcome in db.execute(_LEFT, (run,)).fetchall()
    ]


def followups(db: sqlite3.Connection, run: str, uuid: str) -> Iterator[FollowUp]:
    sql = "SELECT kind, value, state, job FROM followups WHERE run = ? AND uuid = ?"
    return (FollowUp(*row) for row in db.execute(sql, (run, uuid)).fetchall())


def merged(db: sqlite3.Connection, ours: Sequence[str], alive: Callable[[str], bool]) -> Iterable[UnfinishedVolume]:
    """Return what is left of runs that are ours, oldest first, each volume once, and what others do to it."""
    owners: dict[str, str] = {}
    for run in reversed(ours):
        for [uuid] in db.execute(
            f"SELECT uuid FROM volumes WHERE run = ? AND state IN {_UNFINISHED}", (run,)
        ).fetchall():
            if owners.setdefault(uuid, run) != run:
                hand_over(db, run, owners[uuid], uuid)
    found = []
    for volume in (volume for run in ours for volume in left(db, run)):
        near = others(db, volume.run, volume.uuid)
        living = next((other for other in near if other.unfinished and alive(other.run)), None)
        holder = Holder(living.run, living.identity.base) if living is not None else None
        found.append(replace(volume, holder=holder, foreign=any(other.sent for other in near)))
    return found


def prunable(db: sqlite3.Connection, before: float) -> list[str]:
    """Return some runs that ended before then and have nothing open."""
    return [run for [run] in db.execute(_PRUNABLE, (before, before, PRUNED))]


def runs_on(db: sqlite3.Connection, bases: Sequence[str]) -> list[str]:
    """Return the runs on some servers; those of a first zvol have no prefix in their address."""
    found = db.execute("SELECT id, base, account FROM runs").fetchall()
    old = {base.rpartition("/")[0] for base in bases}
    return [run for run, base, account in found if base in bases or (account is None and base in old)]


def close(db: sqlite3.Connection, runs: Iterable[str], wall: float) -> list[Closed]:
    """Close everything that is open in runs, and return it."""
    closed = []
    for run in runs:
        sql = (
            "SELECT volumes.uuid, state, job FROM volumes LEFT JOIN intents "
            "ON intents.run = volumes.run AND intents.uuid = volumes.uuid AND closed = 0 "
            f"WHERE volumes.run = ? AND (state IN {_UNFINISHED} OR written > ?) ORDER BY seq, written"
        )
        closed += [Closed(*row) for row in db.execute(sql, (run, wall - MAY_ACT))]
        db.execute("UPDATE intents SET closed = 1 WHERE run = ? AND closed = 0", (run,))
        sql = f"UPDATE volumes SET state = 'said', outcome = 'forgotten' WHERE run = ? AND state IN {_UNFINISHED}"
        db.execute(sql, (run,))
        db.execute(f"UPDATE followups SET state = 'failed' WHERE run = ? AND state IN {_GOING_ON}", (run,))
        db.execute(FINISH, (wall, run))
    return closed


def note_lost(db: sqlite3.Connection, locks: Locks, wall: float) -> list[str]:
    """Return the runs whose lock files are there and that are not in here, and remember when that was found.

    It shows that the file was emptied or replaced: as after damage, nobody knows what may still act.
    """
    found = locks.lost({run for (run,) in db.execute("SELECT id FROM runs")})
    if found:
        db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('set_aside', ?)", (wall,))
    return found
