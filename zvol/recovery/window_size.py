"""Searches the number of volumes under way with which a server is fastest.

More volumes make a server faster up to a number that differs from server to server; beyond it, it becomes slower.  At
first the size doubles while that makes the pace higher.  From then on larger and smaller sizes are compared with the
best one, at first in large steps, later in small ones, and less and less often while they are worse.
"""

from __future__ import annotations

from typing import Final

FIRST: Final = 8
"""The size at the start."""

LARGEST: Final = 256

SMALLEST: Final = 8
"""The smallest size that is tried: with less each read shows too few of them back."""

STEPS: Final = (1 / 4, 1.0)
"""The smallest and the largest step between two sizes: 1.0 doubles or halves it."""

WORTH: Final = 0.1
"""A size that is larger by a factor is better if the pace is higher by more than that factor to the power of this."""

DOUBLING: Final = 1.1
"""A size that was doubled must be better by this factor besides: its first trial shows a pace that is too high."""

DROP: Final = 0.5
"""The search starts anew when the pace falls below this part of the one before: no step explains that."""

PATIENCE: Final = 4
"""Trials with the best size, at most, before another one is tried, which is worse most of the time."""


class WindowSize:
    """`size` is the one to be used now, `most` at most."""

    size: int
    _last: float | None
    _value: float
    _stay: int

    def __init__(self, most: int = LARGEST, first: int = FIRST) -> None:
        self._top, self._least = min(most, LARGEST), SMALLEST
        self._search_anew(min(first, self._top))

    def restart(self) -> None:
        """Search anew from the first size: the server has changed."""
        self._search_anew(min(FIRST, self._top))

    def halve(self, least: int) -> None:
        """Search anew from half the size, but not from less than `least`, unless it is smaller already."""
        self._search_anew(max(min(least, self.size), self.size // 2))

    def double(self) -> None:
        """Begin with twice the size: nothing is known of this server, and nothing is back."""
        self.size = self._best = min(2 * self.size, self._top)

    def dropped(self, pace: float) -> bool:
        """Tell whether the server is so much slower than in the trial before that it has changed."""
        return self._last is not None and self._value_of(pace) < DROP * self._last

    def measured(self, pace: float, *, slow: bool = False) -> None:
        """Choose the next size, given the volumes a second that this one brought.

        `slow`: so few volumes take so long that even smaller sizes are tried.
        """
        first, self._least = self._last is None, 1 if slow else SMALLEST
        self._last = value = self._value_of(pace)
        if self.size == self._best:
            self._value = value if first else (self._value + value) / 2
            self._stay -= 1
        elif value > self._value * (DOUBLING if self.rising else 1.0):
            self._better(value)
        else:
            self._worse()
        self.size = self._best if self._stay > 0 else self._next()

    @property
    def rising(self) -> bool:
        """It has only doubled so far."""
        return self._straight and self._up

    # ---- inside --------------------------------------------------------------------------------------------------
    def _search_anew(self, size: int) -> None:
        self.size = self._best = size
        self._value, self._last = 0.0, None
        self._step, self._up = STEPS[1], True
        self._straight, self._narrows = True, False
        self._wins = self._losses = self._stay = 0

    def _value_of(self, pace: float) -> float:
        return pace / float(self.size**WORTH)

    def _better(self, value: float) -> None:
        """Go on in the same direction: in smaller steps towards a size that was worse, or else in larger ones."""
        self._best, self._value = self.size, value
        self._wins, self._losses = self._wins + 1, 0
        if self._narrows:
            self._step = max(self._step / 2, STEPS[0])
        elif self._wins > 1:
            self._step = min(2 * self._step, STEPS[1])

    def _worse(self) -> None:
        """Go back to the best size, and turn round; but when doubling it was too much, try less than that."""
        self._narrows = self._straight
        self._up, self._straight, self._wins = self.rising or not self._up, False, 0
        if self._step > STEPS[0]:
            self._step /= 2
        else:
            self._losses += 1
            self._stay = min(self._losses, PATIENCE)

    def _next(self) -> int:
        """Return the next size to try; at the ends in the other direction."""
        size = self._moved()
        if size == self._best:
            self._up = not self._up
            if self._wins or not self._straight:
                self._step, self._straight = STEPS[0], False
            size = self._moved()
        return size

    def _moved(self) -> int:
        """Return the size that is a step away from the best one, and different if that is possible."""
        factor: float = 2**self._step
        if self._up:
            size = max(round(self._best * factor), self._best + 1)
        else:
            size = min(round(self._best / factor), self._best - 1)
        return min(max(size, min(self._least, self._best)), self._top)
