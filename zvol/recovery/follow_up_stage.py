"""Where recovering ends and follow-ups begin: which volumes have some, and what the journal knows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.errors import Exit, LocalState
from zvol.model import Outcome, Result
from zvol.recovery import outcomes
from zvol.recovery.changes import Change, ChangeState, Kind, from_journal, target
from zvol.recovery.follow_up_task import FollowUpTask
from zvol.recovery.follow_ups import FollowUps
from zvol.recovery.task import VolumeTask
from zvol.recovery.worker_pool import WorkerPool

if TYPE_CHECKING:
    from zvol.journal.records import UnfinishedVolume
    from zvol.recovery.batch import Batch
    from zvol.recovery.submitter import Submitter
    from zvol.zstack.client import Client


class FollowUpStage:
    """The follow-ups of a batch: they get the places that reads leave, at most half of all while volumes come back."""

    def __init__(
        self,
        batch: Batch,
        client: Client,
        pool: WorkerPool,
        clock: Clock,
        jitter: Callable[[], float],
        submitter: Submitter,
    ) -> None:
        self._batch, self._clock, self._settle_policy = batch, clock, submitter.settle_policy
        self._followups = FollowUps(
            client,
            pool,
            clock,
            jitter,
            JournalFollowUpStore(batch, submitter),
            batch.results.append,
            small=batch.small,
            api_timeout=batch.options.api_timeout,
            renew=batch.renew,
        )
        batch.follow_up = self._take

    @property
    def open(self) -> int:
        """How many volumes have follow-ups that have not ended."""
        return len(self._followups.open)

    @property
    def reason(self) -> str:
        """Say what is in their way, if anything is."""
        return "" if self._followups.breaker.closed else self._followups.breaker.reason

    def slow(self, now: float, seconds: float) -> list[FollowUpTask]:
        """Return the volumes that have been at it for so long."""
        return [one for one in self._followups.open.values() if now - one.began >= seconds]

    def tick(self, now: float) -> None:
        most = self._batch.options.concurrency
        self._followups.tick(now, max(1, most // 2) if self._batch.pending else most)

    def due(self) -> float:
        return self._followups.due()

    def stop(self, now: float, seconds: float) -> None:
        self._followups.stop(now, seconds)

    def resume(self, left: UnfinishedVolume) -> None:
        """Take in a volume that an earlier run brought back and had not done with; it is read before anything else."""
        outcome = Outcome.ALREADY if left.outcome == Outcome.ALREADY else Outcome.RECOVERED
        back = outcome is Outcome.RECOVERED
        result = Result(left.asked, left.uuid, outcome, None if back else False, "unknown" if back else None)
        if left.request.strict and not back:
            result = replace(result, warnings=(outcomes.STRICT,), extra_exit=Exit.FAILED)
        self._begin(FollowUpTask(result, from_journal(left.followups, left.request), self._deadline(None), left.run))

    def _take(self, task: VolumeTask, result: Result) -> bool:
        """Take a volume in whose word was said, if it is back and there is something to do for it."""
        volume = result.volume
        if volume is None or not result.outcome.is_back:
            return False
        changes = from_journal(task.followups, task.request) or target(task.request, volume)
        if result.outcome is Outcome.ALREADY and volume.text("vmInstanceUuid"):
            for change in changes:  # it is where somebody wants it
                change.stand = ChangeState.DONE if change.kind is Kind.ATTACH else change.stand
        if not changes:
            return False
        run = task.run if task.claimed else None
        self._begin(FollowUpTask(result, changes, self._deadline(task), run, True, volume, task.read_at, task.request))
        return True

    def _deadline(self, task: VolumeTask | None) -> float:
        given = task.deadline if task is not None else None
        return self._clock.monotonic() + self._batch.options.timeout if given is None else given

    def _begin(self, follow_up: FollowUpTask) -> None:
        """A request that a dead run sent may act: it is asked after, and waited for, before it may be sent again."""
        now = follow_up.began = self._clock.monotonic()
        for change in follow_up.changes:
            if change.stand is ChangeState.SENT:
                change.quiet, change.until = self._settle_policy.silence(now), follow_up.deadline
        self._followups.begin(follow_up)


class JournalFollowUpStore:
    """The journal as the follow-ups see it; the run of a volume that was back already begins with its first change."""

    def __init__(self, batch: Batch, submitter: Submitter) -> None:
        self._batch, self._submitter = batch, submitter

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""
        if self._batch.local is not None:
            raise self._batch.local
        try:
            for follow_up in follow_ups:
                if follow_up.run is None:
                    self._keep(follow_up)
                change = follow_up.head
                assert change is not None
                self.note(follow_up, change)
            if self._batch.journal is not None:
                self._batch.journal.flush()
        except LocalState as error:
            self._submitter.fail(error)
            raise

    def _keep(self, follow_up: FollowUpTask) -> None:
        """Have the run remember a volume that was back already."""
        journal, follow_up.run = self._submitter.open_run(follow_up.request)
        journal.record_for_followups(
            follow_up.run, follow_up.uuid, follow_up.result.asked, follow_up.result.outcome.value
        )
        journal.plan_followups(
            follow_up.run, follow_up.uuid, [(one.kind.value, one.value) for one in follow_up.changes]
        )
        for change in follow_up.changes:
            self.note(follow_up, change)

    def note(self, follow_up: FollowUpTask, change: Change) -> None:
        """Note where a change stands now."""
        journal = self._batch.journal
        if journal is not None and follow_up.run is not None:
            journal.record_followup(
                follow_up.run, follow_up.uuid, change.kind.value, change.value, change.stand.value, change.job
            )

    def end(self, follow_up: FollowUpTask) -> bool:
        """Note what was not looked at as not wanted any more; tell whether a resumed run knows of what is left."""
        for change in follow_up.changes:
            if change.stand is ChangeState.FAILED:
                self.note(follow_up, change)
        return follow_up.run is not None and self._batch.local is None
