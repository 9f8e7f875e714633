"""A journal that was emptied or removed while a killed run had something open in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zvol.journal.journal import Journal
from zvol.journal.records import Claim, Identity
from zvol.journal.request import Request

NOW = 1_795_000_000.0
ME = Identity("http://h:1/zstack", "account test")


def killed(path: Path) -> str:
    """Leave a run as a SIGKILL does: its lock file stays, and nobody holds it."""
    journal = Journal(path)
    run = journal.begin(ME, Request(), NOW)
    journal.claim(run, [Claim("a" * 32, "a", "then")])
    file = path.with_name(path.name + ".locks") / run
    left = file.read_bytes()
    journal.close()
    file.write_bytes(left)
    return run


def emptied(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [emptied, gone])
def test_a_request_of_a_lost_journal_may_still_act(tmp_path: Path, harm: object) -> None:
    path = tmp_path / "journal.db"
    killed(path)
    harm(path)  # type: ignore[operator]
    journal = Journal(path)
    journal.begin(ME, Request(), NOW + 9)
    assert journal.set_aside_at == NOW + 9
    journal.close()


def test_a_lost_journal_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    run = killed(path)
    emptied(path)
    journal = Journal(path)
    assert journal.find_lost_runs(NOW + 9) == [run]
    assert journal.find_lost_runs(NOW + 10) == []
    assert journal.set_aside_at == NOW + 9
    journal.close()


def test_a_run_in_the_journal_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    killed(path)
    journal = Journal(path)
    journal.begin(ME, Request(), NOW + 9)
    assert journal.find_lost_runs(NOW + 9) == []
    assert journal.set_aside_at is None
    journal.close()


def test_a_lock_file_of_a_run_that_was_never_in_a_journal_is_ignored(tmp_path: Path) -> None:
    """A run that was killed before its first commit."""
    path = tmp_path / "journal.db"
    journal = Journal(path)
    (path.with_name(path.name + ".locks") / "20261125-000000-aaaaaa").touch()
    journal.begin(ME, Request(), NOW)
    assert journal.set_aside_at is None
    journal.close()
