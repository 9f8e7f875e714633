"""Runs the follow-ups of recovered volumes: creates missing user tags and attaches volumes to their VMs again.

Each request is work for the worker pool, like any other, and is recorded in the journal before it leaves.  A change is
sent once and then settled by reads: these decide, not the report of its job.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from zvol.errors import Exit, Refused, ZvolError
from zvol.model import Result
from zvol.recovery.follow_ups.changes import (
    Change,
    ChangeCheck,
    ChangeKind,
    ChangeState,
    done_and_not_so,
    is_on_any_vm,
    last_vm_problem,
    on_vm,
)
from zvol.recovery.follow_ups.context import FollowUpContext
from zvol.recovery.follow_ups.poller import FollowUpPoller
from zvol.recovery.follow_ups.release import ReleaseLookUp
from zvol.recovery.follow_ups.submitter import CHANGE_SECONDS, FollowUpSubmitter
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.follow_ups.vm_gate import READY, VmGate
from zvol.recovery.poll_times import GRACE_PERIOD
from zvol.recovery.volume_reader import LAST_READ

CHECK: Final = 0.5
"""Seconds between two checks of the deadlines."""


class FollowUps:
    """The follow-ups of all volumes of a run; `report` gets each result when its follow-ups have ended."""

    def __init__(self, context: FollowUpContext, report: Callable[[Result], None]) -> None:
        self._context, self._report = context, report
        self.pending: dict[str, FollowUpTask] = {}
        self._submitter = FollowUpSubmitter(
            context, lambda task, time: self._poller.put(task, time), self._give_up_unsent
        )
        self._poller = FollowUpPoller(context, self._read, self._submitter.refused)
        self._releases = ReleaseLookUp(context, self._released)
        self._gate = VmGate(context.vm_state)
        self._next_check = 0.0
        self._stopped = False

    def begin(self, follow_up: FollowUpTask) -> None:
        """Add a volume."""
        self.pending[follow_up.uuid] = follow_up
        self._go_on(follow_up, self._context.clock.monotonic())

    def tick(self, now: float, share: int) -> None:
        """Send and read what is due, with at most `share` requests at a time."""
        self._context.limit.give(share)
        if not self.pending:
            return
        for follow_up in self._gate.opened():
            if self._is_pending(follow_up):
                follow_up.extend(now + self._context.timeout)
                self._go_on(follow_up, now)
        if now >= self._next_check:
            self._next_check = now + CHECK
            self._end_late(now)
        if not self._context.breaker.closed:
            self._submitter.take_back(now)
        self._releases.tick()
        self._poller.tick(now)
        if self._context.breaker.closed and self._context.limit.places > 0:
            self._submitter.tick(now)

    def due(self) -> float:
        """Return the monotonic time at which something is due."""
        if not self.pending or self._context.limit.places <= 0:
            return math.inf
        return min(self._poller.due(), self._submitter.due())

    # ---- the end -------------------------------------------------------------------------------------------------
    def stop(self, now: float, seconds: float) -> None:
        """Send nothing new, and poll sent changes for `seconds` more."""
        self._stopped = True
        for follow_up in list(self.pending.values()):
            follow_up.end_by(now + seconds)
            if follow_up.is_in(ChangeState.PLANNED):
                self._go_on(follow_up, now)
            elif seconds <= 0:
                self._not_known(follow_up, now)

    def _end_late(self, now: float) -> None:
        breaker = self._context.breaker
        open_since = breaker.open_since
        unreachable = breaker.submissions_failing(now, CHANGE_SECONDS) or (
            open_since is not None and now - open_since >= CHANGE_SECONDS
        )
        for follow_up in list(self.pending.values()):
            change, failing = follow_up.change, follow_up.failing_since
            if change is None or self._gate.holds(follow_up):
                continue
            follow_up.wait_to_settle(now)
            if change.state is ChangeState.SENT:
                self._end_sent(follow_up, now)
            elif now >= follow_up.deadline:
                self._give_up_unsent(follow_up, "time is up", Exit.UNREACHABLE)
            elif unreachable or (failing is not None and now - failing >= CHANGE_SECONDS):
                self._unreachable(follow_up, breaker.reason if unreachable else follow_up.reason)
        if unreachable:  # remaining and later changes have a minute of their own
            breaker.record_success(now, put=True)

    def _end_sent(self, follow_up: FollowUpTask, now: float) -> None:
        """Read a sent change once more when its time is up."""
        since = follow_up.last_read_since
        if since is None and now >= follow_up.ends:
            follow_up.await_last_read(now)
            self._poller.put(follow_up, now)
        elif since is not None and now - since >= LAST_READ:
            self._not_known(follow_up, now)

    def _not_known(self, follow_up: FollowUpTask, now: float) -> None:
        change = follow_up.change
        assert change is not None
        follow_up.defer(change, change.not_known, Exit.UNKNOWN)
        follow_up.await_last_read(None)
        self._go_on(follow_up, now)

    def _give_up_unsent(self, follow_up: FollowUpTask, why: str, exit: Exit) -> None:
        """Leave what was not sent for a resumed run."""
        while (change := follow_up.change) is not None:
            follow_up.defer(change, f"{why}; nothing was sent", exit)
        self._end(follow_up)

    def _unreachable(self, follow_up: FollowUpTask, reason: str) -> None:
        change = follow_up.change
        assert change is not None
        if not follow_up.was_read or change.kind is ChangeKind.ATTACH or follow_up.tags is not None:
            self._give_up_unsent(follow_up, reason or "the server does not answer", Exit.UNREACHABLE)
        else:
            self._without_tags(follow_up, reason, self._context.clock.monotonic())

    def _without_tags(self, follow_up: FollowUpTask, reason: str, now: float) -> None:
        """Only report an optional look-up that failed: it decides nothing."""
        follow_up.give_up_tags(f"the user tags could not be read: {reason}")
        self._go_on(follow_up, now)

    def _end(self, follow_up: FollowUpTask) -> None:
        self.pending.pop(follow_up.uuid, None)
        self._poller.drop(follow_up)
        self._report(follow_up.outcome(kept=self._context.store.end(follow_up)))

    def _is_pending(self, follow_up: FollowUpTask) -> bool:
        return self.pending.get(follow_up.uuid) is follow_up

    # ---- one volume ----------------------------------------------------------------------------------------------
    def _go_on(self, follow_up: FollowUpTask, now: float) -> None:
        """Continue with the first change that has not ended."""
        while (change := follow_up.change) is not None:
            if change.state is ChangeState.SENT or (not follow_up.was_read and not self._stopped):
                self._poller.put(follow_up, now)
                return
            if self._stopped:
                follow_up.defer_rest("zvol was stopped before it looked after tags and VM")
                break
            check, why = self._check(follow_up, change)
            attaches = change.kind is ChangeKind.ATTACH and check is ChangeCheck.NOT_YET
            if change.remembered and check is ChangeCheck.NOT_YET:
                problem = last_vm_problem(change, follow_up.volume, follow_up.deleted, self._releases.known)
                if problem is None:
                    self._releases.wait(follow_up)
                    return
                check, why = (ChangeCheck.BARRED, problem) if problem else (check, why)
            vm = self._gate.state(change.value) if attaches else READY
            if vm.pending:
                self._gate.wait(follow_up, change.value)
                return
            if vm.later:
                follow_up.defer(change, f"{vm.why}; nothing was sent", vm.exit)
                continue
            check, why = (check, why) if vm.back else (ChangeCheck.BARRED, vm.why)
            if check is None or (attaches and not follow_up.fresh(now)):
                self._poller.put(follow_up, now)
                return
            if check is ChangeCheck.NOT_YET:
                self._submitter.put(follow_up)
                return
            self._settle(follow_up, change, why, Exit.FAILED if why else Exit.OK)
        self._end(follow_up)

    def _released(self, follow_up: FollowUpTask, now: float) -> None:
        """Handle the answer about the release; without one the volume is read before the release is requested again."""
        if not self._is_pending(follow_up):
            return
        if self._releases.known is None:
            self._poller.later(follow_up, now)
        else:
            self._go_on(follow_up, now)

    def _check(self, follow_up: FollowUpTask, change: Change) -> tuple[ChangeCheck | None, str]:
        """Return what the last read shows of a change, None when there was none, and why it must not be made."""
        if change.kind is ChangeKind.TAG:
            if follow_up.tags is None:
                return None, ""
            return (ChangeCheck.MADE if change.value in follow_up.tags else ChangeCheck.NOT_YET), ""
        volume = follow_up.volume
        if change.remembered and not change.value and is_on_any_vm(volume):
            return ChangeCheck.MADE, ""
        return on_vm(change, volume)

    def _settle(self, follow_up: FollowUpTask, change: Change, why: str = "", exit: Exit = Exit.OK) -> None:
        """End a change that is made, or that will not be made because of `why`."""
        change.end(why, exit)
        follow_up.await_last_read(None)
        self._context.store.record(follow_up, change)

    def _read(self, follow_up: FollowUpTask, began: float, error: ZvolError | None) -> None:
        """Handle a read of a volume or its tags, or the error that came instead."""
        change, now = follow_up.change, self._context.clock.monotonic()
        if change is None or not self._is_pending(follow_up):
            return
        if error is not None:
            self._not_read(follow_up, change, error, now)
        elif not follow_up.still_there():
            self._end_changed(follow_up)
        elif change.state is ChangeState.SENT:
            self._settle_sent(follow_up, change, began, now)
        else:
            self._go_on(follow_up, now)

    def _end_changed(self, follow_up: FollowUpTask) -> None:
        """Leave a volume alone that was deleted again after an earlier run recovered it."""
        for change in follow_up.changes:
            if not change.ended:
                change.drop()
        self._end(follow_up)

    def _not_read(self, follow_up: FollowUpTask, change: Change, error: ZvolError, now: float) -> None:
        if change.state is ChangeState.SENT:
            self._poller.later(follow_up, now)
        elif follow_up.was_read and change.kind is ChangeKind.TAG and follow_up.tags is None:
            self._without_tags(follow_up, error.full_text, now)
        elif isinstance(error, Refused):
            self._settle(follow_up, change, f"the volume could not be read: {error.full_text}", Exit.FAILED)
            self._go_on(follow_up, now)
        else:
            self._give_up_unsent(follow_up, error.full_text, error.exit)

    def _settle_sent(self, follow_up: FollowUpTask, change: Change, began: float, now: float) -> None:
        """Settle a sent change after a read; the first reason that applies counts."""
        check, why = self._check(follow_up, change)
        if check is ChangeCheck.MADE:
            self._settle(follow_up, change)
        elif check is ChangeCheck.BARRED:
            said = f" (server: {change.refused})" if change.refused else ""
            self._settle(follow_up, change, f"{why}{said}", Exit.FAILED)
        elif change.refused is not None and began >= change.answered_at:
            self._settle(follow_up, change, change.refused, change.refused_exit)
        elif change.done and began - change.answered_at >= GRACE_PERIOD:
            self._settle(follow_up, change, *done_and_not_so(change, follow_up.volume, follow_up.deleted))
        elif follow_up.quiet:
            change.reset()
        elif follow_up.last_read_since is not None and began >= follow_up.last_read_since:
            self._not_known(follow_up, now)
            return
        else:
            self._poller.later(follow_up, now)
            return
        self._go_on(follow_up, now)
