"""Where recovering ends and follow-ups begin: which volumes have some, and what the journal knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from zvol.errors import Exit, LocalState
from zvol.model import Outcome, Result
from zvol.recovery import outcomes
from zvol.recovery.changes import Change, ChangeState, Kind, from_journal, target
from zvol.recovery.context import EngineContext
from zvol.recovery.follow_up_task import FollowUpTask
from zvol.recovery.follow_ups import FollowUps
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks

if TYPE_CHECKING:
    from zvol.journal.records import UnfinishedVolume


class FollowUpStage:
    """The follow-ups of a batch: they get the places that reads leave, at most half of all while volumes come back."""

    def __init__(self, context: EngineContext, tasks: Tasks) -> None:
        self._context, self._tasks = context, tasks
        self._followups = FollowUps(
            context.client,
            context.pool,
            context.clock,
            context.jitter,
            JournalFollowUpStore(context, tasks),
            tasks.results.append,
            small=tasks.small,
            api_timeout=context.options.api_timeout,
            renew=context.session.renew,
        )
        tasks.take_follow_ups(self._take)

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
        most = self._context.options.concurrency
        self._followups.tick(now, max(1, most // 2) if self._tasks.pending else most)

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
        return self._context.clock.monotonic() + self._context.options.timeout if given is None else given

    def _begin(self, follow_up: FollowUpTask) -> None:
        """A request that a dead run sent may act: it is asked after, and waited for, before it may be sent again."""
        now = follow_up.began = self._context.clock.monotonic()
        for change in follow_up.changes:
            if change.stand is ChangeState.SENT:
                change.quiet, change.until = self._context.settle_policy.silence(now), follow_up.deadline
        self._followups.begin(follow_up)


class JournalFollowUpStore:
    """The journal as the follow-ups see it; the run of a volume that was back already begins with its first change."""

    def __init__(self, context: EngineContext, tasks: Tasks) -> None:
        self._journal, self._tasks = context.journal, tasks

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""
        if self._journal.error is not None:
            raise self._journal.error
        try:
            for follow_up in follow_ups:
                if follow_up.run is None:
                    follow_up.run = self._journal.keep_for_follow_ups(follow_up)
                    for change in follow_up.changes:
                        self.note(follow_up, change)
                head = follow_up.head
                assert head is not None
                self.note(follow_up, head)
            self._journal.flush()
        except LocalState as error:
            self._tasks.journal_failed(error)
            raise

    def note(self, follow_up: FollowUpTask, change: Change) -> None:
        """Note where a change stands now."""
        self._journal.record_follow_up(follow_up, change)

    def end(self, follow_up: FollowUpTask) -> bool:
        """Note what was not looked at as not wanted any more; tell whether a resumed run knows of what is left."""
        for change in follow_up.changes:
            if change.stand is ChangeState.FAILED:
                self.note(follow_up, change)
        return follow_up.run is not None and self._journal.error is None
