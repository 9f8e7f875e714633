"""Hands recovered volumes over to the follow-ups, and records these in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from zvol.errors import Exit, LocalState
from zvol.journal.request import Waits
from zvol.model import VM, Outcome, Result
from zvol.recovery import outcomes
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.context import EngineContext
from zvol.recovery.follow_ups.changes import Change, ChangeState, from_journal, planned_changes
from zvol.recovery.follow_ups.context import FollowUpContext
from zvol.recovery.follow_ups.run import FollowUps
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.follow_ups.vm_gate import READY, VmState
from zvol.recovery.poll_limit import FollowUpLimit, follow_up_share
from zvol.recovery.poll_times import ROUND
from zvol.recovery.task import VolumeTask
from zvol.recovery.task_lifecycle import SETTLED
from zvol.recovery.tasks import Tasks

if TYPE_CHECKING:
    from zvol.journal.records import UnfinishedVolume


SHORTEST_PAUSE: Final = 0.05
"""Seconds between two reads of changes, at least."""


class FollowUpStage:
    """The follow-ups of a run; they get the places that reads leave free, at most half while volumes are pending."""

    def __init__(self, context: EngineContext, tasks: Tasks) -> None:
        self._context, self._tasks = context, tasks
        self._breaker = CircuitBreaker(context.jitter)
        self._vms: dict[str, Result] = {}
        self._follow_ups = FollowUps(
            FollowUpContext(
                context.client,
                context.pool,
                context.clock,
                self._breaker,
                FollowUpLimit(context.pool, 1, small=tasks.small),
                JournalFollowUpStore(context, tasks),
                context.options.api_timeout,
                context.options.timeout,
                context.session.renew,
                self._vm_state,
                lambda: max(1, context.window.size // (2 if tasks.any_pending else 1)),
                self._pause,
            ),
            tasks.report,
        )
        tasks.take_follow_ups(self._take)

    @property
    def pending(self) -> int:
        """The number of volumes whose follow-ups have not ended."""
        return len(self._follow_ups.pending)

    @property
    def reason(self) -> str:
        """Return what prevents them, if anything."""
        return "" if self._breaker.closed else self._breaker.reason

    def slow(self, now: float, seconds: float) -> list[FollowUpTask]:
        """Return the volumes whose follow-ups have taken this long."""
        return [one for one in self._follow_ups.pending.values() if now - one.began >= seconds]

    def _pause(self) -> float:
        """Return the seconds between two reads of changes: less where recoveries take little time."""
        usual = self._context.window.usual
        return min(ROUND, max(SHORTEST_PAUSE, usual / 8)) if usual else ROUND

    def tick(self, now: float) -> None:
        share = follow_up_share(self._context.options.concurrency, recovering=self._tasks.any_pending)
        self._follow_ups.tick(now, share)

    def due(self) -> float:
        return self._follow_ups.due()

    def stop(self, now: float, seconds: float) -> None:
        self._follow_ups.stop(now, seconds)

    def vm_concluded(self, result: Result) -> None:
        """Handle the result of a VM; volumes that will be attached to it wait for it."""
        assert result.uuid is not None
        self._vms[result.uuid] = result

    def _vm_state(self, vm: str) -> VmState:
        """Return what is known of a VM; one that was left as it is has no result."""
        if self._tasks.has_pending(vm):
            return VmState(pending=True)
        if vm in self._vms:
            result = self._vms[vm]
            later = result.unfinished or result.outcome in (Outcome.UNKNOWN, Outcome.BUSY)
            why = f"the VM is not back ({result.outcome.value})"
            return READY if result.outcome.is_back else VmState(back=False, why=why, later=later, exit=result.exit)
        if any(task.uuid == vm for task in self._tasks.skipped):
            return VmState(back=False, why="the VM was left destroyed", later=True)
        return READY

    def resume(self, volume: UnfinishedVolume) -> None:
        """Add a volume that an earlier run recovered but did not finish; it is read first."""
        outcome = Outcome.ALREADY if volume.outcome == Outcome.ALREADY else Outcome.RECOVERED
        recovered = outcome is Outcome.RECOVERED
        result = Result(
            volume.asked,
            volume.uuid,
            outcome,
            None if recovered else False,
            "unknown" if recovered else None,
            deletion=volume.last_op,
        )
        if outcomes.is_strict(volume.request, volume.vm) and not recovered:
            result = result._replace(warnings=(outcomes.STRICT,), extra_exit=Exit.FAILED)
        changes = from_journal(volume.follow_ups, volume.request)
        self._begin(
            FollowUpTask(result, changes, self._deadline(None), volume.run, deleted=volume.last_op), volume.waits
        )

    def _take(self, task: VolumeTask, result: Result) -> bool:
        """Add a concluded volume, if it is back and has follow-ups."""
        if result.target == VM:
            self.vm_concluded(result)
        volume = result.volume
        if volume is None or not result.outcome.is_back:
            return False
        changes = from_journal(task.follow_ups, task.request) or planned_changes(task.target, task.request, volume)
        if result.outcome is Outcome.ALREADY and volume.text("vmInstanceUuid"):
            for change in changes:
                if change.remembered:  # it was attached after it was recovered
                    change.drop(ChangeState.DONE)
        if not changes:
            return False
        self._begin(
            FollowUpTask(
                result,
                changes,
                self._deadline(task),
                run=task.run if task.claimed else None,
                was_read=True,
                volume=volume,
                read_at=task.read_at,
                request=task.request,
                deleted=task.state.expected_last_op_date,
            ),
            task.waits,
        )
        return True

    def _deadline(self, task: VolumeTask | None) -> float:
        if task is None or task.deadline is None:
            return self._context.clock.monotonic() + self._context.options.timeout
        return self._tasks.end_of(task)

    def _begin(self, follow_up: FollowUpTask, waits: Waits | None) -> None:
        """Poll the job of a request of a dead run that may act, and wait for it before sending it again."""
        now = self._context.clock.monotonic()
        follow_up.begin(now)
        for change in follow_up.changes:
            if change.state is ChangeState.SENT:
                quiet = self._context.settle_policy.silence(now, waits=waits)
                follow_up.settle(quiet.end_since(now) + SETTLED)
                change.settle(quiet)
        self._follow_ups.begin(follow_up)


class JournalFollowUpStore:
    """The journal for the follow-ups; the run of a volume that was back already begins with its first change."""

    def __init__(self, context: EngineContext, tasks: Tasks) -> None:
        self._journal, self._tasks = context.journal, tasks

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""
        if self._journal.error is not None:
            raise self._journal.error
        try:
            for follow_up in follow_ups:
                if follow_up.run is None:
                    follow_up.set_run(self._journal.keep_for_follow_ups(follow_up))
                    for change in follow_up.changes:
                        self.record(follow_up, change)
                next_change = follow_up.change
                assert next_change is not None
                self.record(follow_up, next_change)
            self._journal.flush()
        except LocalState as error:
            self._tasks.journal_failed(error)
            raise

    def record(self, follow_up: FollowUpTask, change: Change) -> None:
        """Record the state of a change."""
        self._journal.record_follow_up(follow_up, change)

    def end(self, follow_up: FollowUpTask) -> bool:
        """Record what was dropped; tell whether a resumed run knows of what is left."""
        for change in follow_up.changes:
            if change.state is ChangeState.FAILED:
                self.record(follow_up, change)
        return follow_up.run is not None and self._journal.error is None
