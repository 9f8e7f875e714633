"""How many volumes one request may name: a front may have a limit, and says no more of it than that a batch fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BATCH: Final = 100
"""Volumes a read at most."""

GROWTH: Final = 8
"""Full reads after which twice as many are tried; twice as many of them each time that this fails."""


@dataclass(slots=True, eq=False)
class Case:
    """A batch that failed: how many of its parts are `left`, the most volumes in one that `worked`.

    `spoilt`: a volume was to blame, or the server was away meanwhile.
    """

    size: int
    left: int = 1
    worked: int = 0
    spoilt: bool = False


@dataclass(slots=True)
class BatchSize:
    """`size` is what is asked for in one request; `proved` is the most that was answered.

    A batch that fails although as many were answered before was bad luck, unless it happens twice in a row.
    """

    size: int = BATCH
    proved: int = 0
    _full: int = 0
    _enough: int = GROWTH
    _unlucky: bool = False

    def answered(self, number: int, case: Case | None) -> None:
        """Take in that `number` volumes were read in one request."""
        if case is not None:
            case.worked = max(case.worked, number)
            self.ended(case, spoilt=False)
            return
        self.proved = max(self.proved, number)
        if number < self.size:
            return
        self._unlucky = False
        self._full += 1
        if self.size < BATCH and self._full >= self._enough:
            self.size, self._full = min(BATCH, self.size * 2), 0

    def split(self, case: Case | None, number: int, parts: int) -> Case:
        """Return the case of a batch that is read in `parts` parts; a part of one that failed belongs to the same."""
        case = case or Case(number)
        case.left += parts - 1
        return case

    def ended(self, case: Case, *, spoilt: bool) -> None:
        """Take in that one part was read, or that it failed by itself; after the last one the size may be the cause."""
        case.left -= 1
        case.spoilt = case.spoilt or spoilt
        if case.left or case.spoilt or not case.worked:
            return
        if case.size <= self.proved and not self._unlucky:
            self._unlucky = True
            return
        if case.size > self.proved > 0:
            self._enough *= 2
        self.size = self.proved = case.worked
        self._full, self._unlucky = 0, False
