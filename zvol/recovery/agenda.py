"""When each watched volume is to be looked at again."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator

from zvol.recovery.track import Track


class Agenda:
    """The watched volumes by the time of their next look; a later appointment replaces the earlier one."""

    def __init__(self) -> None:
        self._watched: dict[str, Track] = {}
        self._heap: list[tuple[float, int, Track]] = []
        self._order = itertools.count(1)

    def __len__(self) -> int:
        return len(self._watched)

    def __iter__(self) -> Iterator[Track]:
        return iter(self._watched.values())

    def put(self, track: Track, time: float) -> None:
        """Look at a volume at a time (monotonic seconds)."""
        track.next_look, track.turn = time, next(self._order)
        self._watched[track.uuid] = track
        heapq.heappush(self._heap, (time, track.turn, track))

    def keep(self, track: Track) -> None:
        """Watch a volume from now on, at the time it has."""
        if track.uuid not in self._watched:
            self.put(track, track.next_look)

    def drop(self, track: Track) -> None:
        """Do not look at a volume any more."""
        self._watched.pop(track.uuid, None)

    def next(self) -> float:
        """Return the time of the next look; infinity when there is none."""
        while self._heap:
            time, turn, track = self._heap[0]
            if track.turn == turn and self._watched.get(track.uuid) is track:
                return time
            heapq.heappop(self._heap)
        return math.inf

    def take(self, until: float, most: int) -> list[Track]:
        """Take the volumes that are due first, up to a time; whoever takes them puts them back."""
        taken: list[Track] = []
        while len(taken) < most and self.next() <= until and self._heap:
            taken.append(heapq.heappop(self._heap)[2])
        return taken
