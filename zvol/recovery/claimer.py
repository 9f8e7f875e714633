"""Claims: which volumes this run is on, and what earlier runs have sent that may still act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.journal.records import Claims, Identity
from zvol.journal.request import Request
from zvol.model import Outcome
from zvol.recovery import outcomes
from zvol.recovery.batch import Batch
from zvol.recovery.settle_policy import SettlePolicy
from zvol.recovery.states import Phase
from zvol.recovery.task import FIRST_LOOK, VolumeTask
from zvol.zstack.dates import parse_server_date

if TYPE_CHECKING:
    from zvol.journal.journal import Journal


class Claimer:
    """Claims volumes before anything is sent for them, in a run of the journal that begins with the first."""

    def __init__(
        self,
        batch: Batch,
        settle_policy: SettlePolicy,
        clock: Clock,
        open_journal: Callable[[], Journal],
        identity: Identity,
    ) -> None:
        self.batch, self.clock = batch, clock
        self._settle_policy = settle_policy
        self._open_journal = open_journal
        self._identity = identity

    def claim(self) -> None:
        """Claim all that was found, once, and sort it."""
        batch = self.batch
        if not batch.found:
            return
        found = sorted((task for task in batch.found if task.uuid in batch.pending and not task.final), key=urgency)
        batch.found = []
        batch.urgent.extend(found)
        unclaimed = [task for task in found if not task.claimed]
        claims = self._claimed(unclaimed) if unclaimed else Claims({}, {}, frozenset())
        spent = self._since_set_aside()
        for task in found:
            if task.held:
                batch.leave(task)
                continue
            if task.uuid in claims.busy:
                batch.end(task, Outcome.BUSY, outcomes.busy(claims.busy[task.uuid], self._identity))
                continue
            task.claimed = True
            task.run = task.run or batch.run
            batch.plan(task)
            jobs = [intent.job for intent in claims.prior.get(task.uuid, ())]
            if task.uuid in claims.foreign:
                task.state = replace(task.state, foreign=True)
                self._settle_first(task, [])
            elif spent is not None:
                self._settle_first(task, [], 0.0 if jobs else spent)
            elif jobs:
                self._settle_first(task, jobs)
            else:
                batch.queue.append(task)

    def _since_set_aside(self) -> float | None:
        """Return how long ago a damaged journal was set aside; None when nothing that it knew of can act any more."""
        at = self.batch.journal.set_aside_at if self.batch.journal is not None else None
        if at is None:
            return None
        spent = self.clock.wall() - at  # less than nothing where a clock was set back: then all of it is waited for
        return spent if spent < self._settle_policy.longest else None

    def _claimed(self, tasks: list[VolumeTask]) -> Claims:
        """Claim volumes for the run of this batch, which begins with the first of them."""
        journal, run = self.open_run(tasks[0].request)
        return journal.claim(run, [(one.uuid, one.target.asked, one.state.expected_last_op_date) for one in tasks])

    def open_run(self, request: Request) -> tuple[Journal, str]:
        """Return the journal and our run in it, which begins when it is needed first; raises LocalState."""
        batch = self.batch
        if batch.journal is None:
            batch.journal = self._open_journal()
        if batch.run is None:
            batch.run = batch.journal.begin(self._identity, request, self.clock.wall())
            batch.runs.append(batch.run)
        return batch.journal, batch.run

    def _settle_first(self, task: VolumeTask, jobs: list[str], spent: float = 0.0) -> None:
        """Earlier intents are open: a volume of a large batch is read first, and its jobs are asked later.

        Without jobs that may be asked only time tells; `spent` seconds of it are over.
        """
        now = self.clock.monotonic()
        task.state = replace(task.state, phase=Phase.SETTLE)
        task.prior = jobs
        task.quiet = self._settle_policy.silence(now, spent)
        task.deadline = now + self.batch.options.timeout
        task.begin_looking(now, 0.0 if self.batch.small else FIRST_LOOK)
        self.batch.schedule.put(task, now)


def urgency(task: VolumeTask) -> tuple[bool, str, int]:
    """Sort by deadline: the oldest deletion is destroyed first; an unreadable date counts as the oldest."""
    date = parse_server_date(task.state.expected_last_op_date or "")
    return (date is not None, date.isoformat() if date else "", task.target.order)
