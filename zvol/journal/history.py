"""The SQL for `zvol runs`: earlier runs, and the volumes and VMs of one; within a transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.journal.records import FollowUp, Identity, Run, RunTarget
from zvol.journal.request import Request

if TYPE_CHECKING:
    import sqlite3

_COUNTS: Final = (
    "SELECT run, iif(outcome = 'forgotten', outcome, state) AS place, outcome, count(*) FROM volumes "
    "WHERE state != 'held' GROUP BY run, place, outcome"
)
_TARGETS: Final = (
    "SELECT uuid, asked, target, iif(outcome = 'forgotten', outcome, state), outcome FROM volumes "
    "WHERE run = ? AND state != 'held' ORDER BY seq"
)
_RUNS: Final = "SELECT id, base, account, request, started, ended FROM runs ORDER BY started DESC, id DESC"
_JOBS: Final = "SELECT uuid, job FROM intents WHERE run = ? ORDER BY written"
_FOLLOW_UPS: Final = "SELECT uuid, kind, value, state, job FROM followups WHERE run = ?"


def runs(db: sqlite3.Connection, alive: Callable[[str], bool]) -> list[Run]:
    """Return all runs, newest first."""
    counts: dict[str, Counter[str]] = {}
    outcomes: dict[str, Counter[str]] = {}
    for run, state, outcome, count in db.execute(_COUNTS):
        counts.setdefault(run, Counter())[state] += count
        if state == "recorded" and outcome is not None:
            outcomes.setdefault(run, Counter())[outcome] += count
    return [
        Run(
            run,
            Identity(base, account),
            started,
            ended,
            ended is None and alive(run),
            Request.from_json(request),
            counts.get(run, {}),
            outcomes.get(run, {}),
        )
        for run, base, account, request, started, ended in db.execute(_RUNS).fetchall()
    ]


def targets(db: sqlite3.Connection, run: str) -> list[RunTarget]:
    """Return all targets of a run, in the order of the arguments."""
    jobs = dict(db.execute(_JOBS, (run,)))
    changes: dict[str, list[FollowUp]] = {}
    for uuid, *change in db.execute(_FOLLOW_UPS, (run,)):
        changes.setdefault(uuid, []).append(FollowUp(*change))
    return [
        RunTarget(run, uuid, asked, target, place, outcome, jobs.get(uuid), tuple(changes.get(uuid, ())))
        for uuid, asked, target, place, outcome in db.execute(_TARGETS, (run,))
    ]
