"""Maintenance of the journal: pruning, waiting for other processes, and durability of a new file."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.oldruns import ME, NOW
from zvol.errors import LocalState
from zvol.files import private_dir
from zvol.journal import journal as module
from zvol.journal.journal import Journal
from zvol.journal.records import Claim, ClosedVolume, Identity, Intent
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import VM, VOLUME

LATER = NOW + 31 * 86400
A, B, C = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


# ---- other writers ---------------------------------------------------------------------------------------------------
def test_a_locked_journal_is_reported_as_in_use_and_not_as_a_full_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.05)
    journal = Journal(path)
    run = journal.begin(ME, Request(), NOW)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LocalState, match="has been in use by another process") as caught:
        journal.claim(run, [Claim(A, "a", "then")])
    assert caught.value.exit == 7
    assert caught.value.hint == (
        "Nothing was submitted. Wait for the other zvol to end, then run the same command again."
    )
    other.execute("ROLLBACK")
    journal.claim(run, [Claim(A, "a", "then")])
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LocalState) as caught:
        journal.record_intents([(run, A, Intent("1" * 32, "then"))], NOW)
    assert caught.value.hint.endswith("then run `zvol resume`.")
    other.execute("ROLLBACK")
    other.close()
    journal.close()


def test_a_run_that_was_taken_over_stays_in_the_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    run = journal.begin(ME, Request(), NOW)
    journal.claim(run, [Claim(A, "a", "then")])
    journal.close()
    monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.05)
    journal = Journal(path)
    journal.adopt([run], ME)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LocalState) as caught:
        journal.record_intents([(run, A, Intent("1" * 32, "then"))], NOW)
    assert caught.value.hint.endswith("then run `zvol resume`.")
    other.close()
    journal.close()


def test_a_run_that_has_ended_is_not_alive_whatever_holds_its_lock(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin(ME, Request(), NOW)
    journal.finish(NOW, run)
    journal.locks.take(run)
    assert [one.alive for one in journal.runs()] == [False]
    journal.close()


# ---- where it is -----------------------------------------------------------------------------------------------------
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with the folders and files that are synced."""
    found: list[str] = []
    fsync: Callable[[int], None] = os.fsync

    def noted(fd: int) -> None:
        found.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of descriptors as Linux has them")
def test_new_folders_and_the_new_file_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = synced(monkeypatch)
    folder = tmp_path / "home" / "state" / "zvol"
    Journal(private_dir(folder) / "journal.db").close()
    assert found == [str(one) for one in (tmp_path, tmp_path / "home", tmp_path / "home" / "state", folder)]
    found.clear()
    Journal(private_dir(folder) / "journal.db").close()
    assert found == []


@pytest.mark.parametrize("there", [True, False])
def test_another_folder_is_suggested_only_when_there_is_no_journal(there: bool, path: Path) -> None:
    if there:
        Journal(path).close()
    locks = path.with_name("journal.db.locks")
    if locks.exists():
        locks.rmdir()
    locks.touch()
    with pytest.raises(LocalState, match="cannot write the journal") as caught:
        Journal(path)
    assert ("XDG_STATE_HOME" in caught.value.hint) is not there
    assert caught.value.hint.endswith("then run the same command again.")


def test_another_folder_is_not_suggested_for_the_journal_of_a_newer_zvol(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LocalState, match="newer zvol") as caught:
        Journal(path)
    assert "XDG_STATE_HOME" not in caught.value.hint


# ---- set aside -------------------------------------------------------------------------------------------------------
def test_a_new_journal_stores_when_a_damaged_one_was_set_aside(path: Path) -> None:
    for name in ("20261125-083000-aaaa", "20261125-083001-bbbb", "garbage", "20261199-990000-cccc"):
        path.with_name(f"journal.db.damaged-{name}").touch()
    journal = Journal(path)
    assert journal.set_aside_at == 1_795_595_401.0
    journal.close()
    for file in path.parent.glob("journal.db.damaged-*"):
        file.unlink()
    journal = Journal(path)
    assert journal.set_aside_at == 1_795_595_401.0
    journal.close()


