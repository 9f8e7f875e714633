"""When the time of a volume is up: one more read of it, then its word."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.recovery import words
from zvol.recovery.reader import LAST_READ
from zvol.recovery.states import Phase

if TYPE_CHECKING:
    from zvol.model import Trouble
    from zvol.recovery.after import After
    from zvol.recovery.batch import Batch
    from zvol.recovery.gate import Gate
    from zvol.recovery.reader import Reader
    from zvol.recovery.track import Track

LAST_WATCH: Final = 10.0
"""Seconds for which open requests are watched after the first signal."""

HURRY: Final = (4.0, 0.5)
"""Seconds before the end at which everything open is read once more."""

PACE: Final = 1.0
"""Seconds between two looks at what is late, at most."""


class Ending:
    """Knows when each volume must end, and ends it."""

    def __init__(
        self, batch: Batch, reader: Reader, gate: Gate, after: After, land: Callable[[Track, float], None]
    ) -> None:
        self.batch, self.reader, self.gate, self.after = batch, reader, gate, after
        self._land = land
        self._next = 0.0
        self._stops_at = math.inf
        self._hurries = list(HURRY)

    def due(self) -> float:
        """Return when it is to be called again at the latest."""
        return min(self._next, self._stops_at - self._hurries[0]) if self._hurries else self._next

    def tick(self, now: float) -> None:
        """Begin the last read of those whose time is up, and say the word on those that had it."""
        if self.batch.stopping and self._hurries and now >= self._stops_at - self._hurries[0]:
            self._hurries.pop(0)
            self._hurry(now)
        if now < self._next:
            return
        tracks = [*self.batch.unsaid.values()]
        ends = {track: self._end_of(track) for track in tracks if track.final is None}
        self._begin([track for track, end in ends.items() if end <= now], now)
        for track in tracks:
            if track.final is not None and track.final <= now:
                self.batch.end_now(track)
        finals = [track.final for track in self.batch.unsaid.values() if track.final is not None]
        self._next = min([now + PACE, *finals, *(end for track, end in ends.items() if track.final is None)])
        if self.gate.closed_since is not None and not self.batch.small:
            self._next = now + PACE  # who ends in an outage shares a read with others

    def stop(self, now: float) -> None:
        """A signal came: what is open ends soon, and has no time for growing delays."""
        self._stops_at = now + LAST_WATCH
        self.gate.until = min(self.gate.until, now)
        for track in self.batch.unsaid.values():
            track.deadline = min(track.deadline or math.inf, self._stops_at)
            if track.apart:
                self.batch.agenda.put(track, now)
        self.after.stop(now, LAST_WATCH)

    # ---- inside --------------------------------------------------------------------------------------------------
    def _end_of(self, track: Track) -> float:
        end = self.batch.end_of(track)
        if track.ailing is not None and track.phase is Phase.START and self.gate.open:
            end = min(end, max(track.ailing, self.gate.opened_at) + self.gate.patience)
        return end

    def _begin(self, tracks: list[Track], now: float) -> None:
        """Have volumes read for the last time, wherever they wait."""
        last: list[Track] = []
        for track in tracks:
            if self.batch.stopping and track.looked_at >= self._stops_at - HURRY[0]:
                track.final = now
                continue
            track.time_up, track.final = self._why(track), now + LAST_READ
            self._take(track, now)
            last.append(track)
        self.reader.read_last(last)

    def _take(self, track: Track, now: float) -> None:
        """Take a volume out of where it waits."""
        if track.flying:
            self._land(track, now)
        elif track.waits_to_send and track.phase is not Phase.START:
            self.batch.take_back(track)
        self.batch.agenda.drop(track)

    def _why(self, track: Track) -> Trouble:
        """Say what a volume waited for that was never sent."""
        gate = self.gate
        if track.ailing is not None and gate.closed_since is None:
            return words.unreadable(min(gate.patience, self.batch.options.timeout), track)
        if gate.closed_since is not None:
            waited = f"the server could not be asked ({gate.reason})"
        elif gate.doubtful_since is not None:
            waited = f"no change was answered clearly ({gate.put_reason})"
        else:
            waited = "it was not read yet" if track.read_at is None else "others came first"
        return words.time_up(self.batch.options.timeout, waited, track)

    def _hurry(self, now: float) -> None:
        """Read all that is open once more before it ends, also what has a PUT on its way."""
        tracks = [track for track in self.batch.unsaid.values() if track.flying or track.watched]
        for track in tracks:
            self._take(track, now)
        self.reader.read_last(tracks)
