"""Decides how often the volumes under way are read: at the pace at which they come back."""

from __future__ import annotations

import math
from typing import Final

from zvol.recovery.poll_times import ROUND

FOUND: Final = 5
"""Volumes that a read should find back: there are to be at most 0.3 reads a volume."""

SHARE: Final = (0.15, 0.75)
"""The time between two reads as a part of the usual time from PUT to back, at least and at most."""

SECONDS: Final = (0.02, 2.0)
"""The time between two reads, at least and at most."""

UNKNOWN: Final = (0.04, 0.2)
"""The same while nothing is known: seconds at least, or this part of the time for which no volume came back."""

MEMORY: Final = 16.0
"""Volumes whose pace counts, about."""


class ReadPace:
    """Counts reads of volumes under way, and the volumes that they show back; times are monotonic seconds."""

    def __init__(self) -> None:
        self._back, self._read_at = 0, math.inf
        self._count = self._seconds = 0.0
        self._batch = 1

    def begins(self, now: float) -> None:
        """Record that a volume is under way."""
        self._read_at = min(now, self._read_at)

    def found(self) -> None:
        """Record that a volume is back."""
        self._back += 1

    def was_read(self, now: float, batch: int) -> None:
        """Record that a read was handled; `batch` is how many volumes a request may name."""
        kept = math.exp(-self._back / MEMORY)
        self._count = self._count * kept + self._back
        self._seconds = self._seconds * kept + max(0.0, now - self._read_at)
        self._back, self._read_at, self._batch = 0, now, batch

    def wait(self, under_way: int, usual: float, silent: float) -> float:
        """Return the seconds between two reads of what is under way.

        `usual` is how long a volume takes from PUT to back, 0.0 if that is not known; `silent` for how long none came.
        """
        if not usual:
            return max(UNKNOWN[0], UNKNOWN[1] * silent)
        found = FOUND * math.ceil(under_way / self._batch) * self._seconds / max(self._count, 0.1)
        return max(SECONDS[0], min(max(found, min(SHARE[0] * usual, ROUND)), SHARE[1] * usual, SECONDS[1]))
