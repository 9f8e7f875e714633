"""The volumes of one run: where each of them stands, what is to be done next, and what was said."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState, ZvolError
from zvol.model import Outcome, Result
from zvol.recovery import outcomes
from zvol.recovery.changes import planned
from zvol.recovery.poll_schedule import PollSchedule
from zvol.recovery.protocol import advance
from zvol.recovery.states import (
    Command,
    Conclude,
    Event,
    GiveUp,
    Observation,
    Observed,
    Phase,
    ReadExpired,
    Reason,
    SessionRenewed,
)
from zvol.recovery.task import Options, VolumeTask

if TYPE_CHECKING:
    from zvol.journal.journal import Journal

SMALL: Final = 4
"""Up to so many volumes each job is asked at every look; beyond it, only when its volume does not come back."""


class Batch:
    """Feeds events to the protocol and sorts volumes by what it commands.

    `unread` are to be read for the first time, `first` has those of them on whose read the others wait; `found` were
    read, are deleted and not yet claimed; `queue` are claimed, the most urgent first; `ready` want an intent; `outbox`
    have a durable one and wait for a free place; `agenda` has those that are read again and again; `open` are those
    that may keep the server busy; `unknown` were given up.  `clear_at`: when a change was last answered clearly, or the
    run began.  `denied`: the server does not let us read, so that only the jobs can tell.  `renew` logs in again and
    tells whether that worked.  `runs` are the runs of the journal that are ours, `run` the one we began.
    `follow` takes a volume that is back and has follow-ups, whose result is told when those have ended.
    `left` were read and left as they are; `elsewhere` tells whether runs of another server or account have sent
    something for a volume that may still act.
    """

    def __init__(self, tasks: Iterable[VolumeTask], options: Options, renew: Callable[[], bool] | None) -> None:
        self.options = options
        self.unread: deque[VolumeTask] = deque()
        self.found: list[VolumeTask] = []
        self.queue: deque[VolumeTask] = deque()
        self.ready: deque[VolumeTask] = deque()
        self.outbox: deque[VolumeTask] = deque()
        self.schedule: PollSchedule[VolumeTask] = PollSchedule()
        self.open: dict[str, VolumeTask] = {}
        self.pending: dict[str, VolumeTask] = {}
        self.urgent: deque[VolumeTask] = deque()
        self.results: deque[Result] = deque()
        self.journal: Journal | None = None
        self.run: str | None = None
        self.runs: list[str] = []
        self.local: LocalState | None = None
        self.unknown: list[VolumeTask] = []
        self.left: list[VolumeTask] = []
        self.closing: ZvolError | None = None
        self.stopping = False
        self.denied = False
        self.elsewhere: Callable[[str], bool] = lambda _uuid: False
        self._renew = renew
        self._renewed: bool | None = None
        self.follow_up: Callable[[VolumeTask, Result], bool] = lambda _track, _result: False
        for task in tasks:
            self.pending[task.uuid] = task
            if task.phase is Phase.START:
                self.unread.append(task)
            else:
                self.schedule.put(task, 0.0)
        self.first = {task.uuid for task in self.unread}
        self.clear_at = 0.0
        self.small = len(self.pending) <= SMALL

    # ---- what happens to one volume ------------------------------------------------------------------------------
    def feed(self, task: VolumeTask, event: Event) -> None:
        """Tell the protocol what happened, and obey it."""
        task.state, command = advance(task.state, event)
        match command:
            case Conclude():
                self._said(task, command)
            case Command.POLL if task.phase is Phase.START:
                self.queue.appendleft(task)
            case Command.POLL:
                self.schedule.keep(task)
            case Command.WRITE:
                self._write(task)
            case Command.SEND:
                self.open[task.uuid] = task
                self.outbox.append(task)
            case Command.RENEW:
                self.feed(task, SessionRenewed(self.renew()))

    def end(self, task: VolumeTask, outcome: Outcome, error: ZvolError | None = None) -> None:
        """Say the last word on a volume that nothing was sent for."""
        task.error = error
        self._said(task, Conclude(outcome))

    def plan(self, task: VolumeTask) -> None:
        """Have the journal remember, with the next commit, what is to be done once the volume is back."""
        task.followups = task.followups or tuple(planned(task.request, task.volume))
        if self.journal is not None and task.run is not None:
            self.journal.plan_followups(task.run, task.uuid, [(one.kind, one.value) for one in task.followups])

    def leave(self, task: VolumeTask) -> None:
        """Leave a volume as it is, without a word: what it is in the journal it stays."""
        self.pending.pop(task.uuid, None)
        self.left.append(task)

    def end_of(self, task: VolumeTask) -> float:
        """Return when the time of a volume is up: so long after its first PUT, or, without one, after `clear_at`."""
        if task.never_sent:
            return self.clear_at + self.options.timeout
        return math.inf if task.deadline is None else task.deadline

    def time_left(self, task: VolumeTask, now: float) -> float:
        """Return for how many seconds a volume may still be waited for."""
        return self.end_of(task) - now

    def take_back(self, task: VolumeTask) -> None:
        """Have a volume read again before its PUT leaves; the intent that was written for it is void."""
        if task.phase is Phase.SENDING and self.journal is not None and task.job is not None:
            self.journal.settle_intent(task.job)
        self.open.pop(task.uuid, None)
        task.next_look = 0.0
        self.feed(task, ReadExpired())
        if not task.state.sends:
            task.job = None

    def take_all_back(self) -> None:
        for waiting, phase in ((self.outbox, Phase.SENDING), (self.ready, Phase.INTENT)):
            for task in [*self.pop(waiting, phase)]:
                self.take_back(task)

    def give_up(self, task: VolumeTask, error: ZvolError | None) -> None:
        """Time is up for a volume; one that was just seen back only lacks the word of its job.

        `error` says why, where nothing was sent.
        """
        if task.phase is Phase.POLL and task.job_grace_polls and task.volume is not None and not task.volume.deleted:
            self.feed(task, Observed(Observation.BACK, job=task.job_status))
            return
        if task.phase is Phase.SENDING and not task.flying:
            self.take_back(task)
        task.error = error
        self.feed(task, GiveUp())

    def end_now(self, task: VolumeTask) -> None:
        """Say the word on a volume whose time is up, if it was not said yet."""
        if task.uuid in self.pending:
            self.give_up(task, task.time_up)

    def give_up_pending(self, error: ZvolError) -> None:
        """Say of everything whose PUT has not left that it was not sent, now and from now on."""
        self.closing = error
        for task in [t for t in self.pending.values() if t.waits_to_send]:
            self.give_up(task, error)

    def renew(self) -> bool:
        """Log in again, once a run."""
        if self._renewed is None:
            self._renewed = bool(self._renew and self._renew())
        return self._renewed

    @property
    def renewable(self) -> bool:
        return self._renewed is None and self._renew is not None

    # ---- what is next --------------------------------------------------------------------------------------------
    def pop(self, waiting: deque[VolumeTask], phase: Phase) -> Iterator[VolumeTask]:
        """Take volumes out of a queue; those that were said or sorted elsewhere, or end now, are passed over."""
        while waiting:
            task = waiting.popleft()
            if task.phase is phase and task.uuid in self.pending and task.final is None:
                yield task

    def head(self) -> VolumeTask | None:
        """Return the first of the queue."""
        for task in self.pop(self.queue, Phase.START):
            self.queue.appendleft(task)
            return task
        return None

    def most_urgent(self) -> VolumeTask | None:
        """Return the volume that is destroyed first of those that are left; None before they were sorted."""
        while self.urgent and self.urgent[0].uuid not in self.pending:
            self.urgent.popleft()
        return self.urgent[0] if self.urgent else None

    # ---- inside --------------------------------------------------------------------------------------------------
    def _write(self, task: VolumeTask) -> None:
        self.schedule.drop(task)
        if self.closing is not None:
            task.error = self.closing
            self.feed(task, GiveUp())
        elif task.state.sends:
            self.ready.appendleft(task)  # it has waited before
        else:
            self.ready.append(task)

    def _said(self, task: VolumeTask, word: Conclude) -> None:
        self.pending.pop(task.uuid, None)
        self.first.discard(task.uuid)
        self.open.pop(task.uuid, None)
        self.schedule.drop(task)
        result = outcomes.result(task, word)
        if not self.follow_up(task, result):
            self.results.append(result)
        settled = task.phase not in (Phase.UNSETTLED, Phase.UNRESOLVED)
        if task.phase is Phase.UNRESOLVED:
            self.unknown.append(task)
        if self.journal is None or task.run is None or not task.claimed:
            return
        undone = word.outcome is Outcome.NOT_SENT or (word.why is Reason.GAVE_UP and task.phase is Phase.DONE)
        if undone:
            self.journal.record_not_sent(task.run, task.uuid)
        else:
            self.journal.record_outcome(task.run, task.uuid, word.outcome.value, settled=settled)
