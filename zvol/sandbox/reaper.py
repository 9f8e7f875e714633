"""Expunging: what the server does by itself with deleted data volumes whose period is over."""

from __future__ import annotations

from typing import Final

from zvol.sandbox import volumes
from zvol.sandbox.node import Node
from zvol.sandbox.worker import Worker

CONFIGS: Final = ("deletionPolicy", "expungePeriod", "expungeInterval")
"""What expunging depends on; after a change of it, it runs at once."""

TICK_SECONDS: Final = 0.25


def reap(node: Node) -> None:
    """Expunge the deleted data volumes whose period is over, unless the policy is Never now."""
    due = "status = 'Deleted' AND type = 'Data' AND lastOpDate + ? <= ?"
    with node.store.read() as tx:
        if tx.config("deletionPolicy") == "Never":
            return
        period = int(tx.config("expungePeriod"))
        found = tx.rows(f"SELECT uuid FROM volumes WHERE {due}", period, tx.now)  # noqa: S608  (ours)
    for row in found:
        with node.store.write() as tx:
            if tx.value(f"SELECT 1 FROM volumes WHERE uuid = ? AND {due}", row["uuid"], period, tx.now):  # noqa: S608
                volumes.remove(tx, row["uuid"])


class Reaper:
    """Expunges at the start and at each interval of the server's clock."""

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node = node
        self.worker = worker
        self.last: int | None = None
        self.stopped = False

    def tick(self) -> None:
        """Expunge if it is time, and check again soon: the clock of a sandbox can be moved."""
        if self.stopped:
            return
        with self.node.store.read() as tx:
            now, interval = tx.now, int(tx.config("expungeInterval"))
        if self.last is None or now >= self.last + interval:
            self.last = now
            reap(self.node)
        self.worker.after(TICK_SECONDS, self.tick)
