"""What a management node can do wrong with a recovery: each fault is planted for one PUT of one volume or VM.

All of them were seen on a real server or read in its source: a save whose failure is swallowed, a message that is lost
between the database and the bus, rows that stay or go at the wrong time, errors before and after the work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from zvol.sandbox.api import Call, Operation
from zvol.sandbox.jobs import RECOVERIES, Jobs
from zvol.sandbox.pipeline import EmptySuccess
from zvol.sandbox.query import BadRequest
from zvol.sandbox.store import Store, Tx
from zvol.sandbox.texts import DESCRIPTIONS, Fault

FAULTS: Final = (
    "unsaved",  # the job is not saved, and runs: it is unknown
    "late-save",  # a long time between the check of its id and its saving: twins are both accepted
    "unsent",  # saved and answered 202, and never run: 202 for ever
    "unsent-500",  # saved and never run, and the answer is an error
    "stuck",  # done, and its job says 202 for ever
    "slow",  # the work takes a second
    "half",  # of a VM: its root volume is back, the rest is never done: 202 for ever
    "forgotten",  # the row of the job goes while it runs
    "collected",  # the row of the job goes when it ends
    "nothing",  # the job says done without an inventory, and nothing was done
    "claimed",  # the job says done with an inventory, and nothing was done
    "foreign",  # done, and the job speaks of another volume or VM
    "flip",  # done, and then the job says it failed
    "fail:CODE",  # the job fails with this code, nothing was done
    "fail-after:CODE",  # done, and the job fails with this code
)

SLOW: Final = 1.0
PAUSE: Final = 0.1
_TABLE: Final = "CREATE TABLE IF NOT EXISTS faults (seq INTEGER PRIMARY KEY, volume TEXT NOT NULL, name TEXT NOT NULL)"


def plant(directory: Path, volume: str, *names: str) -> None:
    """Make the servers of a directory have the first of these faults with the next PUT of a volume or VM, and so on."""
    store = Store(directory)
    try:
        with store.write() as tx:
            tx.run(_TABLE)
            for name in names:
                tx.insert("faults", {"volume": volume, "name": name})
    finally:
        store.close()


@dataclass(slots=True)
class FaultyCall(Call):
    """A call and what goes wrong with it."""

    fault: str = ""


class FaultyJobs(Jobs):
    """Jobs that go wrong where a fault is planted."""

    def accept(self, call: Call, operation: Operation) -> None:
        fault = self._take(call)
        if fault == "late-save":
            time.sleep(PAUSE)
        super().accept(
            FaultyCall(**{one.name: getattr(call, one.name) for one in fields(call)}, fault=fault), operation
        )

    def _take(self, call: Call) -> str:
        """Return the fault that is planted for a recovery, and remove it."""
        if call.api.name not in RECOVERIES:
            return ""
        with self.node.store.write() as tx:
            tx.run(_TABLE)
            row = tx.row("SELECT * FROM faults WHERE volume = ? ORDER BY seq LIMIT 1", call.text("uuid"))
            if row is None:
                return ""
            tx.run("DELETE FROM faults WHERE seq = ?", row["seq"])
            return str(row["name"])

    def _save(self, tx: Tx, call: Call) -> None:
        if _fault_of(call) != "unsaved":
            super()._save(tx, call)

    def _send(self, call: Call, operation: Operation) -> None:
        if not _fault_of(call).startswith("unsent"):
            super()._send(call, operation)
            return
        with self.node.store.write() as tx:
            self.record(tx, call, "lost")
        if _fault_of(call) == "unsent-500":
            raise BadRequest("unable to send the message", 500)

    def _check(self, tx: Tx, call: Call, operation: Operation) -> None:
        super()._check(tx, call, operation)
        kind, _, code = _fault_of(call).partition(":")
        if kind == "fail":
            raise _error(code)
        if kind == "forgotten":
            tx.run("DELETE FROM jobs WHERE uuid = ?", call.job)
        if kind in ("nothing", "claimed"):
            raise EmptySuccess

    def _begin(self, call: Call, operation: Operation, key: str) -> None:
        if _fault_of(call) == "slow":
            self.worker.after(SLOW, lambda: super(FaultyJobs, self)._begin(call, operation, key))
        else:
            super()._begin(call, operation, key)

    def _execute(self, call: Call, operation: Operation, key: str) -> None:
        if _fault_of(call) != "half":
            super()._execute(call, operation, key)
            return
        with self.node.store.write() as tx:
            self.record(tx, call, "lost")
        self.queues.leave(key)

    def _succeed(self, call: Call, body: bytes) -> None:
        kind, _, code = _fault_of(call).partition(":")
        if kind == "fail-after":
            self._fail(call, _error(code), "finished")
        elif kind != "stuck":
            super()._succeed(call, self._back(call, self._other(call)) if kind == "foreign" else body)
        if kind == "flip":
            self.worker.after(PAUSE, lambda: self._fail(call, _error("SYS.1006"), "flipped"))
        if kind == "collected":
            with self.node.store.write() as tx:
                tx.run("DELETE FROM jobs WHERE uuid = ?", call.job)

    def _finish(self, call: Call, status: int, body: bytes, event: str, **fields: Any) -> None:
        if (_fault_of(call), status) == ("claimed", 200):
            body = self._back(call, call.text("uuid"))
        super()._finish(call, status, body, event, **fields)

    def _back(self, call: Call, uuid: str) -> bytes:
        """Return the inventory of a volume or VM as if it were back."""
        with self.node.store.read() as tx:
            if call.api.name == "recoverVmInstance":
                inventory = (self.node.reader.one(tx, "vm", uuid) or {}) | {"state": "Stopped"}
            else:
                inventory = (self.node.reader.one(tx, "volume", uuid) or {}) | {"status": "Ready"}
        return self.node.success({"inventory": inventory})

    def _other(self, call: Call) -> str:
        of_vms = "SELECT uuid FROM vms WHERE state <> 'Destroyed' AND uuid <> ?"
        of_volumes = "SELECT uuid FROM volumes WHERE status = 'Ready' AND uuid <> ?"
        with self.node.store.read() as tx:
            sql = of_vms if call.api.name == "recoverVmInstance" else of_volumes
            return str(tx.value(sql, call.text("uuid")))


def _fault_of(call: Call) -> str:
    return call.fault if isinstance(call, FaultyCall) else ""


def _error(code: str) -> Fault:
    return Fault({"code": code, "description": DESCRIPTIONS.get(code, "Something went wrong"), "cost": "1ms"})
