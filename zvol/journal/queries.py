"""The SQL of the journal: statements, queries, and moving rows from one run to another; within a transaction."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from zvol.journal.records import (
    UNFINISHED,
    Claim,
    Claims,
    ClosedVolume,
    FollowUp,
    Holder,
    Identity,
    Intent,
    UnfinishedVolume,
)
from zvol.journal.run_waits import lengthen_waits, longest_waits, request_of
from zvol.model import VM, Outcome

if TYPE_CHECKING:
    import sqlite3

    from zvol.journal.locks import Locks
    from zvol.journal.request import Waits

BACK: Final = tuple(outcome.value for outcome in Outcome if outcome.is_back)

_UNFINISHED: Final = "(" + ", ".join(f"'{state}'" for state in UNFINISHED) + ")"
_IN_PROGRESS: Final = "('planned', 'sent')"

CLAIM: Final = (
    "INSERT OR REPLACE INTO volumes (run, uuid, asked, seq, last_op, state, target) "
    "VALUES (?, ?, ?, ?, ?, 'planned', ?)"
)
ADD_INTENT: Final = "INSERT INTO intents (job, run, uuid, last_op, written) VALUES (?, ?, ?, ?, ?)"
CLOSE_INTENTS: Final = "UPDATE intents SET closed = 1 WHERE +run = ? AND uuid = ? AND closed = 0"
"""With the plus, SQLite finds them by UUID; by run, it would look at all of the run each time."""
CLOSE_INTENT: Final = "UPDATE intents SET closed = 1 WHERE job = ?"
SET_PLANNED: Final = "UPDATE volumes SET state = 'planned' WHERE run = ? AND uuid = ?"
MOVE_RUN: Final = "UPDATE runs SET base = ?, account = ? WHERE id = ?"
SET_OPEN: Final = "UPDATE volumes SET state = 'open' WHERE run = ? AND uuid = ?"
SET_LAST_OP: Final = "UPDATE volumes SET last_op = ? WHERE run = ? AND uuid = ?"
SET_OUTCOME: Final = "UPDATE volumes SET state = ?, outcome = ? WHERE run = ? AND uuid = ?"
ADD_FOR_FOLLOWUPS: Final = (
    "INSERT OR REPLACE INTO volumes (run, uuid, asked, seq, state, outcome) VALUES "
    "(?1, ?2, ?3, (SELECT count(*) FROM volumes WHERE run = ?1), 'followups', ?4)"
)
PLAN_FOLLOWUP: Final = "INSERT OR IGNORE INTO followups (run, uuid, kind, value, state) VALUES (?, ?, ?, ?, 'planned')"
SET_FOLLOWUP: Final = "UPDATE followups SET state = ?, job = ? WHERE run = ? AND uuid = ? AND kind = ? AND value = ?"
AWAIT_FOLLOWUPS: Final = (
    "UPDATE volumes SET state = 'followups' WHERE run = ? AND uuid = ? AND EXISTS (SELECT 1 FROM followups "
    f"WHERE followups.run = volumes.run AND followups.uuid = volumes.uuid AND followups.state IN {_IN_PROGRESS})"
)
FINISH_FOLLOWUPS: Final = (
    "UPDATE volumes SET state = 'recorded' WHERE run = ? AND uuid = ? AND state = 'followups' AND NOT EXISTS "
    "(SELECT 1 FROM followups WHERE followups.run = volumes.run AND followups.uuid = volumes.uuid "
    f"AND followups.state IN {_IN_PROGRESS})"
)
FINISH: Final = (
    "UPDATE runs SET ended = ? WHERE id = ? AND NOT EXISTS "
    f"(SELECT 1 FROM volumes WHERE run = runs.id AND state IN {_UNFINISHED})"
)

HOLD: Final = (
    "INSERT OR IGNORE INTO volumes (run, uuid, asked, seq, state) VALUES (?, ?, ?, ?, 'held')"  # asked: its holder
)

_DELETION: Final = (
    "iif(state = 'followups', coalesce((SELECT last_op FROM intents WHERE intents.uuid = volumes.uuid "
    "ORDER BY written DESC LIMIT 1), last_op), last_op)"
)
"""The lastOpDate of the deletion; once a volume is recovered, `volumes` has that of the recovery."""
_RUNS_WITH_VOLUME: Final = (
    "SELECT run, base, account FROM volumes AS one JOIN runs ON id = run WHERE uuid = ? AND run != ? "
    f"AND (state IN {_UNFINISHED} OR state = 'held' AND EXISTS (SELECT 1 FROM volumes "
    f"WHERE volumes.run = one.run AND volumes.uuid = one.asked AND volumes.state IN {_UNFINISHED}))"
)
_HELD: Final = "SELECT uuid FROM volumes WHERE run = ? AND asked = ? AND state = 'held'"
_RUNS_WITH_INTENT: Final = (
    "SELECT DISTINCT run, base, account FROM intents JOIN runs ON id = run WHERE uuid = ? AND closed = 0 AND run != ?"
)
_UNFINISHED_VOLUMES: Final = (
    f"SELECT uuid, asked, state, {_DELETION}, outcome, target FROM volumes "
    f"WHERE run = ? AND state IN {_UNFINISHED} ORDER BY seq"
)

PRUNE_BATCH: Final = 20
"""Maximum runs that are deleted in one transaction."""

_PRUNABLE: Final = (
    "SELECT id FROM runs WHERE coalesce(ended, started) < ? "
    f"AND NOT EXISTS (SELECT 1 FROM volumes WHERE run = runs.id AND state IN {_UNFINISHED}) "
    "AND NOT EXISTS (SELECT 1 FROM intents WHERE run = runs.id AND closed = 0 AND written > ?) "
    "ORDER BY coalesce(ended, started) LIMIT ?"
)


class OtherRun(NamedTuple):
    """Another run that has a volume: it is `unfinished` there, or a request that the run `sent` may still act."""

    run: str
    identity: Identity
    unfinished: bool
    sent: bool


def identity(db: sqlite3.Connection, run: str) -> Identity:
    return Identity(*db.execute("SELECT base, account FROM runs WHERE id = ?", (run,)).fetchone())


def other_runs(db: sqlite3.Connection, run: str, uuid: str) -> list[OtherRun]:
    """Return the other runs, of any server and account, in which a volume is unfinished or has an open intent."""
    unfinished = {row[0]: Identity(*row[1:]) for row in db.execute(_RUNS_WITH_VOLUME, (uuid, run))}
    sent = {row[0]: Identity(*row[1:]) for row in db.execute(_RUNS_WITH_INTENT, (uuid, run))}
    return [OtherRun(other, who, other in unfinished, other in sent) for other, who in (unfinished | sent).items()]


def living_holder(
    db: sqlite3.Connection, run: str, uuids: Iterable[str], alive: Callable[[str], bool]
) -> Holder | None:
    """Return another living run that works on one of these."""
    others = (other for uuid in uuids for other in other_runs(db, run, uuid))
    return next((Holder(one.run, one.identity.base) for one in others if one.unfinished and alive(one.run)), None)


def claim(db: sqlite3.Connection, run: str, claims: Iterable[Claim], alive: Callable[[str], bool]) -> Claims:
    """Claim resources for a run, see `Journal.claim`; `alive` tells whether a run is."""
    busy: dict[str, Holder] = {}
    prior: dict[str, list[Intent]] = {}
    foreign: set[str] = set()
    waits: dict[str, Waits | None] = {}
    alive = functools.cache(alive)
    own = identity(db, run)
    for seq, one in _vms_first(claims):
        uuid, holder = one.uuid, living_holder(db, run, [one.uuid, *one.holds], alive)
        if holder is not None or one.vm in busy:
            busy[uuid] = holder or busy[one.vm or ""]
            continue
        others = other_runs(db, run, uuid) if one.outcome is None else []
        if sent := [other.run for other in others if other.sent]:
            waits[uuid] = longest_waits(db, sent)
        if any(other.sent and not own.same(other.identity) for other in others):
            foreign.add(uuid)
        for other in others:
            if own.same(other.identity):
                prior.setdefault(uuid, []).extend(take_over(db, other.run, run, uuid))
        add_claim(db, run, seq, one)
    return Claims(busy, {uuid: found for uuid, found in prior.items() if found}, frozenset(foreign), waits)


def _vms_first(claims: Iterable[Claim]) -> Iterator[tuple[int, Claim]]:
    """Yield claims with their numbers, those of volumes that come back with a VM at the end."""
    with_vm: list[tuple[int, Claim]] = []
    for numbered in enumerate(claims):
        if numbered[1].vm is None:
            yield numbered
        else:
            with_vm.append(numbered)
    yield from with_vm


def add_claim(db: sqlite3.Connection, run: str, seq: int, one: Claim) -> None:
    """Record a claim, what comes back with it, and its follow-ups."""
    db.execute(CLAIM, (run, one.uuid, one.asked, seq, one.last_op, one.target))
    if one.outcome is not None:
        db.execute(SET_OUTCOME, ("followups", one.outcome, run, one.uuid))
    db.executemany(HOLD, [(run, held, one.uuid, seq) for held in one.holds])
    db.executemany(PLAN_FOLLOWUP, [(run, one.uuid, *follow_up) for follow_up in one.follow_ups])


def take_over(db: sqlite3.Connection, old: str, new: str, uuid: str) -> list[Intent]:
    """Take a volume over from a run that is dead or finished with it; return the intents it left open."""
    db.execute(
        f"UPDATE volumes SET state = 'taken' WHERE run = ? AND uuid = ? AND state IN {_UNFINISHED}",
        (old, uuid),
    )
    intents = [intent._replace(inherited=True) for intent in open_intents(db, old, uuid)]
    move = "UPDATE intents SET run = ?, inherited = 1 WHERE +run = ? AND uuid = ? AND closed = 0"
    db.execute(move, (new, old, uuid))
    if intents:
        lengthen_waits(db, [new], request_of(db, old).waits)
    return intents


def open_intents(db: sqlite3.Connection, run: str, uuid: str) -> list[Intent]:
    sql = "SELECT job, last_op, inherited FROM intents WHERE +run = ? AND uuid = ? AND closed = 0 ORDER BY written"
    return [Intent(job, last_op, bool(inherited)) for job, last_op, inherited in db.execute(sql, (run, uuid))]


def unfinished_volumes(db: sqlite3.Connection, run: str) -> list[UnfinishedVolume]:
    """Return the unfinished volumes of a run, in the order of the arguments."""
    request = request_of(db, run)
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
            target=target,
        )
        for uuid, asked, state, last_op, outcome, target in db.execute(_UNFINISHED_VOLUMES, (run,)).fetchall()
    ]


def sent_by_others(db: sqlite3.Connection, who: Identity, uuid: str) -> bool:
    """Tell whether a run of another server or account has sent a request that may still act."""
    return any(other.sent and not who.same(other.identity) for other in other_runs(db, "", uuid))


def followups(db: sqlite3.Connection, run: str, uuid: str) -> Iterator[FollowUp]:
    sql = "SELECT kind, value, state, job FROM followups WHERE run = ? AND uuid = ?"
    return (FollowUp(*row) for row in db.execute(sql, (run, uuid)).fetchall())


def merge_unfinished(
    db: sqlite3.Connection, runs: Sequence[str], alive: Callable[[str], bool]
) -> list[UnfinishedVolume]:
    """Return the unfinished volumes of runs, given oldest first: each once, in the newest run that has it.

    Each also has what other runs do with it.
    """
    owners: dict[str, str] = {}
    for run in reversed(runs):
        for [uuid] in db.execute(
            f"SELECT uuid FROM volumes WHERE run = ? AND state IN {_UNFINISHED}", (run,)
        ).fetchall():
            if owners.setdefault(uuid, run) != run:
                take_over(db, run, owners[uuid], uuid)
    found = []
    for volume in (volume for run in runs for volume in unfinished_volumes(db, run)):
        held = [uuid for [uuid] in db.execute(_HELD, (volume.run, volume.uuid)).fetchall()]
        holder = living_holder(db, volume.run, [volume.uuid, *held], alive)
        sent = [other.run for other in other_runs(db, volume.run, volume.uuid) if other.sent]
        found.append(volume._replace(holder=holder, foreign=bool(sent), foreign_waits=longest_waits(db, sent)))
    return found


def prunable(db: sqlite3.Connection, before: float) -> list[str]:
    """Return some runs that ended before an instant and have nothing open."""
    return [run for [run] in db.execute(_PRUNABLE, (before, before, PRUNE_BATCH))]


def runs_on(db: sqlite3.Connection, bases: Sequence[str]) -> list[str]:
    """Return the runs on some servers; journals of version 1 have no prefix in the address."""
    found = db.execute("SELECT id, base, account FROM runs").fetchall()
    old = {base.rpartition("/")[0] for base in bases}
    return [run for run, base, account in found if base in bases or (account is None and base in old)]


def close_runs(db: sqlite3.Connection, runs: Iterable[str], wall: float) -> list[ClosedVolume]:
    """Close everything that is open in runs, and return it."""
    closed = []
    for run in runs:
        sql = (
            "SELECT volumes.uuid, state, job, volumes.target FROM volumes LEFT JOIN intents "
            "ON intents.run = volumes.run AND intents.uuid = volumes.uuid AND closed = 0 "
            f"WHERE volumes.run = ? AND (state IN {_UNFINISHED} OR written > iif(volumes.target = '{VM}', ?, ?)) "
            "ORDER BY seq, written"
        )
        waits = request_of(db, run).waits
        closed += [
            ClosedVolume(*row) for row in db.execute(sql, (run, wall - waits.longest(2), wall - waits.longest(1)))
        ]
        db.execute("UPDATE intents SET closed = 1 WHERE run = ? AND closed = 0", (run,))
        sql = f"UPDATE volumes SET state = 'recorded', outcome = 'forgotten' WHERE run = ? AND state IN {_UNFINISHED}"
        db.execute(sql, (run,))
        db.execute(f"UPDATE followups SET state = 'failed' WHERE run = ? AND state IN {_IN_PROGRESS}", (run,))
        db.execute(FINISH, (wall, run))
    return closed


def set_aside_at(db: sqlite3.Connection) -> float | None:
    """Return when (seconds since 1970) a damaged journal was set aside for this one; None when none was."""
    row = db.execute("SELECT value FROM meta WHERE name = 'set_aside'").fetchone()
    return None if row is None else float(row[0])


def record_lost_runs(db: sqlite3.Connection, locks: Locks, wall: float) -> list[str]:
    """Return the runs that have a lock file and are not in the journal, and record when that was found.

    Then the file was emptied or replaced: as after damage, it is not known which requests may still act.
    """
    lost = locks.lost({run for (run,) in db.execute("SELECT id FROM runs")})
    if lost:
        db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('set_aside', ?)", (wall,))
    return lost
