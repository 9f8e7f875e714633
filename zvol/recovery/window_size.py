"""Searches the number of volumes under way with which a server is fastest.

More volumes make a server faster up to a number that differs from server to server; beyond it, it becomes slower.  At
first the size doubles while that makes the pace higher; from then on it moves up or down in small steps, turning round
after each step that was not worth it.
"""

from __future__ import annotations

import math
from typing import Final

FIRST: Final = 4
"""The size at the start: a run of so few volumes sends all at once."""

LARGEST: Final = 256

SMALLEST: Final = 8
"""The smallest size that is tried: with less each read shows too few of them back."""

DOUBLE: Final = 4
"""Levels between a size and its double: a size is 2 to the power of a level divided by this."""

WORTH: Final = 0.1
"""A size that is larger by a factor is better if the pace is higher by more than that factor to the power of this."""

DROP: Final = 0.5
"""The search starts anew when the pace falls below this part of the one before: no step explains that."""

PATIENCE: Final = 4
"""Trials with a size, at most, before another one is tried, which is worse most of the time."""


class WindowSize:
    """`size` is the one to be used now, `most` at most; `rising`: it has only doubled so far."""

    def __init__(self, most: int = LARGEST, first: int = FIRST) -> None:
        self._most, self._top = most, math.ceil(math.log2(min(most, LARGEST)) * DOUBLE)
        self._level, self._least = min(_level(first), self._top), _level(SMALLEST)
        self._former, self._step, self._turns, self._wins, self._stay = self._level, DOUBLE, 0, 0, 0
        self.rising = True
        self._value: float | None = None

    @property
    def size(self) -> int:
        return min(self._most, round(2 ** (self._level / DOUBLE)))

    def restart(self) -> None:
        """Search anew from the first size: the server has changed."""
        self._search_anew(min(_level(FIRST), self._top))

    def halve(self, least: int) -> None:
        """Search anew from half the size, but not from less than `least`, unless it is smaller already."""
        self._search_anew(max(min(_level(least), self._level), self._level - DOUBLE))

    def double(self) -> None:
        """Begin with twice the size: nothing is known of this server, and nothing is back."""
        self._level = min(self._level + DOUBLE, self._top)

    def dropped(self, pace: float) -> bool:
        """Tell whether the server is so much slower than with the size before that it has changed."""
        return self._value is not None and self._value_of(pace) < DROP * self._value

    def measured(self, pace: float, *, slow: bool = False) -> None:
        """Choose the next size, given the volumes a second that this one brought.

        If it is better than the one before, the size goes on in the same direction.  If not, it goes back, stays there
        for some trials, and then takes a small step in the other direction.  `slow`: so few volumes take so long that
        even smaller sizes are tried.
        """
        before, self._value = self._value, self._value_of(pace)
        self._least = 0 if slow else _level(SMALLEST)
        if self._stay:
            self._stay -= 1
            if not self._stay:
                self._go()
        elif before is None or self._value > before or self._former < self._least:
            self._turns, self._wins = 0, self._wins + 1
            if self._wins > 2 and abs(self._step) < DOUBLE:
                self._step *= 2
            self._go()
        else:
            self._level = self._former
            self._step, self.rising = -1 if self._step > 0 else 1, False
            self._turns, self._wins = self._turns + 1, 0
            self._stay = min(self._turns, PATIENCE)

    # ---- inside --------------------------------------------------------------------------------------------------
    def _search_anew(self, level: int) -> None:
        self._level, self._step, self._turns, self._wins, self._stay = level, DOUBLE, 0, 0, 0
        self.rising, self._value = True, None

    def _value_of(self, pace: float) -> float:
        return pace / float(self.size**WORTH)

    def _go(self) -> None:
        """Change the size by a step, in the other direction at the ends."""
        if not self._move(self._step):
            self.rising = False
            self._step = -self._step
            self._move(self._step)

    def _move(self, step: int) -> bool:
        """Change the size by a step, as far as that is possible; tell whether it was."""
        self._former = self._level
        self._level = min(max(min(self._least, self._level), self._level + step), self._top)
        return self._level != self._former


def _level(size: int) -> int:
    return round(math.log2(size) * DOUBLE)
