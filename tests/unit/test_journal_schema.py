"""The journal of an older zvol is migrated to this version once, and no open intent in it is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from zvol.errors import LocalState
from zvol.journal import schema
from zvol.journal.journal import Journal
from zvol.journal.locks import Locks
from zvol.journal.records import Claim, Claims, Identity, Intent
from zvol.journal.request import Request

NOW = 1_795_000_000.0
ORIGIN = "https://zstack.example.com:8443"
A, B, C = "a" * 32, "b" * 32, "c" * 32
JOB = "1" * 32
ME = Identity(f"{ORIGIN}/zstack", "account admin")

FIRST = """
CREATE TABLE runs (id TEXT PRIMARY KEY, origin TEXT NOT NULL, options TEXT NOT NULL, started REAL NOT NULL, ended REAL)
WITHOUT ROWID;
CREATE TABLE volumes (run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL, asked TEXT NOT NULL,
seq INTEGER NOT NULL, last_op TEXT, state TEXT NOT NULL, outcome TEXT, PRIMARY KEY (run, uuid)) WITHOUT ROWID;
CREATE TABLE intents (job TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, uuid TEXT NOT NULL,
last_op TEXT, written REAL NOT NULL, closed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX volumes_by_uuid ON volumes (uuid, state);
CREATE INDEX intents_by_uuid ON intents (uuid, closed);
PRAGMA user_version = 1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write the journal of a first zvol: a run that was killed, and one in the sandbox."""
    file = tmp_path / "journal.db"
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(FIRST)
    options = '{"system_tags": ["s"], "user_tags": ["t"], "allow_root": true}'
    db.execute("INSERT INTO runs VALUES ('old', ?, ?, ?, NULL)", (ORIGIN, options, NOW))
    db.execute("INSERT INTO runs VALUES ('boxed', 'sandbox', '{}', ?, NULL)", (NOW + 1,))
    for run, uuid, seq, state in (("old", A, 0, "open"), ("old", B, 1, "planned"), ("boxed", C, 0, "planned")):
        db.execute("INSERT INTO volumes VALUES (?, ?, 'typed', ?, 'then', ?, NULL)", (run, uuid, seq, state))
    db.execute("INSERT INTO intents VALUES (?, 'old', ?, 'then', ?, 0)", (JOB, A, NOW))
    db.commit()
    db.close()
    return file


def version(path: Path) -> int:
    db = sqlite3.connect(path)
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return found


def test_nothing_open_is_lost(path: Path) -> None:
    journal = Journal(path)
    boxed, old = journal.runs()
    assert (old.identity, boxed.identity) == (Identity(ORIGIN, None), Identity("sandbox", "account admin"))
    assert old.request == Request(system_tags=("s",), user_tags=("t",), allow_root=True)
    adopted = journal.adopt(["old"], ME)
    assert [(one.uuid, one.asked, one.state, one.last_op, one.intents) for one in adopted.volumes] == [
        (A, "typed", "open", "then", (Intent(JOB, "then"),)),
        (B, "typed", "planned", "then", ()),
    ]
    assert [one.uuid for one in journal.unfinished_volumes("boxed")] == [C]
    journal.close()
    assert version(path) == schema.VERSION == 3


def test_a_migrated_journal_is_used_like_a_new_one(path: Path) -> None:
    for _ in range(2):  # the second one finds nothing to do
        journal = Journal(path)
        run = journal.begin(ME, Request(), NOW)
        assert journal.claim(run, [Claim(A, "a", "then"), Claim(B, "b", "then")]) == Claims({}, {}, frozenset([A]))
        journal.record_intents([(run, A, Intent(run[-6:], "then"))], NOW)
        journal.record_outcome(run, A, "recovered", settled=True)
        journal.record_outcome(run, B, "failed", settled=True)
        journal.finish(NOW, run)
        journal.close()


def test_the_migrated_tables_are_those_of_a_new_journal(path: Path, tmp_path: Path) -> None:
    Journal(path).close()
    Journal(tmp_path / "new.db").close()
    shapes = []
    for file in (path, tmp_path / "new.db"):
        db = sqlite3.connect(file)
        tables = [name for [name] in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        indexes = sorted(name for [name] in db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql"))
        columns = {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in tables}
        shapes.append((columns, indexes))
        db.close()
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("read_only_ok", [False, True])
def test_it_is_not_migrated_while_a_run_of_the_older_zvol_lives(read_only_ok: bool, path: Path) -> None:
    living = Locks(path.with_name("journal.db.locks"))
    living.prepare()
    living.take("old")
    if read_only_ok:
        journal = Journal(path, read_only_ok=True)
        assert [(one.id, one.alive, one.unfinished) for one in journal.runs()] == [
            ("boxed", False, 1),
            ("old", True, 2),
        ]
        assert [one.uuid for one in journal.unfinished_volumes("old")] == [A, B]
        with pytest.raises(LocalState, match="run old of an older zvol still uses the journal"):
            journal.adopt(["boxed"], ME)
        journal.close()
    with pytest.raises(LocalState, match="run old of an older zvol still uses the journal") as caught:
        Journal(path)
    assert "Wait for it to end" in caught.value.hint
    assert version(path) == 1
    living.release_all()
    Journal(path).close()
    assert version(path) == schema.VERSION


def test_a_read_only_journal_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    journal = Journal(path, read_only_ok=True)
    assert [(one.id, one.unfinished) for one in journal.runs()] == [("boxed", 1), ("old", 2)]
    assert [one.intents for one in journal.unfinished_volumes("old")] == [(Intent(JOB, "then"),), ()]
    journal.close()
    assert version(path) == 1


def test_a_journal_with_another_schema_is_set_aside(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE volumes RENAME COLUMN seq TO place")
    db.close()
    with pytest.raises(LocalState, match="its table volumes is not that of version 1"):
        Journal(path)
    assert len(list(path.parent.glob("journal.db.damaged-*"))) == 1


def test_a_request_is_stored_and_unknown_fields_take_their_defaults() -> None:
    request = Request(("s",), ("t", "ü"), False, True, True, True, True, "zvol recover x")
    assert Request.from_json(request.to_json()) == request
    assert Request.from_json('{"reattach": true, "later": 1, "strict": "yes", "user_tags": [1]}') == Request(
        reattach=True
    )
    for text in ("recover", "[]", ""):
        assert Request.from_json(text) == Request()


def test_intents_and_outcomes_cost_the_same_in_a_large_run(tmp_path: Path) -> None:
    """Counted in hundreds of instructions of SQLite; a search through the run would take more of them each time."""
    journal = Journal(tmp_path / "journal.db")
    run = journal.begin(ME, Request(), NOW)
    uuids = [f"{number:032x}" for number in range(800)]
    journal.claim(run, [Claim(uuid, uuid, "then") for uuid in uuids])
    costs: list[int] = []
    journal._db.set_progress_handler(lambda: costs.__setitem__(-1, costs[-1] + 1), 100)
    for start in range(0, 800, 100):
        costs.append(0)
        part = uuids[start : start + 100]
        journal.record_intents([(run, uuid, Intent(uuid, "then")) for uuid in part], NOW)
        for uuid in part[:50]:
            journal.record_outcome(run, uuid, "recovered", settled=True)
        journal.flush()
    journal.close()
    assert max(costs) <= 2 * costs[0]
