"""Old runs are pruned after the work, in small steps, and no other process waits for it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from tests.support.oldruns import ME, NOW, fill
from zvol.journal import journal as module
from zvol.journal import queries
from zvol.journal.journal import Journal
from zvol.journal.locks import Locks
from zvol.journal.records import Claim, Intent
from zvol.journal.request import Request

LATER = NOW + 31 * 86400
A, B = "a" * 32, "b" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def executed_sql(journal: Journal) -> list[str]:
    """Return a list that fills with the SQL that is executed from now on."""
    executed: list[str] = []
    journal._db.set_trace_callback(executed.append)
    return executed


# ---- old runs --------------------------------------------------------------------------------------------------------
def test_nothing_is_pruned_before_the_work_is_done(path: Path) -> None:
    fill(path, 100)
    journal = Journal(path)
    executed = executed_sql(journal)
    run = journal.begin(ME, Request(), LATER)
    journal.claim(run, [Claim(A, "a", "then")])
    journal.record_intents([(run, A, Intent("1" * 32, "then"))], LATER)
    journal.record_outcome(run, A, "recovered", settled=True)
    journal.finish(LATER, run)
    assert not [sql for sql in executed if sql.startswith("DELETE")]
    assert len(journal.runs()) == 101
    journal.prune(LATER)
    assert len(journal.runs()) < 101
    assert run in [one.id for one in journal.runs()]
    journal.close()


def test_runs_are_pruned_in_small_steps_the_oldest_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 50)
    monkeypatch.setattr(module, "PRUNE_SECONDS", 0.0)
    journal = Journal(path)
    executed = executed_sql(journal)
    journal.prune(LATER)
    assert len({sql for sql in executed if sql.startswith("DELETE FROM runs")}) == queries.PRUNE_BATCH == 20
    assert sum(sql == "COMMIT" for sql in executed) == 1
    assert min(one.id for one in journal.runs()) == "old-00020"
    monkeypatch.setattr(module, "PRUNE_SECONDS", 60.0)
    journal.prune(LATER)
    assert journal.runs() == []
    assert journal._db.execute("SELECT count(*) FROM intents").fetchone() == (0,)
    executed.clear()
    journal.prune(LATER)
    assert "COMMIT" not in executed, "without old runs nothing is committed"
    journal.close()


def test_queries_among_old_runs_use_an_index(path: Path) -> None:
    fill(path, 3)
    db = sqlite3.connect(path)
    plan = planned(db, queries._PRUNABLE, LATER, LATER, 20)
    assert "runs_by_end" in plan
    assert "intents_by_run" in plan
    assert "SCAN" not in plan
    for sql in (queries._RUNS_WITH_VOLUME, queries._RUNS_WITH_INTENT):
        assert "SCAN" not in planned(db, sql, A, "run"), "a claim looks at what is open of its volumes only"
    db.close()


def planned(db: sqlite3.Connection, sql: str, *values: object) -> str:
    """Return how SQLite finds the rows of a query."""
    return "\n".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, values))


def test_nothing_is_pruned_while_another_run_is_active(path: Path) -> None:
    fill(path, 30)
    other = Locks(path.with_name("journal.db.locks"))
    other.prepare()
    other.take("20261125-000000-abcdef")
    journal = Journal(path)
    journal.prune(LATER)
    assert len(journal.runs()) == 30
    other.release_all()
    journal.prune(LATER)
    assert len(journal.runs()) == 0
    journal.close()


def test_nothing_is_pruned_and_nobody_waits_while_another_process_writes(path: Path) -> None:
    fill(path, 30)
    journal = Journal(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    journal.prune(LATER)
    assert time.monotonic() - began < 5
    other.execute("ROLLBACK")
    other.close()
    assert len(journal.runs()) == 30
    journal.close()


def test_open_own_and_recent_runs_are_not_pruned(path: Path) -> None:
    journal = Journal(path)
    planned, sent, fresh, own = (journal.begin(ME, Request(), NOW) for _ in range(4))
    journal.claim(planned, [Claim(A, "a", "then")])
    journal.claim(sent, [Claim(B, "b", "then")])
    journal.record_intents([(sent, B, Intent("1" * 32, "then"))], LATER - 86400)
    journal.record_outcome(sent, B, "recovered", settled=False)
    journal.finish(NOW, planned, sent)
    journal.finish(LATER - 86400, fresh)
    journal.prune(LATER)
    assert {one.id for one in journal.runs()} == {planned, sent, fresh, own}
    journal.finish(NOW, own)
    journal.prune(LATER)
    assert {one.id for one in journal.runs()} == {planned, sent, fresh}
    journal.prune(LATER + 31 * 86400)
    assert {one.id for one in journal.runs()} == {planned}, "an intent that old cannot act any more"
    journal.close()
