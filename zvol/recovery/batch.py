"""The volumes of one run: where each of them stands, what is to be done next, and what was said."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState
from zvol.model import Outcome, Result, Trouble
from zvol.recovery import words
from zvol.recovery.agenda import Agenda
from zvol.recovery.changes import planned
from zvol.recovery.protocol import advance
from zvol.recovery.states import Do, Event, GiveUp, Look, Phase, Renewed, Say, Sight, Stale, Why
from zvol.recovery.track import Options, Track

if TYPE_CHECKING:
    from zvol.recovery.journal import Journal

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

    def __init__(self, tracks: Iterable[Track], options: Options, renew: Callable[[], bool] | None) -> None:
        self.options = options
        self.unread: deque[Track] = deque()
        self.found: list[Track] = []
        self.queue: deque[Track] = deque()
        self.ready: deque[Track] = deque()
        self.outbox: deque[Track] = deque()
        self.agenda: Agenda[Track] = Agenda()
        self.open: dict[str, Track] = {}
        self.unsaid: dict[str, Track] = {}
        self.urgent: deque[Track] = deque()
        self.results: deque[Result] = deque()
        self.journal: Journal | None = None
        self.run: str | None = None
        self.runs: list[str] = []
        self.local: LocalState | None = None
        self.unknown: list[Track] = []
        self.left: list[Track] = []
        self.closing: Trouble | None = None
        self.stopping = False
        self.denied = False
        self.elsewhere: Callable[[str], bool] = lambda _uuid: False
        self._renew = renew
        self._renewed: bool | None = None
        self.follow: Callable[[Track, Result], bool] = lambda _track, _result: False
        for track in tracks:
            self.unsaid[track.uuid] = track
            if track.phase is Phase.START:
                self.unread.append(track)
            else:
                self.agenda.put(track, 0.0)
        self.first = {track.uuid for track in self.unread}
        self.clear_at = 0.0
        self.small = len(self.unsaid) <= SMALL

    # ---- what happens to one volume ------------------------------------------------------------------------------
    def feed(self, track: Track, event: Event) -> None:
        """Tell the protocol what happened, and obey it."""
        track.state, command = advance(track.state, event)
        match command:
            case Say():
                self._said(track, command)
            case Do.WATCH if track.phase is Phase.START:
                self.queue.appendleft(track)
            case Do.WATCH:
                self.agenda.keep(track)
            case Do.WRITE:
                self._write(track)
            case Do.SEND:
                self.open[track.uuid] = track
                self.outbox.append(track)
            case Do.RENEW:
                self.feed(track, Renewed(self.renew()))
            case Do.CLOSE:  # pragma: no cover - nothing is watched any more once the word is said
                pass

    def end(self, track: Track, outcome: Outcome, trouble: Trouble | None = None) -> None:
        """Say the last word on a volume that nothing was sent for."""
        track.trouble = trouble
        self._said(track, Say(outcome))

    def plan(self, track: Track) -> None:
        """Have the journal remember, with the next commit, what is to be done once the volume is back."""
        track.followups = track.followups or tuple(planned(track.request, track.volume))
        if self.journal is not None and track.run is not None:
            self.journal.plan_followups(track.run, track.uuid, [(one.kind, one.value) for one in track.followups])

    def leave(self, track: Track) -> None:
        """Leave a volume as it is, without a word: what it is in the journal it stays."""
        self.unsaid.pop(track.uuid, None)
        self.left.append(track)

    def end_of(self, track: Track) -> float:
        """Return when the time of a volume is up: so long after its first PUT, or, without one, after `clear_at`."""
        if track.never_sent:
            return self.clear_at + self.options.timeout
        return math.inf if track.deadline is None else track.deadline

    def time_left(self, track: Track, now: float) -> float:
        """Return for how many seconds a volume may still be waited for."""
        return self.end_of(track) - now

    def take_back(self, track: Track) -> None:
        """Have a volume read again before its PUT leaves; the intent that was written for it is void."""
        if track.phase is Phase.SENDING and self.journal is not None and track.job is not None:
            self.journal.settle(track.job)
        self.open.pop(track.uuid, None)
        track.next_look = 0.0
        self.feed(track, Stale())
        if not track.state.sends:
            track.job = None

    def take_all_back(self) -> None:
        for waiting, phase in ((self.outbox, Phase.SENDING), (self.ready, Phase.INTENT)):
            for track in [*self.pop(waiting, phase)]:
                self.take_back(track)

    def give_up(self, track: Track, trouble: Trouble | None) -> None:
        """Time is up for a volume; one that was just seen back only lacks the word of its job.

        `trouble` says why, where nothing was sent.
        """
        if track.phase is Phase.WATCH and track.grace and track.volume is not None and not track.volume.deleted:
            self.feed(track, Look(Sight.BACK, job=track.job_seen))
            return
        if track.phase is Phase.SENDING and not track.flying:
            self.take_back(track)
        track.trouble = trouble
        self.feed(track, GiveUp())

    def end_now(self, track: Track) -> None:
        """Say the word on a volume whose time is up, if it was not said yet."""
        if track.uuid in self.unsaid:
            self.give_up(track, track.time_up)

    def give_up_unsent(self, trouble: Trouble) -> None:
        """Say of everything whose PUT has not left that it was not sent, now and from now on."""
        self.closing = trouble
        for track in [t for t in self.unsaid.values() if t.waits_to_send]:
            self.give_up(track, trouble)

    def renew(self) -> bool:
        """Log in again, once a run."""
        if self._renewed is None:
            self._renewed = bool(self._renew and self._renew())
        return self._renewed

    @property
    def renewable(self) -> bool:
        return self._renewed is None and self._renew is not None

    # ---- what is next --------------------------------------------------------------------------------------------
    def pop(self, waiting: deque[Track], phase: Phase) -> Iterator[Track]:
        """Take volumes out of a queue; those that were said or sorted elsewhere, or end now, are passed over."""
        while waiting:
            track = waiting.popleft()
            if track.phase is phase and track.uuid in self.unsaid and track.final is None:
                yield track

    def head(self) -> Track | None:
        """Return the first of the queue."""
        for track in self.pop(self.queue, Phase.START):
            self.queue.appendleft(track)
            return track
        return None

    def most_urgent(self) -> Track | None:
        """Return the volume that is destroyed first of those that are left; None before they were sorted."""
        while self.urgent and self.urgent[0].uuid not in self.unsaid:
            self.urgent.popleft()
        return self.urgent[0] if self.urgent else None

    # ---- inside --------------------------------------------------------------------------------------------------
    def _write(self, track: Track) -> None:
        self.agenda.drop(track)
        if self.closing is not None:
            track.trouble = self.closing
            self.feed(track, GiveUp())
        elif track.state.sends:
            self.ready.appendleft(track)  # it has waited before
        else:
            self.ready.append(track)

    def _said(self, track: Track, word: Say) -> None:
        self.unsaid.pop(track.uuid, None)
        self.first.discard(track.uuid)
        self.open.pop(track.uuid, None)
        self.agenda.drop(track)
        result = words.result(track, word)
        if not self.follow(track, result):
            self.results.append(result)
        settled = track.phase not in (Phase.OPEN, Phase.LEFT)
        if track.phase is Phase.LEFT:
            self.unknown.append(track)
        if self.journal is None or track.run is None or not track.claimed:
            return
        undone = word.outcome is Outcome.NOT_SENT or (word.why is Why.GAVE_UP and track.phase is Phase.DONE)
        if undone:
            self.journal.unsent(track.run, track.uuid)
        else:
            self.journal.said(track.run, track.uuid, word.outcome.value, settled=settled)
