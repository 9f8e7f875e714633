"""What a management node can do wrong with a recovery, for tests: each oddity is planted for one PUT of one volume.

All of them were seen on a real server or read in its source: a save whose failure is swallowed, a message that is lost
between the database and the bus, rows that stay or go at the wrong time, errors before and after the work.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zvol.sandbox.jobs import Jobs
from zvol.sandbox.node import Call
from zvol.sandbox.pipeline import Operation, Settled
from zvol.sandbox.query import BadRequest
from zvol.sandbox.texts import DESCRIPTIONS, Fault

if TYPE_CHECKING:
    from zvol.sandbox.store import Tx

ODDITIES: Final = (
    "unsaved",  # the job is not saved, and runs: nobody knows it
    "late-save",  # a long time between the check of its id and its saving: twins are both accepted
    "unsent",  # saved and answered 202, and never run: 202 for ever
    "unsent-500",  # saved and never run, and the answer is an error
    "stuck",  # done, and its job says 202 for ever
    "slow",  # the work takes a second
    "forgotten",  # the row of the job goes while it runs
    "collected",  # the row of the job goes when it ends
    "nothing",  # the job says done without an inventory, and nothing was done
    "claimed",  # the job says done with an inventory, and nothing was done
    "foreign",  # done, and the job speaks of another volume
    "flip",  # done, and then the job says it failed
    "fail:CODE",  # the job fails with this code, nothing was done
    "fail-after:CODE",  # done, and the job fails with this code
)

SLOW: Final = 1.0
PAUSE: Final = 0.1


def plant(directory: Path, volume: str, *names: str) -> None:
    """Make the servers of a directory do the first of these with the next PUT of a volume, and so on."""
    from zvol.sandbox.store import Store

    store = Store(directory)
    try:
        with store.write() as tx:
            for name in names:
                tx.insert("oddities", {"volume": volume, "name": name})
    finally:
        store.close()


class OddJobs(Jobs):
    """Jobs that go wrong where it was planted."""

    def accept(self, call: Call) -> None:
        if call.api.name == "recoverDataVolume":
            with self.node.store.write() as tx:
                call.oddity = _take(tx, call.text("uuid"))
        if call.oddity == "late-save":
            time.sleep(PAUSE)
        super().accept(call)

    def _save(self, tx: Tx, call: Call) -> None:
        if call.oddity != "unsaved":
            super()._save(tx, call)

    def _send(self, call: Call, operation: Operation) -> None:
        if not call.oddity.startswith("unsent"):
            super()._send(call, operation)
            return
        with self.node.store.write() as tx:
            self._note(tx, call, "lost")
        if call.oddity == "unsent-500":
            raise BadRequest("unable to send the message", 500)

    def _check(self, tx: Tx, call: Call, operation: Operation) -> None:
        super()._check(tx, call, operation)
        kind, _, code = call.oddity.partition(":")
        if kind == "fail":
            raise _fault(code)
        if kind == "forgotten":
            tx.run("DELETE FROM jobs WHERE uuid = ?", call.job)
        if kind in ("nothing", "claimed"):
            raise Settled

    def _begin(self, call: Call, operation: Operation, key: str) -> None:
        if call.oddity != "slow":
            super()._begin(call, operation, key)
            return
        call.oddity = ""
        self.worker.after(SLOW, lambda: self._begin(call, operation, key))

    def _succeed(self, call: Call, body: bytes) -> None:
        kind, _, code = call.oddity.partition(":")
        if kind == "fail-after":
            self._fail(call, _fault(code), "finished")
        elif kind != "stuck":
            super()._succeed(call, self._back(self._other(call.text("uuid"))) if kind == "foreign" else body)
        if kind == "flip":
            self.worker.after(PAUSE, lambda: self._fail(call, _fault("SYS.1006"), "flipped"))
        if kind == "collected":
            with self.node.store.write() as tx:
                tx.run("DELETE FROM jobs WHERE uuid = ?", call.job)

    def _finish(self, call: Call, status: int, body: bytes, event: str, **fields: Any) -> None:
        said = self._back(call.text("uuid")) if (call.oddity, status) == ("claimed", 200) else body
        super()._finish(call, status, said, event, **fields)

    def _back(self, uuid: str) -> bytes:
        """Return the inventory of a volume as if it were back."""
        with self.node.store.read() as tx:
            inventory = self.node.librarian.one(tx, "volume", uuid)
        return self.node.success({"inventory": (inventory or {}) | {"status": "Ready"}})

    def _other(self, uuid: str) -> str:
        with self.node.store.read() as tx:
            return str(tx.value("SELECT uuid FROM volumes WHERE status = 'Ready' AND uuid <> ?", uuid))


def _take(tx: Tx, volume: str) -> str:
    row = tx.row("SELECT seq, name FROM oddities WHERE volume = ? ORDER BY seq LIMIT 1", volume)
    if row is None:
        return ""
    tx.run("DELETE FROM oddities WHERE seq = ?", row["seq"])
    return str(row["name"])


def _fault(code: str) -> Fault:
    return Fault({"code": code, "description": DESCRIPTIONS.get(code, "Something went wrong"), "cost": "1ms"})
