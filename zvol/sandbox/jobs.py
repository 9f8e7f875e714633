"""Jobs: accepted, screened, queued by volume, executed, finished; each step is a transaction of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from zvol.sandbox.node import Call, Node
from zvol.sandbox.operations import OPERATIONS
from zvol.sandbox.pipeline import Operation, Settled, screen
from zvol.sandbox.texts import Fault, internal
from zvol.sandbox.worker import Queues, Worker

if TYPE_CHECKING:
    from zvol.sandbox.store import Tx

PROCESSING: Final = 202
SCREENED, EXECUTED, FINISHED = 0.15, 0.6, 1.0
"""When the steps are over, as parts of the job time: a volume is back a while before its job says so."""

QUICK: Final = 0.1
_WATCHED: Final = "recoverDataVolume"
_REAPERS: Final = ("deletionPolicy", "expungePeriod", "expungeInterval")


class Jobs:
    """The jobs that this process accepted; their execution dies with it, their rows do not."""

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node = node
        self.worker = worker
        self.queues = Queues()

    def taken(self, job: str) -> bool:
        with self.node.store.read() as tx:
            return tx.value("SELECT 1 FROM jobs WHERE uuid = ?", job) is not None

    def answer(self, job: str) -> tuple[int, bytes] | None:
        """Return status and body of a job, None when nobody knows it."""
        with self.node.store.read() as tx:
            row = tx.row("SELECT status, body FROM jobs WHERE uuid = ?", job)
        return None if row is None else (row["status"], row["body"])

    def accept(self, call: Call) -> None:
        """Save the job, whoever else has saved one with this id, and let it run."""
        operation = OPERATIONS[call.api.name]
        with self.node.store.write() as tx:
            self._save(tx, call)
            self._note(tx, call, "accepted")
        self._send(call, operation)

    def at_once(self, call: Call) -> tuple[int, bytes]:
        """Execute a call as the vendor's page has it: no job, the result in the answer."""
        operation = OPERATIONS[call.api.name]
        time.sleep(self.node.switches.job_time)
        try:
            with self.node.store.write() as tx:
                self._note(tx, call, "accepted")
                screen(self.node, tx, call, operation)
                body = operation.run(self.node, tx, call)
                self._note(tx, call, "ended", status=_status(body))
        except Settled:
            return 200, b"{}"
        except Fault as fault:
            return 503, self.node.failure(fault, job=True)
        return 200, self.node.success(body)

    def _save(self, tx: Tx, call: Call) -> None:
        sql = "INSERT OR REPLACE INTO jobs (uuid, status, body, created) VALUES (?, ?, ?, ?)"
        tx.run(sql, call.job, PROCESSING, b"{}", tx.now)

    def _send(self, call: Call, operation: Operation) -> None:
        self.worker.after(self._time(operation, SCREENED), lambda: self._screen(call, operation))

    def _time(self, operation: Operation, part: float) -> float:
        return self.node.switches.job_time * part * (1.0 if operation.slow else QUICK)

    def _note(self, tx: Tx, call: Call, event: str, **fields: Any) -> None:
        if call.api.name == _WATCHED:
            tx.event(event, job=call.job, volume=call.text("uuid"), **fields)

    def _screen(self, call: Call, operation: Operation) -> None:
        try:
            with self.node.store.write() as tx:
                self._check(tx, call, operation)
        except Settled:
            self._finish(call, 200, b"{}", "dry-run")
        except Fault as fault:
            self._fail(call, fault, "refused")
        except Exception as exc:  # noqa: BLE001  (what the server does with its own)
            self._fail(call, internal(f"{type(exc).__name__}: {exc}"), "refused")
        else:
            key = call.text("volumeUuid") or call.text("uuid") or call.job
            self.queues.enter(key, lambda: self._begin(call, operation, key))

    def _check(self, tx: Tx, call: Call, operation: Operation) -> None:
        screen(self.node, tx, call, operation)

    def _begin(self, call: Call, operation: Operation, key: str) -> None:
        with self.node.store.write() as tx:
            self._note(tx, call, "begun")
        wait = self._time(operation, EXECUTED - SCREENED)
        self.worker.after(wait, lambda: self._execute(call, operation, key))

    def _execute(self, call: Call, operation: Operation, key: str) -> None:
        wait = self._time(operation, FINISHED - EXECUTED)
        try:
            with self.node.store.write() as tx:
                body = operation.run(self.node, tx, call)
                self._note(tx, call, "ended", status=_status(body))
        except Fault as fault:
            gone = fault
            self.worker.after(wait, lambda: self._fail(call, gone, "vanished"))
        except Exception as exc:  # noqa: BLE001  (what the server does with its own)
            broken = internal(f"{type(exc).__name__}: {exc}")
            self.worker.after(wait, lambda: self._fail(call, broken, "failed"))
        else:
            self.worker.after(wait, lambda: self._succeed(call, self.node.success(body)))
        finally:
            self.queues.leave(key)

    def _succeed(self, call: Call, body: bytes) -> None:
        self._finish(call, 200, body, "finished")

    def _fail(self, call: Call, fault: Fault, event: str) -> None:
        self._finish(call, 503, self.node.failure(fault, job=True), event, code=fault.code)

    def _finish(self, call: Call, status: int, body: bytes, event: str, **fields: Any) -> None:
        with self.node.store.write() as tx:
            tx.run("UPDATE jobs SET status = ?, body = ? WHERE uuid = ?", status, body, call.job)
            self._note(tx, call, event, **fields)
        if call.api.name == "updateGlobalConfig" and call.text("name") in _REAPERS:
            self.worker.after(0.0, lambda: reap(self.node))


def _status(body: dict[str, Any]) -> str | None:
    inventory = body.get("inventory")
    return inventory.get("status") if isinstance(inventory, dict) else None


def reap(node: Node) -> None:
    """Expunge the deleted data volumes whose time is over, unless the policy is Never now."""
    from zvol.sandbox.volumes import remove

    due = "status = 'Deleted' AND type = 'Data' AND lastOpDate + ? <= ?"
    with node.store.read() as tx:
        if tx.config("deletionPolicy") == "Never":
            return
        period = int(tx.config("expungePeriod"))
        found = tx.rows(f"SELECT uuid FROM volumes WHERE {due}", period, tx.now)  # noqa: S608  (ours)
    for row in found:
        with node.store.write() as tx:
            if tx.value(f"SELECT 1 FROM volumes WHERE uuid = ? AND {due}", row["uuid"], period, tx.now):  # noqa: S608
                remove(tx, row["uuid"])


class Reaper:
    """Runs the expunge task at the start and at each interval of the server's clock."""

    LOOK = 0.25

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node = node
        self.worker = worker
        self.last: int | None = None
        self.stopped = False

    def look(self) -> None:
        """Expunge if it is time, note that this node lives, and look again soon."""
        if self.stopped:
            return
        with self.node.store.read() as tx:
            now, interval = tx.now, int(tx.config("expungeInterval"))
        if self.last is None or now >= self.last + interval:
            self.last = now
            reap(self.node)
        self.worker.after(self.LOOK, self.look)
