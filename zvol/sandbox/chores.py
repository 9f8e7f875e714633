"""What a management node does by itself: it expunges, forgets old jobs, and writes its heartbeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zvol.sandbox import volumes
from zvol.sandbox.names import NODE
from zvol.sandbox.node import Node
from zvol.sandbox.worker import Worker

CONFIGS: Final = ("deletionPolicy", "expungePeriod", "expungeInterval")
"""What expunging depends on; after a change of it, it runs at once."""

PURGE_SECONDS: Final = 3600
JOB_SECONDS: Final = 10800
"""How long the row of a finished job is kept after it was created."""
BEAT_SECONDS: Final = 5
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


def purge(node: Node) -> None:
    """Delete the rows of jobs that ended and are old; those that did not end stay for ever."""
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
        """Do what is due, and check again soon: the clock of a sandbox can be moved."""
        if self.stopped:
            return
        with self.node.store.read() as tx:
            now, interval = tx.now, int(tx.config("expungeInterval"))
        for chore, seconds in ((reap, interval), (purge, PURGE_SECONDS), (beat, BEAT_SECONDS)):
            if chore not in self.last or now >= self.last[chore] + seconds:
                self.last[chore] = now
                chore(self.node)
        self.worker.after(TICK_SECONDS, self.tick)
