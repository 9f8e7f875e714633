"""What is done once a volume is back: its user tags are created where they are missing, and it is put on its VM again.

Each request is work for the crew, like any other, and the journal knows of it before it leaves.  A change is sent once
and then settled by reading: what is true counts, not what its job says.
"""

from __future__ import annotations

import math
import queue
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import Exit, Refused, ZvolError
from zvol.model import Result
from zvol.recovery.changes import Change, ChangeCheck, ChangeState, Kind, nowhere, on_vm
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.follow_up_poller import FollowUpPoller
from zvol.recovery.follow_up_submitter import CHANGE_SECONDS, FollowUpStore, FollowUpSubmitter, stands
from zvol.recovery.follow_up_task import FollowUpTask
from zvol.recovery.volume_reader import LAST_READ
from zvol.recovery.worker_pool import Done, WorkerPool

if TYPE_CHECKING:
    from zvol.zstack.client import Client

PATIENCE: Final = 10.0
"""Seconds for which is looked again after a job said that it is done."""

CHECK: Final = 0.5
"""Seconds between two looks at the deadlines."""

PLACES: Final = 2
"""Requests at the same time for a volume that is alone."""


class FollowUps:
    """The follow-ups of all volumes of a run; `tell` gets each result when its follow-ups have ended."""

    def __init__(
        self,
        client: Client,
        pool: WorkerPool,
        clock: Clock,
        jitter: Callable[[], float],
        memory: FollowUpStore,
        tell: Callable[[Result], None],
        *,
        small: bool = True,
        api_timeout: float = 60.0,
        renew: Callable[[], bool] = lambda: False,
    ) -> None:
        self._pool, self._clock, self._memory, self._tell = pool, clock, memory, tell
        self.breaker = CircuitBreaker(jitter)
        self.open: dict[str, FollowUpTask] = {}
        self._posts = FollowUpSubmitter(client, pool, clock, self.breaker, memory, api_timeout=api_timeout, renew=renew)
        self._looks = FollowUpPoller(client, pool, clock, self.breaker, small=small, free=lambda: self._free)
        self._posts.look, self._posts.leave = self._looks.put, self._leave_all
        self._looks.seen, self._looks.refused = self._seen, self._posts.refused
        self._share = 1
        self._next_check = 0.0
        self._stopped = False

    @property
    def _free(self) -> int:
        return min(self._pool.free, self._share - self._posts.working - self._looks.working)

    def begin(self, follow_up: FollowUpTask) -> None:
        """Take a volume in."""
        self.open[follow_up.uuid] = follow_up
        self._go_on(follow_up, self._clock.monotonic())

    def tick(self, now: float, share: int) -> None:
        """Do what can be done now, with at most `share` requests at a time."""
        self._share = share
        if not self.open:
            return
        if now >= self._next_check:
            self._next_check = now + CHECK
            self._end_late(now)
        if not self.breaker.closed:
            self._posts.take_back(now)
        self._looks.tick(now)
        if self.breaker.closed and self._free > 0:
            self._posts.tick(now, self._free)

    def due(self) -> float:
        """Return the monotonic time at which there is something to do."""
        if not self.open or self._free <= 0:
            return math.inf
        return min(self._looks.due(), self._posts.due())

    # ---- the end -------------------------------------------------------------------------------------------------
    def stop(self, now: float, seconds: float) -> None:
        """Send nothing new, and watch what was sent for `seconds` more."""
        self._stopped = True
        for follow_up in list(self.open.values()):
            follow_up.deadline = min(follow_up.deadline, now + seconds)
            if stands(follow_up, ChangeState.PLANNED):
                self._go_on(follow_up, now)
            elif seconds <= 0:
                self._not_known(follow_up, now)

    def _end_late(self, now: float) -> None:
        closed = self.breaker.open_since
        should_give_up = self.breaker.submissions_failing(now, CHANGE_SECONDS) or (
            closed is not None and now - closed >= CHANGE_SECONDS
        )
        for follow_up in list(self.open.values()):
            change = follow_up.head
            if change is None:
                continue
            if change.stand is ChangeState.SENT:
                self._watched_for(follow_up, now)
            elif now >= follow_up.deadline:
                self._leave_all(follow_up, "time is up", Exit.UNREACHABLE)
            elif should_give_up or (follow_up.troubled is not None and now - follow_up.troubled >= CHANGE_SECONDS):
                self._out_of_reach(follow_up, self.breaker.reason if should_give_up else follow_up.reason)
        if should_give_up:
            self.breaker.record_success(
                now, put=True
            )  # what is left of them, and who comes later, has a minute of its own

    def _watched_for(self, follow_up: FollowUpTask, now: float) -> None:
        """Time is up for a change that was sent: it is looked at once more."""
        if follow_up.last is None and now >= follow_up.ends:
            follow_up.last = now
            self._looks.put(follow_up, now)
        elif follow_up.last is not None and now - follow_up.last >= LAST_READ:
            self._not_known(follow_up, now)

    def _not_known(self, follow_up: FollowUpTask, now: float) -> None:
        change = follow_up.head
        assert change is not None
        follow_up.leave(change, change.not_known, Exit.UNKNOWN)
        follow_up.last = None
        self._go_on(follow_up, now)

    def _leave_all(self, follow_up: FollowUpTask, why: str, exit: Exit) -> None:
        """What was not sent is left for a resumed run."""
        while (change := follow_up.head) is not None:
            follow_up.leave(change, f"{why}; nothing was sent", exit)
        self._end(follow_up)

    def _out_of_reach(self, follow_up: FollowUpTask, reason: str) -> None:
        change = follow_up.head
        assert change is not None
        if not follow_up.read or change.kind is Kind.ATTACH or follow_up.tags is not None:
            self._leave_all(follow_up, reason or "the server does not answer", Exit.UNREACHABLE)
        else:
            self._without_tags(follow_up, reason, self._clock.monotonic())

    def _without_tags(self, follow_up: FollowUpTask, reason: str, now: float) -> None:
        """An optional look-up that failed decides nothing: it is said, and that is all."""
        follow_up.notes.append(f"the user tags could not be looked at: {reason}")
        for change in follow_up.changes:
            if change.kind is Kind.TAG and not change.ended:
                change.stand = ChangeState.FAILED  # for a run that is killed now it stays planned
        follow_up.troubled = None
        self._go_on(follow_up, now)

    def _end(self, follow_up: FollowUpTask) -> None:
        self.open.pop(follow_up.uuid, None)
        self._looks.schedule.drop(follow_up)
        self._tell(follow_up.outcome(kept=self._memory.end(follow_up)))

    # ---- one volume ----------------------------------------------------------------------------------------------
    def _go_on(self, follow_up: FollowUpTask, now: float) -> None:
        """Go on with the first change that has not ended."""
        while (change := follow_up.head) is not None:
            if change.stand is ChangeState.SENT or (not follow_up.read and not self._stopped):
                self._looks.put(follow_up, now)
                return
            if self._stopped:
                follow_up.notes.append("zvol was stopped before it looked after tags and VM")
                follow_up.left += [one for one in follow_up.changes if not one.ended and one not in follow_up.left]
                break
            observation, why = self._sight(follow_up, change)
            if observation is None or (
                observation is ChangeCheck.NOT_YET and change.kind is Kind.ATTACH and not follow_up.fresh(now)
            ):
                self._looks.put(follow_up, now)
                return
            if observation is ChangeCheck.NOT_YET:
                self._posts.put(follow_up)
                return
            self._settle(follow_up, change, why, Exit.FAILED if why else Exit.OK)
        self._end(follow_up)

    def _sight(self, follow_up: FollowUpTask, change: Change) -> tuple[ChangeCheck | None, str]:
        """Say what the last look means for a change; None when there was none."""
        if change.kind is Kind.TAG:
            if follow_up.tags is None:
                return None, ""
            return (ChangeCheck.TRUE if change.value in follow_up.tags else ChangeCheck.NOT_YET), ""
        volume = follow_up.volume
        if not change.value and volume is not None and not volume.deleted:
            return (ChangeCheck.TRUE, "") if volume.text("vmInstanceUuid") else (ChangeCheck.BARRED, nowhere(volume))
        return on_vm(change, volume)

    def _settle(self, follow_up: FollowUpTask, change: Change, why: str = "", exit: Exit = Exit.OK) -> None:
        """A change is true, or will not be made: `why`."""
        follow_up.end(change, why, exit)
        follow_up.last = None
        self._memory.note(follow_up, change)

    def _seen(self, follow_up: FollowUpTask, began: float, error: ZvolError | None) -> None:
        """Take in a look at a volume or its tags, or what the server said instead."""
        change, now = follow_up.head, self._clock.monotonic()
        if change is None or self.open.get(follow_up.uuid) is not follow_up:
            return
        if error is not None:
            self._unseen(follow_up, change, error, now)
        elif not follow_up.still_there():
            self._end_changed(follow_up)
        elif change.stand is ChangeState.SENT:
            self._watch(follow_up, change, began, now)
        else:
            self._go_on(follow_up, now)

    def _end_changed(self, follow_up: FollowUpTask) -> None:
        """Somebody deleted the volume since an earlier run brought it back: nothing is done to it."""
        for change in follow_up.changes:
            change.stand = change.stand if change.ended else ChangeState.FAILED
        self._end(follow_up)

    def _unseen(self, follow_up: FollowUpTask, change: Change, error: ZvolError, now: float) -> None:
        if change.stand is ChangeState.SENT:
            self._looks.later(follow_up, now)
        elif follow_up.read and change.kind is Kind.TAG and follow_up.tags is None:
            self._without_tags(follow_up, error.message, now)
        elif isinstance(error, Refused):
            self._settle(follow_up, change, f"the volume could not be read: {error.message}", Exit.FAILED)
            self._go_on(follow_up, now)
        else:
            self._leave_all(follow_up, error.message, error.exit)

    def _watch(self, follow_up: FollowUpTask, change: Change, began: float, now: float) -> None:
        """A look at a change that was sent; the first reason to call it settled counts."""
        observation, why = self._sight(follow_up, change)
        heard = began >= change.heard
        if observation is ChangeCheck.TRUE:
            self._settle(follow_up, change)
        elif observation is ChangeCheck.BARRED:
            self._settle(follow_up, change, why, Exit.FAILED)
        elif change.refused is not None and heard:
            self._settle(follow_up, change, change.refused, change.refused_exit)
        elif change.done and began - change.heard >= PATIENCE:
            self._settle(follow_up, change, "the server says that it is done, and it is not so", Exit.CONTRADICTED)
        elif follow_up.quiet:
            change.again()
        elif follow_up.last is not None and began >= follow_up.last:
            self._not_known(follow_up, now)
            return
        else:
            self._looks.later(follow_up, now)
            return
        self._go_on(follow_up, now)


class NullFollowUpStore:
    """The memory of a command that is no run."""

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        pass

    def note(self, follow_up: FollowUpTask, change: Change) -> None:
        pass

    def end(self, follow_up: FollowUpTask) -> bool:
        del follow_up
        return False


def alone(client: Client, clock: Clock, follow_up: FollowUpTask, api_timeout: float) -> Result:
    """Make the changes of one volume, and wait for what comes of them."""
    inbox: queue.SimpleQueue[Done | None] = queue.SimpleQueue()
    pool = WorkerPool(PLACES, inbox, clock.monotonic)
    told: list[Result] = []
    followups = FollowUps(client, pool, clock, lambda: 1.0, NullFollowUpStore(), told.append, api_timeout=api_timeout)
    try:
        followups.begin(follow_up)
        while not told:
            now = clock.monotonic()
            followups.tick(now, PLACES)
            if not told:
                pool.wait(clock, min(CHECK, max(0.0, followups.due() - now)))
    finally:
        pool.shutdown()
    return told[0]
