"""The volumes of one run: where each of them stands, what is to be done next, and what was said."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState
from zvol.model import Outcome, Result, Trouble
from zvol.recovery import words
from zvol.recovery.protocol import advance
from zvol.recovery.states import Do, Event, GiveUp, Phase, Renewed, Say, Why
from zvol.recovery.track import FIRST_LOOK, Options, Track

if TYPE_CHECKING:
    from zvol.recovery.journal import Journal

SMALL: Final = 4
"""Up to so many volumes each job is asked at every look; beyond it, only when its volume does not come back."""


class Batch:
    """Feeds events to the protocol and sorts volumes by what it commands.

    `starting` are to be read first, `ready` want an intent, `outbox` have a durable one and wait for a free place,
    `watched` are read again and again, `unknown` were given up.  `renew` logs in again and tells whether that worked.
    """

    def __init__(self, tracks: Iterable[Track], options: Options, renew: Callable[[], bool] | None) -> None:
        self.options = options
        self.starting: deque[Track] = deque()
        self.ready: list[Track] = []
        self.outbox: deque[Track] = deque()
        self.watched: dict[str, Track] = {}
        self.results: deque[Result] = deque()
        self.unsaid: dict[str, Track] = {}
        self.journal: Journal | None = None
        self.run: str | None = None
        self.local: LocalState | None = None
        self.unknown: list[Track] = []
        self.stopping = False
        self._renew = renew
        self._renewed: bool | None = None
        for track in tracks:
            self.unsaid[track.uuid] = track
            if track.phase is Phase.START:
                self.starting.append(track)
            else:
                self.watched[track.uuid] = track
        self.small = len(self.unsaid) <= SMALL

    def feed(self, track: Track, event: Event) -> None:
        """Tell the protocol what happened, and obey it."""
        track.state, command = advance(track.state, event)
        match command:
            case Say():
                self._said(track, command)
            case Do.WATCH:
                self.watched[track.uuid] = track
            case Do.WRITE:
                self.watched.pop(track.uuid, None)
                self.ready.append(track)
            case Do.SEND:
                self.outbox.append(track)
            case Do.RENEW:
                self.feed(track, Renewed(self.renew()))
            case Do.CLOSE:  # pragma: no cover - nothing is watched any more once the word is said
                pass

    def end(self, track: Track, outcome: Outcome, trouble: Trouble | None = None) -> None:
        """Say the last word on a volume that nothing was sent for."""
        track.trouble = trouble
        self._said(track, Say(outcome))

    def renew(self) -> bool:
        """Log in again, once a run."""
        if self._renewed is None:
            self._renewed = bool(self._renew and self._renew())
        return self._renewed

    @property
    def renewable(self) -> bool:
        return self._renewed is None and self._renew is not None

    def soon(self, track: Track, now: float, wait: float = FIRST_LOOK) -> None:
        """Look at a volume again after `wait` seconds, and then less and less often."""
        track.wait = FIRST_LOOK
        track.next_look = now + wait

    def give_up_unsent(self, trouble: Trouble) -> None:
        """Say of everything that nothing was sent for that it was not sent."""
        for track in [*self.starting, *self.ready, *self.outbox]:
            track.trouble = trouble
            self.feed(track, GiveUp()) if track.phase is not Phase.SENDING else self._unsend(track)
        self.starting.clear()
        self.ready.clear()
        self.outbox.clear()

    def _unsend(self, track: Track) -> None:
        """An intent is durable and its PUT never left: that is certain."""
        first = track.state.sends == 1
        self._said(track, Say(Outcome.NOT_SENT if first else Outcome.UNKNOWN, Why.GAVE_UP))

    def _said(self, track: Track, word: Say) -> None:
        self.unsaid.pop(track.uuid, None)
        self.watched.pop(track.uuid, None)
        self.results.append(words.result(track, word))
        settled = track.phase not in (Phase.OPEN, Phase.LEFT)
        if track.phase is Phase.LEFT:
            self.unknown.append(track)
        if self.journal is None or self.run is None or not track.claimed:
            return
        if word.outcome is Outcome.NOT_SENT and self.stopping:
            self.journal.unsent(self.run, track.uuid)
        else:
            self.journal.said(self.run, track.uuid, word.outcome.value, settled=settled)
