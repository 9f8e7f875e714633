"""The journal keeps the date of a deletion, also after the recovery has overwritten it on the server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from zvol.journal.journal import Journal
from zvol.journal.records import ATTACH, Claim, Identity, Intent
from zvol.journal.request import Request
from zvol.model import Outcome

BASE = "http://127.0.0.1:8080/zstack"
ME = Identity(BASE, "account test")
A, B = "a" * 32, "b" * 32
DELETED, BACK, AGAIN = "2026-11-18 17:00:00", "2026-11-18 18:00:00", "2026-11-18 19:00:00"
STATE = {Outcome.RECOVERED: DELETED, Outcome.ALREADY: None, Outcome.FAILED: None}


def recover(journal: Journal, job: str, outcome: Outcome, at: str = BACK, *, attach: bool = False) -> str:
    run = journal.begin(ME, Request(reattach=attach), 0.0)
    follow_ups = ((ATTACH, B),) if attach else ()
    journal.claim(run, [Claim(A, "a", DELETED, follow_ups=follow_ups)])
    journal.record_intents([(run, A, Intent(job * 32, DELETED))], 1.0)
    journal.record_outcome(run, A, outcome.value, settled=True, last_op=at)
    journal.flush()
    return run


@pytest.mark.parametrize("outcome", STATE)
@pytest.mark.parametrize("attach", [True, False])
def test_only_a_deletion_that_this_zvol_undid_is_told(outcome: Outcome, attach: bool, tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        recover(journal, "1", outcome, attach=attach)
        assert journal.undone_deletion(BASE, A, BACK) == STATE[outcome]
        for base, uuid, last_op in ((f"{BASE}x", A, BACK), (BASE, B, BACK), (BASE, A, AGAIN), (BASE, A, None)):
            assert journal.undone_deletion(base, uuid, last_op) is None


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(Outcome.RECOVERED, DELETED), (Outcome.ALREADY, DELETED), (Outcome.UNKNOWN, DELETED), (Outcome.FAILED, None)],
)
def test_the_destruction_of_a_vm_is_told_whatever_it_did_since(
    outcome: Outcome, told: str | None, tmp_path: Path
) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        recover(journal, "1", outcome)
        assert journal.destruction(BASE, A) == told
        assert (journal.destruction(f"{BASE}x", A), journal.destruction(BASE, B)) == (None, None)


def test_the_last_destruction_counts_also_of_a_run_that_was_killed(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        recover(journal, "1", Outcome.RECOVERED)
        run = journal.begin(ME, Request(), 2.0)
        journal.claim(run, [Claim(A, "a", AGAIN)])
        assert journal.destruction(BASE, A) == DELETED
        journal.record_intents([(run, A, Intent("2" * 32, AGAIN))], 3.0)
        assert journal.destruction(BASE, A) == AGAIN


@pytest.mark.parametrize("outcome", [Outcome.RECOVERED, Outcome.ALREADY])
def test_a_resumed_run_knows_when_the_volume_was_deleted(outcome: Outcome, tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        [volume] = journal.unfinished_volumes(recover(journal, "1", outcome, attach=True))
        assert (volume.state, volume.last_op) == ("followups", DELETED)


def test_a_resumed_run_knows_it_of_a_volume_without_a_request(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        run = journal.begin(ME, Request(reattach=True), 0.0)
        journal.claim(run, [Claim(A, "a", DELETED, follow_ups=((ATTACH, B),))])
        journal.record_outcome(run, A, Outcome.ALREADY.value, settled=True, last_op=BACK)
        journal.flush()
        [volume] = journal.unfinished_volumes(run)
        assert (volume.state, volume.last_op) == ("followups", DELETED)
