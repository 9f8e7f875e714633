"""A journal with a past: many finished runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from zvol.journal.journal import Journal
from zvol.journal.records import Identity

NOW = 1_795_000_000.0
ME = Identity("http://127.0.0.1:8080/zstack", "account test")


def fill(path: Path, runs: int, volumes: int = 5, began: float = NOW) -> None:
    """Write finished runs whose volumes are back, each with an intent of its own."""
    journal = Journal(path)
    journal.close()
    db = sqlite3.connect(path)
    for run in range(runs):
        row = (f"old-{run:05}", ME.base, ME.account, "{}", began + run, began + run + 1)
        db.execute("INSERT INTO runs (id, base, account, request, started, ended) VALUES (?, ?, ?, ?, ?, ?)", row)
        for number in range(volumes):
            uuid, job = f"{number:032x}", f"{run:016x}{number:016x}"
            volume = "INSERT INTO volumes (run, uuid, asked, seq, state) VALUES (?, ?, ?, ?, 'recorded')"
            db.execute(volume, (row[0], uuid, uuid, number))
            intent = "INSERT INTO intents (job, run, uuid, written, closed) VALUES (?, ?, ?, ?, 1)"
            db.execute(intent, (job, row[0], uuid, began))
    db.commit()
    db.close()
