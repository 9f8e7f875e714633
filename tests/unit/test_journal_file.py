"""The journal's file: new, truncated, damaged, of another kind or version, and unwritable."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from zvol.errors import LocalState
from zvol.journal.journal import Journal
from zvol.journal.locks import Locks
from zvol.journal.records import Claim, Identity, Intent
from zvol.journal.request import Request
from zvol.journal.schema import VERSION

ORIGIN = "http://127.0.0.1:8080"
ME = Identity(ORIGIN, "account test")
REQUEST = Request()
NOW = 1_795_000_000.0
VOLUMES = [f"{number:032x}" for number in range(60)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture(autouse=True)
def _folder(path: Path) -> None:
    path.parent.mkdir(mode=0o700)


def fill(path: Path) -> None:
    """Write runs with intents, and end them properly."""
    journal = Journal(path)
    for start in range(0, len(VOLUMES), 20):
        part = VOLUMES[start : start + 20]
        run = journal.begin(ME, REQUEST, NOW)
        journal.claim(run, [Claim(uuid, uuid, "then") for uuid in part])
        journal.record_intents([(run, uuid, Intent(uuid[::-1], "then")) for uuid in part], NOW)
    journal.close()


def set_aside(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.glob("journal.db.damaged-*") if not file.name.endswith(("-wal", "-shm")))


def use(path: Path) -> None:
    """Write to the journal as a run does."""
    journal = Journal(path)
    try:
        journal.runs()
        run = journal.begin(ME, REQUEST, NOW)
        journal.claim(run, [Claim(uuid, uuid, "then") for uuid in VOLUMES])
        journal.record_intents([(run, uuid, Intent(os.urandom(16).hex(), "then")) for uuid in VOLUMES], NOW)
        journal.finish(NOW, run)
    finally:
        journal.close()


@pytest.mark.parametrize("already", [b"", None])
def test_an_empty_file_is_a_new_journal(already: bytes | None, path: Path) -> None:
    """Killed between creating the file and creating its tables."""
    if already is not None:
        path.write_bytes(already)
    use(path)
    assert set_aside(path) == []


def test_killed_after_the_first_page_is_a_new_journal(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
    db.close()
    assert path.stat().st_size > 0
    use(path)
    assert set_aside(path) == []


def test_a_truncated_journal_works_or_is_set_aside_unchanged(path: Path) -> None:
    fill(path)
    whole = path.read_bytes()
    set_aside_files = 0
    for size in {1, 15, 16, 17, 99, 100, 101, *range(511, len(whole), 4096 - 585)}:
        for file in path.parent.glob("journal.db*"):
            if file.is_file():
                file.unlink()
        path.write_bytes(whole[:size])
        try:
            use(path)
        except LocalState as error:
            set_aside_files += 1
            [file] = set_aside(path)
            whole_message = error.message.endswith(f"it is kept as {file}")
            assert (whole_message, error.exit, file.stat().st_size >= size) == (True, 7, True)  # noqa: PT017
            use(path)
    assert set_aside_files >= 5


GARBAGE = {
    "text": b"this is not a database, but it may be all that somebody has" * 100,
    "zeros": bytes(8192),
    "the right beginning": b"SQLite format 3\0" + os.urandom(4080),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_set_aside_unchanged(kind: str, path: Path) -> None:
    path.write_bytes(GARBAGE[kind])
    with pytest.raises(LocalState, match="damaged"):
        use(path)
    [file] = set_aside(path)
    assert file.read_bytes() == GARBAGE[kind]
    use(path)


def test_a_page_damaged_in_the_middle_is_found_when_it_is_read(path: Path) -> None:
    fill(path)
    whole = bytearray(path.read_bytes())
    for page in range(1, len(whole) // 4096):
        whole[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(whole)
    with pytest.raises(LocalState, match="damaged"):
        use(path)
    [file] = set_aside(path)
    assert file.stat().st_size == len(whole)
    use(path)


def test_a_folder_in_its_place_is_set_aside(path: Path) -> None:
    path.mkdir()
    (path / "something").touch()
    with pytest.raises(LocalState, match="it is not a file"):
        use(path)
    [damaged_file] = set_aside(path)
    assert (damaged_file / "something").exists()
    use(path)


@pytest.mark.parametrize("sql", ["CREATE TABLE other (x)", f"PRAGMA user_version = {VERSION}"])
def test_another_database_is_set_aside(sql: str, path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(sql)
    db.close()
    with pytest.raises(LocalState, match="damaged"):
        use(path)
    assert len(set_aside(path)) == 1
    use(path)


def test_the_journal_of_a_newer_zvol_is_left_as_it_is(path: Path) -> None:
    fill(path)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = path.read_bytes()
    for read_only_ok in (False, True):
        with pytest.raises(LocalState, match="newer zvol") as caught:
            Journal(path, read_only_ok=read_only_ok)
        assert caught.value.exit == 7
    assert path.read_bytes() == before
    assert set_aside(path) == []


def test_two_journals_damaged_in_the_same_second_are_both_set_aside(path: Path) -> None:
    for text in (b"one" * 1000, b"two" * 1000):
        path.write_bytes(text)
        with pytest.raises(LocalState, match="damaged"):
            use(path)
    assert sorted(file.read_bytes()[:3] for file in set_aside(path)) == [b"one", b"two"]


def test_a_damaged_journal_stays_in_place_while_a_living_run_uses_it(path: Path) -> None:
    fill(path)
    path.write_bytes(b"garbage" * 1000)
    living = Locks(path.with_name("journal.db.locks"))
    living.take("20261125-000000-abcdef")
    with pytest.raises(LocalState, match="run 20261125-000000-abcdef still uses it"):
        Journal(path)
    assert set_aside(path) == []
    living.release_all()
    with pytest.raises(LocalState, match="kept as"):
        Journal(path)


def test_a_journal_that_was_replaced_meanwhile_is_not_set_aside(path: Path) -> None:
    """Two processes find the same damage; the second must not move the new journal of the first."""
    fill(path)
    old = Journal(path)
    path.rename(path.with_name("moved"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).rename(path.with_name("moved" + suffix))
    fill(path)
    with pytest.raises(LocalState, match="another zvol has set it aside"), old._local():
        raise_corrupt()
    assert set_aside(path) == []
    old.close()


def raise_corrupt() -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def test_a_mode_that_others_can_read_is_corrected(path: Path) -> None:
    path.touch(0o644)
    path.chmod(0o644)
    use(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_users_file_is_refused_and_stays_unchanged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(LocalState, match="belongs to root" if os.getuid() == 0 else "belongs to another user"):
        use(path)
    assert set_aside(path) == []


def test_many_processes_create_a_new_journal_at_the_same_time(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(6) as pool:
        pool.map(use, [path] * 24)
    journal = Journal(path)
    assert len(journal.runs()) == 24
    journal.close()


def test_a_truncated_log_leaves_the_journal_as_after_one_of_its_commits(path: Path, tmp_path: Path) -> None:
    """A power failure in the middle of a commit: an incomplete commit has no effect."""
    journal = Journal(path)
    states: list[dict[str, int]] = [{}]
    run = journal.begin(ME, REQUEST, NOW)
    journal.claim(run, [Claim(uuid, uuid, "then") for uuid in VOLUMES])
    states.append({"planned": 60})
    for number in range(0, 60, 20):
        part = VOLUMES[number : number + 20]
        journal.record_intents([(run, uuid, Intent(uuid[::-1], "then")) for uuid in part], NOW)
        states.append({"open": number + 20, "planned": 40 - number} if number < 40 else {"open": 60})
    database, log = path.read_bytes(), path.with_name("journal.db-wal").read_bytes()
    journal.close()
    seen: set[int] = set()
    for size in range(0, len(log) + 1, 1000):
        copy = tmp_path / "copy" / str(size) / "journal.db"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(database)
        copy.with_name("journal.db-wal").write_bytes(log[:size])
        again = Journal(copy)
        for found in again.runs():
            assert found.counts in states
            seen.add(states.index(dict(found.counts)))
        again.close()
    assert len(seen) >= 4
