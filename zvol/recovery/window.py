"""Limits the volumes under way on the server, PUT sent and not seen back, to what that server does best.

`window_size.py` searches the best size by trials.  A trial times some of the volumes that are sent with one size: their
pace is how many were under way, divided by their mean time from PUT to back (Little's law).  The last ones do not
count: they may be lost.  When the age of what is under way shows that the pace dropped sharply, the search starts anew.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from itertools import takewhile
from typing import Final, NamedTuple

from zvol.recovery.poll_times import FIRST_JOB_POLL
from zvol.recovery.read_pace import ReadPace
from zvol.recovery.window_size import FIRST, LARGEST, WindowSize

TIMED: Final = (8, 64)
"""Volumes that are timed in a trial, at least and at most; else as many as the window holds, or half as many again."""

COUNTED: Final = 7 / 8
"""The part of these that is counted: those that come back first."""

FILLED: Final = 0.85
"""The part of the window that must be used for its pace to be judged."""

LATE: Final = (0.5, 4.0)
"""Seconds, or else a multiple of the usual time from PUT to back, after which it is odd that a volume is not back."""

SILENCE: Final = 0.2
"""Seconds after which the size doubles if no volume was ever back; each time as many again."""

SOON: Final = 5.0
"""Usual seconds from PUT to back up to which intents are recorded ahead: a PUT needs a read that is still new."""

SLOW: Final = 10.0
"""Usual seconds from PUT to back beyond which the smallest sizes are tried: what waits for long may be lost."""

BURST: Final = 1 / 8
"""The part of the window that may leave at once: what leaves together comes back together, and the server idles."""


class Flight(NamedTuple):
    """A volume under way: when its PUT left, the volume-seconds under way until then, and the trial that times it."""

    at: float
    area: float
    trial: int


class Window:
    """Holds the volumes under way, `most` at most; times are monotonic seconds.

    A volume is set aside, and takes no place any more, once twice as many as the window holds have overtaken it, or no
    volume at all comes back for long: it may be lost.  Those set aside and those under way are never more than LARGEST.
    """

    def __init__(self, most: int = LARGEST, first: int = FIRST) -> None:
        self._sizes, self._reads = WindowSize(most, first), ReadPace()
        self._under_way: dict[Hashable, Flight] = {}
        self._aside: set[Hashable] = set()
        self._overtaken = Counter[Hashable]()
        self._area = self._area_at = 0.0
        self._usual = 0.0
        self._silence = SILENCE * first / FIRST
        self._heard_at, self._silences = 0.0, 0
        self._shrunk_at = self._send_at = -math.inf
        self._trial = 0
        self._next_trial()

    def __contains__(self, volume: Hashable) -> bool:
        return volume in self._under_way or volume in self._aside

    # ---- what may be sent ----------------------------------------------------------------------------------------
    @property
    def size(self) -> int:
        return self._sizes.size

    @property
    def usual(self) -> float:
        """The seconds that a volume takes from PUT to back; 0.0 if that is not known."""
        return self._usual

    @property
    def room(self) -> int:
        """The number of further volumes that may be sent."""
        return min(self.size, LARGEST - len(self._aside)) - len(self._under_way)

    @property
    def ahead(self) -> int:
        """The number of intents that may be recorded for volumes that have no room yet."""
        return self.size if self._usual <= SOON else 0

    @property
    def due(self) -> float:
        """When the next PUT may leave; infinity without room."""
        return self._send_at - int(self.size * BURST) * self._gap if self.room > 0 else math.inf

    @property
    def _gap(self) -> float:
        """The seconds between two PUTs: a whole window leaves in half the usual time, once the size has settled."""
        return 0.0 if self._sizes.rising else self._usual / self.size / 2

    @property
    def late(self) -> float:
        """The seconds after its PUT from which it is odd that a volume is not back."""
        return max(LATE[0], LATE[1] * self._usual) if self._usual else FIRST_JOB_POLL

    @property
    def silent_at(self) -> float:
        """When `tick` sets volumes aside unless one is back; infinity when there are none."""
        patience = (self.late if self._usual else self._silence) * 2**self._silences
        return self._heard_at + patience if self._under_way else math.inf

    def between_reads(self, now: float) -> float:
        """Return the seconds between two reads of what is under way, so that each finds some volumes back."""
        return self._reads.wait(len(self._under_way) + len(self._aside), self._usual, now - self._heard_at)

    # ---- what happened -------------------------------------------------------------------------------------------
    def sent(self, volume: Hashable, now: float) -> None:
        """Record that the PUT of a volume leaves."""
        self._advance(now)
        if not self._under_way:
            self._heard_at = now
        self._reads.begins(now)
        timed = self._to_time > 0
        self._to_time -= timed
        self._under_way[volume] = Flight(now, self._area, self._trial if timed else -1)
        self._send_at = max(self._send_at, now) + self._gap

    def back(self, volume: Hashable, now: float) -> None:
        """Record that a volume was seen back."""
        self._advance(now)
        if volume in self:
            self._reads.found()
            self._heard_at, self._silences = now, 0
        flight = self._remove(volume)
        if flight is None:
            return
        earlier = takewhile(lambda volume: self._under_way[volume].at < flight.at, self._under_way)
        self._overtaken.update(overtaken := [*earlier])
        for other in overtaken:
            if self._overtaken[other] > 2 * self.size:
                self._set_aside(other)
        if flight.trial == self._trial:
            self._times.append((now - flight.at, self._area - flight.area))
            if len(self._times) >= self._counted:
                self._judge()

    def dropped(self, volume: Hashable) -> None:
        """Record that the server does not work on a volume, or that this is not known."""
        flight = self._remove(volume)
        self._to_time += flight is not None and flight.trial == self._trial

    def forget(self) -> None:
        """Record that the server works on nothing of ours any more."""
        for volume in [*self._under_way, *self._aside]:
            self.dropped(volume)

    def was_read(self, now: float, batch: int) -> None:
        """Record that a read was handled, and start anew if it showed that the server has become much slower.

        `batch` is how many volumes a request may name.
        """
        self._advance(now)
        self._reads.was_read(now, batch)
        ages = sorted((now - one.at, self._area - one.area) for one in self._under_way.values())
        known = ages[: math.ceil(COUNTED * len(ages))]
        if 2 * len(ages) >= self.size and self._sizes.dropped(_pace(known)):
            self._usual = max(self._usual, known[len(known) // 2][0])
            self._sizes.restart()
            self._next_trial()

    def unclear(self, began: float, now: float, *, too_many: bool) -> None:
        """Halve the size, once for all requests in flight: one was not answered clearly, or they were `too_many`."""
        if began > self._shrunk_at:
            self._shrunk_at = now
            self._sizes.halve(1 if too_many else FIRST)
            self._next_trial()

    def tick(self, now: float) -> None:
        """Set volumes aside if none comes back; or send more, if nothing is known of this server."""
        self._advance(now)
        if now >= self.silent_at:
            self._silences += 1
            if self._usual:
                for volume in [*self._under_way]:
                    self._set_aside(volume)
            else:
                self._sizes.double()

    # ---- inside --------------------------------------------------------------------------------------------------
    def _advance(self, now: float) -> None:
        self._area += len(self._under_way) * max(0.0, now - self._area_at)
        self._area_at = now

    def _remove(self, volume: Hashable) -> Flight | None:
        self._aside.discard(volume)
        self._overtaken.pop(volume, None)
        return self._under_way.pop(volume, None)

    def _set_aside(self, volume: Hashable) -> None:
        self.dropped(volume)
        self._aside.add(volume)

    @property
    def _counted(self) -> int:
        """The number of timed volumes from which their pace is known."""
        return math.ceil(COUNTED * self._timed)

    def _next_trial(self) -> None:
        self._trial += 1
        wanted = self.size if self._sizes.rising else self.size * 3 // 2
        self._timed = self._to_time = max(TIMED[0], min(wanted, TIMED[1]))
        self._times: list[tuple[float, float]] = []

    def _judge(self) -> None:
        """Let the pace of this trial decide on the size, unless too little was sent."""
        self._usual = sorted(self._times)[len(self._times) // 2][0]
        if _under_way(self._times) >= FILLED * self.size:
            self._sizes.measured(_pace(self._times), slow=self._usual > SLOW)
        self._next_trial()


def _under_way(times: list[tuple[float, float]]) -> float:
    """Return how many volumes were under way on average, by (seconds, volume-seconds) of those timed."""
    return sum(area for _, area in times) / max(1e-9, sum(seconds for seconds, _ in times))


def _pace(times: list[tuple[float, float]]) -> float:
    """Return the volumes a second by those timed."""
    return _under_way(times) * len(times) / max(1e-9, sum(seconds for seconds, _ in times))
