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
from zvol.recovery.changes import Change, Kind, Sight, Stand, nowhere, on_vm
from zvol.recovery.crew import Crew, Done
from zvol.recovery.follow import Follow
from zvol.recovery.gate import Gate
from zvol.recovery.looks import Looks
from zvol.recovery.posts import CHANGE_SECONDS, Memory, Posts, stands
from zvol.recovery.reader import LAST_READ

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
        crew: Crew,
        clock: Clock,
        jitter: Callable[[], float],
        memory: Memory,
        tell: Callable[[Result], None],
        *,
        small: bool = True,
        api_timeout: float = 60.0,
        renew: Callable[[], bool] = lambda: False,
    ) -> None:
        self._crew, self._clock, self._memory, self._tell = crew, clock, memory, tell
        self.gate = Gate(jitter)
        self.open: dict[str, Follow] = {}
        self._posts = Posts(client, crew, clock, self.gate, memory, api_timeout=api_timeout, renew=renew)
        self._looks = Looks(client, crew, clock, self.gate, small=small, free=lambda: self._free)
        self._posts.look, self._posts.leave = self._looks.put, self._leave_all
        self._looks.seen, self._looks.refused = self._seen, self._posts.refused
        self._share = 1
        self._next_check = 0.0
        self._stopped = False

    @property
    def _free(self) -> int:
        return min(self._crew.free, self._share - self._posts.working - self._looks.working)

    def begin(self, follow: Follow) -> None:
        """Take a volume in."""
        self.open[follow.uuid] = follow
        self._go_on(follow, self._clock.monotonic())

    def tick(self, now: float, share: int) -> None:
        """Do what can be done now, with at most `share` requests at a time."""
        self._share = share
        if not self.open:
            return
        if now >= self._next_check:
            self._next_check = now + CHECK
            self._end_late(now)
        if not self.gate.open:
            self._posts.take_back(now)
        self._looks.tick(now)
        if self.gate.open and self._free > 0:
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
        for follow in list(self.open.values()):
            follow.deadline = min(follow.deadline, now + seconds)
            if stands(follow, Stand.PLANNED):
                self._go_on(follow, now)
            elif seconds <= 0:
                self._not_known(follow, now)

    def _end_late(self, now: float) -> None:
        closed = self.gate.closed_since
        hopeless = self.gate.barren(now, CHANGE_SECONDS) or (closed is not None and now - closed >= CHANGE_SECONDS)
        for follow in list(self.open.values()):
            change = follow.head
            if change is None:
                continue
            if change.stand is Stand.SENT:
                self._watched_for(follow, now)
            elif now >= follow.deadline:
                self._leave_all(follow, "time is up", Exit.UNREACHABLE)
            elif hopeless or (follow.troubled is not None and now - follow.troubled >= CHANGE_SECONDS):
                self._out_of_reach(follow, self.gate.reason if hopeless else follow.reason)
        if hopeless:
            self.gate.good(now, put=True)  # what is left of them, and who comes later, has a minute of its own

    def _watched_for(self, follow: Follow, now: float) -> None:
        """Time is up for a change that was sent: it is looked at once more."""
        if follow.last is None and now >= follow.ends:
            follow.last = now
            self._looks.put(follow, now)
        elif follow.last is not None and now - follow.last >= LAST_READ:
            self._not_known(follow, now)

    def _not_known(self, follow: Follow, now: float) -> None:
        change = follow.head
        assert change is not None
        follow.leave(change, change.not_known, Exit.UNKNOWN)
        follow.last = None
        self._go_on(follow, now)

    def _leave_all(self, follow: Follow, why: str, exit: Exit) -> None:
        """What was not sent is left for a resumed run."""
        while (change := follow.head) is not None:
            follow.leave(change, f"{why}; nothing was sent", exit)
        self._end(follow)

    def _out_of_reach(self, follow: Follow, reason: str) -> None:
        change = follow.head
        assert change is not None
        if not follow.read or change.kind is Kind.ATTACH or follow.tags is not None:
            self._leave_all(follow, reason or "the server does not answer", Exit.UNREACHABLE)
        else:
            self._without_tags(follow, reason, self._clock.monotonic())

    def _without_tags(self, follow: Follow, reason: str, now: float) -> None:
        """An optional look-up that failed decides nothing: it is said, and that is all."""
        follow.notes.append(f"the user tags could not be looked at: {reason}")
        for change in follow.changes:
            if change.kind is Kind.TAG and not change.ended:
                change.stand = Stand.FAILED  # for a run that is killed now it stays planned
        follow.troubled = None
        self._go_on(follow, now)

    def _end(self, follow: Follow) -> None:
        self.open.pop(follow.uuid, None)
        self._looks.agenda.drop(follow)
        self._tell(follow.outcome(kept=self._memory.end(follow)))

    # ---- one volume ----------------------------------------------------------------------------------------------
    def _go_on(self, follow: Follow, now: float) -> None:
        """Go on with the first change that has not ended."""
        while (change := follow.head) is not None:
            if change.stand is Stand.SENT or (not follow.read and not self._stopped):
                self._looks.put(follow, now)
                return
            if self._stopped:
                follow.notes.append("zvol was stopped before it looked after tags and VM")
                follow.left += [one for one in follow.changes if not one.ended and one not in follow.left]
                break
            sight, why = self._sight(follow, change)
            if sight is None or (sight is Sight.NOT_YET and change.kind is Kind.ATTACH and not follow.fresh(now)):
                self._looks.put(follow, now)
                return
            if sight is Sight.NOT_YET:
                self._posts.put(follow)
                return
            self._settle(follow, change, why, Exit.FAILED if why else Exit.OK)
        self._end(follow)

    def _sight(self, follow: Follow, change: Change) -> tuple[Sight | None, str]:
        """Say what the last look means for a change; None when there was none."""
        if change.kind is Kind.TAG:
            if follow.tags is None:
                return None, ""
            return (Sight.TRUE if change.value in follow.tags else Sight.NOT_YET), ""
        volume = follow.volume
        if not change.value and volume is not None and not volume.deleted:
            return (Sight.TRUE, "") if volume.text("vmInstanceUuid") else (Sight.BARRED, nowhere(volume))
        return on_vm(change, volume)

    def _settle(self, follow: Follow, change: Change, why: str = "", exit: Exit = Exit.OK) -> None:
        """A change is true, or will not be made: `why`."""
        follow.end(change, why, exit)
        follow.last = None
        self._memory.note(follow, change)

    def _seen(self, follow: Follow, began: float, error: ZvolError | None) -> None:
        """Take in a look at a volume or its tags, or what the server said instead."""
        change, now = follow.head, self._clock.monotonic()
        if change is None or self.open.get(follow.uuid) is not follow:
            return
        if error is not None:
            self._unseen(follow, change, error, now)
        elif not follow.still_there():
            self._end_changed(follow)
        elif change.stand is Stand.SENT:
            self._watch(follow, change, began, now)
        else:
            self._go_on(follow, now)

    def _end_changed(self, follow: Follow) -> None:
        """Somebody deleted the volume since an earlier run brought it back: nothing is done to it."""
        for change in follow.changes:
            change.stand = change.stand if change.ended else Stand.FAILED
        self._end(follow)

    def _unseen(self, follow: Follow, change: Change, error: ZvolError, now: float) -> None:
        if change.stand is Stand.SENT:
            self._looks.later(follow, now)
        elif follow.read and change.kind is Kind.TAG and follow.tags is None:
            self._without_tags(follow, error.message, now)
        elif isinstance(error, Refused):
            self._settle(follow, change, f"the volume could not be read: {error.message}", Exit.FAILED)
            self._go_on(follow, now)
        else:
            self._leave_all(follow, error.message, error.exit)

    def _watch(self, follow: Follow, change: Change, began: float, now: float) -> None:
        """A look at a change that was sent; the first reason to call it settled counts."""
        sight, why = self._sight(follow, change)
        heard = began >= change.heard
        if sight is Sight.TRUE:
            self._settle(follow, change)
        elif sight is Sight.BARRED:
            self._settle(follow, change, why, Exit.FAILED)
        elif change.refused is not None and heard:
            self._settle(follow, change, change.refused, change.refused_exit)
        elif change.done and began - change.heard >= PATIENCE:
            self._settle(follow, change, "the server says that it is done, and it is not so", Exit.CONTRADICTED)
        elif follow.quiet:
            change.again()
        elif follow.last is not None and began >= follow.last:
            self._not_known(follow, now)
            return
        else:
            self._looks.later(follow, now)
            return
        self._go_on(follow, now)


class Forgetful:
    """The memory of a command that is no run."""

    def before(self, follows: Sequence[Follow]) -> None:
        pass

    def note(self, follow: Follow, change: Change) -> None:
        pass

    def end(self, follow: Follow) -> bool:
        del follow
        return False


def alone(client: Client, clock: Clock, follow: Follow, api_timeout: float) -> Result:
    """Make the changes of one volume, and wait for what comes of them."""
    inbox: queue.SimpleQueue[Done | None] = queue.SimpleQueue()
    crew = Crew(PLACES, inbox, clock.monotonic)
    told: list[Result] = []
    followups = FollowUps(client, crew, clock, lambda: 1.0, Forgetful(), told.append, api_timeout=api_timeout)
    try:
        followups.begin(follow)
        while not told:
            now = clock.monotonic()
            followups.tick(now, PLACES)
            if not told:
                crew.wait(clock, min(CHECK, max(0.0, followups.due() - now)))
    finally:
        crew.dismiss()
    return told[0]
