"""The journal: what it stores, which run holds a volume, and what happens when its file is missing or damaged."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from zvol.errors import LocalState
from zvol.journal import queries
from zvol.journal.journal import Journal
from zvol.journal.records import Claim, Claims, Holder, Identity, Intent
from zvol.journal.request import Request
from zvol.model import VM, VOLUME
from zvol.recovery.task import resumed_task

ORIGIN = "http://127.0.0.1:8080"
ME = Identity(ORIGIN, "account test")
REQUEST = Request()
NOTHING = Claims({}, {}, frozenset())
A, B, C = "a" * 32, "b" * 32, "c" * 32
JOB = "1" * 32
T = "then"
NOW = 1_795_000_000.0

HOLDER = """
import sys, time
from pathlib import Path
from zvol.journal.journal import Journal
from zvol.journal.records import Claim, Identity, Intent
from zvol.journal.request import Request
journal = Journal(Path(sys.argv[1]))
run = journal.begin(Identity(sys.argv[2], "account test"), Request(), 0.0)
journal.claim(run, [Claim("a" * 32, "a", "then"), Claim("b" * 32, "b", "then")])
journal.record_intents([(run, "a" * 32, Intent("1" * 32, "then"))], 1.0)
print(run, flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def holder(path: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that claims A and B, with an intent for A, and lives on."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), ORIGIN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_finished_run_leaves_nothing_open(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin(ME, REQUEST, NOW)
    assert journal.claim(run, [Claim(A, "a", T)]) == NOTHING
    journal.record_intents([(run, A, Intent(JOB, "then"))], NOW)
    journal.record_outcome(run, A, "recovered", settled=True)
    journal.finish(NOW + 1, run)
    journal.close()
    again = Journal(path)
    [found] = again.runs()
    assert (found.id, found.ended, found.alive, found.unfinished) == (run, NOW + 1, False, 0)
    other = again.begin(ME, REQUEST, NOW)
    assert again.claim(other, [Claim(A, "a", T)]) == NOTHING
    again.close()


def test_a_run_begins_with_its_claims_in_one_commit(path: Path) -> None:
    journal, statements = Journal(path), list[str]()
    journal._db.set_trace_callback(statements.append)
    run, claims = journal.begin_with(ME, REQUEST, NOW, [Claim(A, "a", T), Claim(B, "b", T)])
    assert statements.count("COMMIT") == 1
    assert claims == NOTHING
    assert [one.uuid for one in journal.unfinished_volumes(run)] == [A, B]
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(queries, "CLOSE_INTENTS", "broken")
        with pytest.raises(LocalState) as error:
            journal.record_intents([(run, A, Intent(JOB, T))], NOW)
    assert "zvol resume" in error.value.hint
    journal.close()


def test_a_run_whose_claims_fail_has_not_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process does not take it for a run that was removed from the journal."""
    journal, other = Journal(path), Journal(path)
    begun = journal.begin(ME, REQUEST, NOW)
    monkeypatch.setattr(queries, "CLAIM", "broken")
    for fails in (
        lambda claims: journal.begin_with(ME, REQUEST, NOW, claims),
        lambda claims: journal.claim(begun, claims),
    ):
        with pytest.raises(LocalState) as error:
            fails([Claim(A, "a", T)])
        assert "run the same command again" in error.value.hint
        assert [one.id for one in journal.runs()] == [begun]
        assert other.find_lost_runs(NOW) == []
    journal.close()
    other.close()


def test_a_volume_of_a_living_run_is_busy(path: Path) -> None:
    process, theirs = holder(path)
    try:
        journal = Journal(path)
        run = journal.begin(ME, REQUEST, NOW)
        assert journal.claim(run, [Claim(A, "a", T), Claim(C, "c", T)]) == Claims(
            {A: Holder(theirs, ORIGIN)}, {}, frozenset()
        )
        assert journal.adopt([theirs], ME).living == (theirs,)
        [mine, other] = sorted(journal.runs(), key=lambda found: found.id == theirs)
        assert other.alive
        assert mine.counts == {"planned": 1}
        journal.close()
    finally:
        kill(process)


def test_the_volumes_and_open_intents_of_a_dead_run_are_taken_over(path: Path) -> None:
    process, theirs = holder(path)
    kill(process)
    journal = Journal(path)
    run = journal.begin(ME, REQUEST, NOW)
    claims = journal.claim(run, [Claim(A, "a", T), Claim(B, "b", T)])
    assert claims == Claims({}, {A: [Intent(JOB, "then", inherited=True)]}, frozenset())
    counts = {found.id: found.counts for found in journal.runs()}
    assert counts == {run: {"planned": 2}, theirs: {"taken": 2}}
    journal.close()


@pytest.mark.parametrize(
    "other", [Identity("https://elsewhere:443", "account test"), Identity(ORIGIN, "account b"), Identity(ORIGIN, None)]
)
def test_the_volumes_of_another_server_or_account_are_not_taken_over(other: Identity, path: Path) -> None:
    process, theirs = holder(path)
    journal = Journal(path)
    try:
        run = journal.begin(other, REQUEST, NOW)
        claims = journal.claim(run, [Claim(A, "a", T)])
        assert claims == Claims({A: Holder(theirs, ORIGIN)}, {}, frozenset())
    finally:
        kill(process)
    run = journal.begin(other, REQUEST, NOW)
    assert journal.claim(run, [Claim(A, "a", T), Claim(B, "b", T)]) == Claims({}, {}, frozenset([A]))
    assert [(one.uuid, one.state, one.intents) for one in journal.unfinished_volumes(theirs)] == [
        (A, "open", (Intent(JOB, "then"),)),
        (B, "planned", ()),
    ]
    journal.close()


def test_a_dead_run_can_be_adopted_once(path: Path) -> None:
    process, theirs = holder(path)
    kill(process)
    journal = Journal(path)
    adopted = journal.adopt([theirs], ME)
    assert adopted.living == ()
    assert [(volume.uuid, volume.state, volume.intents) for volume in adopted.volumes] == [
        (A, "open", (Intent(JOB, "then"),)),
        (B, "planned", ()),
    ]
    second = Journal(path)
    assert second.adopt([theirs], ME).living == (theirs,)
    second.close()
    journal.close()


def test_a_volume_without_a_committed_outcome_is_unfinished(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin(ME, REQUEST, NOW)
    journal.claim(run, [Claim(A, "a", T)])
    journal.record_intents([(run, A, Intent(JOB, "then"))], NOW)
    journal.record_outcome(run, A, "recovered", settled=True)
    journal.close()
    again = Journal(path)
    [found] = again.runs()
    assert found.unfinished == 1
    again.close()


def test_an_unknown_outcome_stays_open_and_an_unsettled_outcome_keeps_its_intent(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin(ME, REQUEST, NOW)
    journal.claim(run, [Claim(A, "a", T), Claim(B, "b", T)])
    journal.record_intents([(run, A, Intent(JOB, "x")), (run, B, Intent("2" * 32, "y"))], NOW)
    journal.record_outcome(run, A, "unknown", settled=False)
    journal.record_outcome(run, B, "recovered", settled=False)
    journal.finish(NOW, run)
    [found] = journal.runs()
    assert found.counts == {"open": 1, "recorded": 1}
    assert found.ended is None
    other = journal.begin(ME, REQUEST, NOW)
    assert journal.claim(other, [Claim(B, "b", T)]) == Claims(
        {}, {B: [Intent("2" * 32, "y", inherited=True)]}, frozenset()
    )
    journal.close()


def test_the_files_are_private(path: Path) -> None:
    old = os.umask(0)
    try:
        journal = Journal(path)
        journal.begin(ME, REQUEST, NOW)
    finally:
        os.umask(old)
    for file in [*path.parent.iterdir(), *path.with_name("journal.db.locks").iterdir()]:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    journal.close()


def test_a_damaged_journal_is_set_aside_and_never_truncated(path: Path) -> None:
    damaged = b"this is not a database, but it may be all that somebody has" * 100
    path.write_bytes(damaged)
    with pytest.raises(LocalState, match="damaged") as caught:
        Journal(path)
    [damaged_file] = path.parent.glob("journal.db.damaged-*")
    assert damaged_file.read_bytes() == damaged
    assert str(damaged_file) in caught.value.message
    Journal(path).close()


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("")
    path.symlink_to(target)
    with pytest.raises(LocalState, match="is a symbolic link"):
        Journal(path)


def test_old_runs_with_nothing_open_are_pruned(path: Path) -> None:
    journal = Journal(path)
    for settled in (True, False):
        run = journal.begin(ME, REQUEST, NOW)
        journal.claim(run, [Claim(A, "a", T)])
        journal.record_intents([(run, A, Intent("12"[settled] * 32, "x"))], NOW)
        journal.record_outcome(run, A, "recovered" if settled else "unknown", settled=settled)
        journal.finish(NOW, run)
    journal.close()
    again = Journal(path)
    again.prune(NOW + 31 * 86400)
    assert len(again.runs()) == 1
    again.close()


def test_a_resumed_run_knows_which_kind_of_resource_it_was_to_recover(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin(ME, REQUEST, NOW)
    journal.claim(run, [Claim(A, "a", T), Claim(B, "b", T, VM)])
    journal.close()
    journal = Journal(path)
    left = journal.adopt([run], ME).volumes
    assert [(one.uuid, one.target) for one in left] == [(A, VOLUME), (B, VM)]
    assert [resumed_task(one, 0, 0.0, 60.0).target.kind for one in left] == [VOLUME, VM]
    journal.close()