def test_the_time_is_stored_even_if_the_damaged_file_is_removed(path: Path) -> None:
    path.write_bytes(b"garbage" * 2000)
    began = int(time.time())
    with pytest.raises(LocalState, match="damaged") as caught:
        Journal(path)
    assert re.search(r"run the command again.*one quiet period", caught.value.hint)
    [damaged_file] = path.parent.glob("journal.db.damaged-*")
    damaged_file.unlink()
    journal = Journal(path)
    assert journal.set_aside_at is not None
    assert began <= journal.set_aside_at <= time.time()
    journal.close()


def test_an_undamaged_journal_stores_no_such_time(path: Path) -> None:
    journal = Journal(path)
    assert journal.set_aside_at is None
    journal.close()


# ---- closed by hand --------------------------------------------------------------------------------------------------
def test_forget_returns_the_volumes_that_it_closed(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin(ME, Request(), NOW)
    journal.claim(
        run, [Claim(A, "a", "then"), Claim(B, "b", "then"), Claim(C, "c", "then"), Claim("d" * 32, "d", "then")]
    )
    journal.record_intents(
        [(run, uuid, Intent(uuid[::-1].replace(uuid[0], job), "then")) for uuid, job in ((A, "1"), (C, "3"))], NOW
    )
    journal.record_outcome(run, C, "recovered", settled=False)
    journal.record_outcome(run, "d" * 32, "gone", settled=True)
    journal.finish(NOW, run)
    second = Journal(path)
    assert second.forget(run, NOW + 5) == [
        ClosedVolume(A, "open", "1" * 32),
        ClosedVolume(B, "planned", None),
        ClosedVolume(C, "recorded", "3" * 32),
    ]
    [found] = second.runs()
    assert (found.counts, found.ended) == ({"recorded": 2, "forgotten": 2}, NOW + 5)
    assert second.forget(run, NOW + 6) == []
    second.close()
    journal.close()


MAY_ACT, MAY_ACT_ON_VM = (DEFAULT_REQUEST.waits.longest(messages) for messages in (1, 2))
"""Seconds after which a request of a run that did not record its waits cannot act any more."""


@pytest.mark.parametrize(
    ("target", "later", "named"),
    [(VOLUME, MAY_ACT - 1, [A, C]), (VOLUME, MAY_ACT, [A]), (VM, MAY_ACT_ON_VM - 1, [A, C]), (VM, MAY_ACT_ON_VM, [A])],
)
def test_forget_returns_a_recorded_outcome_while_its_request_may_act(
    path: Path, target: str, later: float, named: list[str]
) -> None:
    journal = Journal(path)
    run = journal.begin(ME, Request(), NOW)
    journal.claim(run, [Claim(A, "a", "then", target), Claim(C, "c", "then", target)])
    journal.record_intents([(run, A, Intent("1" * 32, "then")), (run, C, Intent("3" * 32, "then"))], NOW)
    journal.record_outcome(run, C, "recovered", settled=False)
    journal.finish(NOW, run)
    second = Journal(path)
    closed = second.forget(run, NOW + later)
    assert [one.uuid for one in closed or ()] == named
    second.close()
    journal.close()


def test_only_runs_on_the_given_servers_are_closed(path: Path) -> None:
    journal = Journal(path)
    bases = ("http://127.0.0.1:1/zstack", "http://127.0.0.1:2/zstack", "sandbox")
    runs = [journal.begin(Identity(base, "account test"), Request(), NOW) for base in bases]
    runs.append(journal.begin(Identity("http://127.0.0.1:1", None), Request(), NOW))
    runs.append(journal.begin(Identity("http://127.0.0.1:1", "account test"), Request(), NOW))
    for number, run in enumerate(runs):
        journal.claim(run, [Claim(f"{number:032x}", "x", "then")])
    journal.close_runs_on(["sandbox", bases[0]], NOW)
    assert {one.id: one.unfinished for one in journal.runs()} == dict(zip(runs, (0, 1, 0, 0, 1), strict=True))
    journal.close()
