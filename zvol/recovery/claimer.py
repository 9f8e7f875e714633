"""Claims volumes for this run, and finds requests of earlier runs that may still act."""

from __future__ import annotations

from zvol.journal.records import Claims
from zvol.model import Outcome
from zvol.recovery import outcomes
from zvol.recovery.context import EngineContext
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks


class Claimer:
    """Claims volumes before anything is sent for them."""

    def __init__(self, context: EngineContext, tasks: Tasks) -> None:
        self._context, self._tasks = context, tasks

    def claim(self) -> None:
        """Claim all volumes that were found, in one commit; raises LocalState."""
        found = self._tasks.sort_found()
        if not found:
            return
        claims = self._context.journal.claim([task for task in found if not task.claimed])
        for task in found:
            if task.read_only:
                self._tasks.skip(task)
            elif task.uuid in claims.busy:
                busy = outcomes.busy(claims.busy[task.uuid], self._context.journal.identity, task.kind)
                self._tasks.conclude(task, Outcome.BUSY, busy)
            else:
                self._claimed(task, claims)

    def _claimed(self, task: VolumeTask, claims: Claims) -> None:
        """Queue a volume, or let it wait first for the requests of earlier runs."""
        self._tasks.accept_claim(task, self._context.journal.run)
        if task.resource is not None and not task.kind.is_deleted(task.resource):
            self._tasks.conclude(task, Outcome.ALREADY)
            return
        spent = self._since_set_aside(task)
        jobs = [intent.job for intent in claims.prior.get(task.uuid, ())]
        waits = claims.waits.get(task.uuid)
        if task.uuid in claims.foreign:
            self._tasks.sent_elsewhere(task)
            self._tasks.settle_first(task, [], waits)
        elif spent is not None:
            self._tasks.settle_first(task, [], waits, 0.0 if jobs else spent)
        elif jobs:
            self._tasks.settle_first(task, jobs, waits)

    def _since_set_aside(self, task: VolumeTask) -> float | None:
        """Return how long ago a damaged journal was set aside; None when nothing that it knew of can act any more.

        It is negative if a clock was set back; then zvol waits for the whole quiet period.
        """
        spent = self._context.journal.since_set_aside()
        return spent if spent is not None and spent < self._context.settle_policy.longest(task.kind) else None
