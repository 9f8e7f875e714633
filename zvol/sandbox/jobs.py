"""Jobs: accepted, checked, queued by volume or VM, executed, finished; each step is a transaction of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from zvol.sandbox import pipeline
from zvol.sandbox.api import Call, Operation
from zvol.sandbox.chores import CONFIGS, expunge
from zvol.sandbox.node import Node
from zvol.sandbox.pipeline import EmptySuccess
from zvol.sandbox.query import BadRequest
from zvol.sandbox.store import Tx
from zvol.sandbox.texts import INTERNAL, Fault, internal
from zvol.sandbox.worker import Queues, Worker

PROCESSING: Final = 202
CHECKED, EXECUTED, FINISHED = 0.15, 0.6, 1.0
"""When the steps end, as parts of the job time: a volume is recovered before its job reports it."""

QUICK: Final = 0.1
LOOK_SECONDS: Final = 0.05
"""How often the clock is read while a queue is busy."""
RECOVERIES: Final = ("recoverDataVolume", "recoverVmInstance")
RECORDED: Final = {
    "recoverDataVolume": {"volume": "uuid"},
    "recoverVmInstance": {"vm": "uuid"},
    "attachDataVolumeToVm": {"volume": "volumeUuid", "vm": "vmInstanceUuid"},
}
"""The APIs whose jobs are written to the ledger, and the parameters that name their resources."""


class Jobs:
    """The jobs that this process accepted; their execution ends with it, their rows remain."""

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node = node
        self.worker = worker
        self.queues = Queues()
        self._polls: Counter[str] = Counter()
        self._delayed: set[str] = set()

    def taken(self, job: str) -> bool:
        with self.node.store.read() as tx:
            return tx.value("SELECT 1 FROM jobs WHERE uuid = ?", job) is not None

    def answer(self, job: str) -> tuple[int, bytes] | None:
        """Return status and body of a job, None when it is unknown."""
        with self.node.store.read() as tx:
            row = tx.row("SELECT status, body FROM jobs WHERE uuid = ?", job)
        if row is None:
            return None
        if row["status"] == PROCESSING or self._misses(job):
            return PROCESSING, self.node.nothing
        return row["status"], row["body"]

    def _misses(self, job: str) -> bool:
        """Tell whether the node that this poll reaches has missed the end of a job: with two nodes, every other one."""
        if not self.node.switches.two_nodes:
            return False
        self._polls[job] += 1
        return self._polls[job] % 2 == 1

    def accept(self, call: Call, operation: Operation) -> None:
        """Save the job, even if another has been saved with this id, and start it."""
        with self.node.store.write() as tx:
            self._save(tx, call)
            self.record(tx, call, "accepted")
        self._send(call, operation)

    def record(self, tx: Tx, call: Call, event: str, **fields: Any) -> None:
        """Write an event of a recovery or an attachment to the ledger."""
        if call.api.name in RECORDED:
            about = {name: call.text(parameter) for name, parameter in RECORDED[call.api.name].items()}
            tx.event(event, api=call.api.name, job=call.job, **about, **fields)

    def _save(self, tx: Tx, call: Call) -> None:
        """Insert the row of a job; where its id is used, the old row stays, or the call is refused with a text."""
        if self.node.switches.lose_insert and call.api.name in RECOVERIES:
            return
        sql = "INSERT OR IGNORE INTO jobs (uuid, status, body, created) VALUES (?, ?, ?, ?)"
        new = tx.run(sql, call.job, PROCESSING, b"", tx.now)
        if not (new or self.node.release.executes_copies):
            raise BadRequest("org.hibernate.exception.ConstraintViolationException: could not execute statement", 500)

    def _send(self, call: Call, operation: Operation) -> None:
        self.worker.after(self._time(operation, CHECKED), lambda: self._admit(call, operation))

    def _time(self, operation: Operation, part: float) -> float:
        return self.node.switches.job_time * part * (1.0 if operation.slow else QUICK)

    def _admit(self, call: Call, operation: Operation) -> None:
        try:
            with self.node.store.write() as tx:
                self._check(tx, call, operation)
        except EmptySuccess:
            self._finish(call, 200, self.node.nothing, "dry-run")
        except Fault as fault:
            self._fail(call, fault, "refused")
        except Exception as exc:  # noqa: BLE001  (the server makes an internal error of it, too)
            self._fail(call, internal(f"{type(exc).__name__}: {exc}"), "refused")
        else:
            key = call.text("volumeUuid") or call.text("uuid") or call.job
            self._queue(call, operation, key)

    def _queue(self, call: Call, operation: Operation, key: str) -> None:
        call.queued, delay = self._clock(), self.node.switches.queue_delay
        if call.api.name in RECOVERIES and delay > 0:
            with self.node.store.write() as tx:
                self.record(tx, call, "queued")
            if key not in self._delayed:
                self._delayed.add(key)
                self.queues.enter(key, lambda: self._occupy(key, call.queued + delay))
        self.queues.enter(key, lambda: self._start(call, operation, key))

    def _clock(self) -> float:
        with self.node.store.read() as tx:
            return tx.time

    def _occupy(self, key: str, until: float) -> None:
        """Keep a queue busy until a time of the server's clock, which can be moved."""
        rest = until - self._clock()
        if rest <= 0 or self.worker.stopping:
            self.queues.leave(key)
        else:
            self.worker.after(min(rest, LOOK_SECONDS), lambda: self._occupy(key, until))

    def _start(self, call: Call, operation: Operation, key: str) -> None:
        """Begin a call whose turn has come; one that waited longer than its timeout is dropped silently."""
        waited = int(self._clock() - call.queued)
        if self.node.release.queue_timeout and 0 < call.timeout < waited * 1000:
            with self.node.store.write() as tx:
                self.record(tx, call, "dropped")
            self.queues.leave(key)
        else:
            self._begin(call, operation, key)

    def _check(self, tx: Tx, call: Call, operation: Operation) -> None:
        pipeline.check(self.node, tx, call, operation)

    def _begin(self, call: Call, operation: Operation, key: str) -> None:
        try:
            with self.node.store.write() as tx:
                self.record(tx, call, "begun")
                if operation.begin is not None:
                    operation.begin(self.node, tx, call)
        except Exception as exc:  # noqa: BLE001  (the server makes an internal error of it, too)
            self._break_off(call, operation, exc)
            self.queues.leave(key)
        else:
            wait = self._time(operation, EXECUTED - CHECKED)
            self.worker.after(wait, lambda: self._execute(call, operation, key))

    def _execute(self, call: Call, operation: Operation, key: str) -> None:
        wait = self._time(operation, FINISHED - EXECUTED)
        try:
            with self.node.store.write() as tx:
                body = operation.run(self.node, tx, call)
                self.record(tx, call, "ended", status=status_in(body))
        except Exception as exc:  # noqa: BLE001  (the server makes an internal error of it, too)
            self._break_off(call, operation, exc)
        else:
            self.worker.after(wait, lambda: self._succeed(call, self.node.success(body)))
        finally:
            self.queues.leave(key)

    def _break_off(self, call: Call, operation: Operation, exc: Exception) -> None:
        """End a job whose work failed."""
        fault = exc if isinstance(exc, Fault) else internal(f"{type(exc).__name__}: {exc}")
        event = "vanished" if fault is exc and fault.code == INTERNAL else "failed"
        self.worker.after(self._time(operation, FINISHED - EXECUTED), lambda: self._fail(call, fault, event))

    def _succeed(self, call: Call, body: bytes) -> None:
        self._finish(call, 200, body, "finished")

    def _fail(self, call: Call, fault: Fault, event: str) -> None:
        self._finish(call, 503, self.node.failure(fault, job=True), event, code=fault.code)

    def _finish(self, call: Call, status: int, body: bytes, event: str, **fields: Any) -> None:
        with self.node.store.write() as tx:
            tx.run("UPDATE jobs SET status = ?, body = ? WHERE uuid = ?", status, body, call.job)
            self.record(tx, call, event, **fields)
        if call.api.name == "updateGlobalConfig" and call.text("name") in CONFIGS:
            self.worker.after(0.0, lambda: expunge(self.node, call.text("category")))


def status_in(body: dict[str, Any]) -> str | None:
    """Return the status of the volume, or the state of the VM, in a job's body, None when there is none."""
    inventory = body.get("inventory")
    return inventory.get("status", inventory.get("state")) if isinstance(inventory, dict) else None
