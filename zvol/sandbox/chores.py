"""The background work of a management node: it expunges, deletes old jobs, and writes its heartbeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from zvol.sandbox import vms, volumes
from zvol.sandbox.names import NODE
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx
from zvol.sandbox.worker import Worker

CONFIGS: Final = ("deletionPolicy", "expungePeriod", "expungeInterval")
"""Configurations that expunging depends on; it runs at once after one changes."""

PURGE_SECONDS: Final = 3600
JOB_SECONDS: Final = 10800
"""How long the row of a finished job is kept after it was created."""
BEAT_SECONDS: Final = 5
TICK_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class _Expunged:
    """Rows that are expunged: those that `due` selects by a period and the time, with `remove`."""

    table: str
    due: str
    remove: Callable[[Tx, str], None]


_EXPUNGED: Final = {
    "volume": _Expunged("volumes", "status = 'Deleted' AND type = 'Data' AND lastOpDate + ? <= ?", volumes.remove),
    "vm": _Expunged("vms", f"{vms.EXPUNGEABLE} AND lastOpDate + ? <= ?", vms.remove),
}


def expunge(node: Node, category: str) -> None:
    """Expunge what of a category, `volume` or `vm`, was deleted and whose period is over, unless the policy is Never.

    Each is a transaction of its own.
    """
    kind = _EXPUNGED[category]
    with node.store.read() as tx:
        if tx.config("deletionPolicy", category) == "Never":
            return
        period = int(tx.config("expungePeriod", category))
        found = tx.rows(f"SELECT uuid FROM {kind.table} WHERE {kind.due}", period, tx.now)  # noqa: S608  (ours)
    for row in found:
        with node.store.write() as tx:
            sql = f"SELECT 1 FROM {kind.table} WHERE uuid = ? AND {kind.due}"  # noqa: S608  (ours)
            if tx.value(sql, row["uuid"], period, tx.now):
                kind.remove(tx, row["uuid"])


_expunge_volumes = partial(expunge, category="volume")
_expunge_vms = partial(expunge, category="vm")


def purge(node: Node) -> None:
    """Delete the rows of jobs that ended and are old; those that did not end are kept."""
    if node.release.jobs_expire:
        with node.store.write() as tx:
            tx.run("DELETE FROM jobs WHERE status != 202 AND created <= ?", tx.now - JOB_SECONDS)


def beat(node: Node) -> None:
    """Write the heartbeat."""
    with node.store.write() as tx:
        tx.run("UPDATE nodes SET heartBeat = ? WHERE uuid = ?", tx.now, NODE)


class Chores:
    """Does each chore at the start and at its interval of the server's clock."""

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node = node
        self.worker = worker
        self.last: dict[Callable[[Node], None], int] = {}
        self.stopped = False

    def tick(self) -> None:
        """Do what is due, and check again soon: the clock of a sandbox can be changed."""
        if self.stopped:
            return
        with self.node.store.read() as tx:
            now = tx.now
            of_volumes, of_vms = (int(tx.config("expungeInterval", category)) for category in ("volume", "vm"))
        for chore, seconds in (
            (_expunge_volumes, of_volumes),
            (_expunge_vms, of_vms),
            (purge, PURGE_SECONDS),
            (beat, BEAT_SECONDS),
        ):
            if chore not in self.last or now >= self.last[chore] + seconds:
                self.last[chore] = now
                chore(self.node)
        self.worker.after(TICK_SECONDS, self.tick)
