"""How far a long run is: one line that renews itself on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TextIO

from zvol.model import Outcome, Result
from zvol.text import display_width, escape_terminal, human_duration, pad

TTY_SECONDS = 0.2
ALONE_SECONDS = 1.0
PATIENCE = 3.0
"""Seconds after which a person wonders what became of a single volume."""

PLAIN_SECONDS = 30.0
LONGEST_LINE = 160
LONG_WORD = 12
CUT = " ..."


class Progress:
    """Writes to stderr only.  `now` is a monotonic clock, `total` the volumes of the run; silent when not `shown`.

    `width` tells how many columns a terminal has.  `notes` say why nothing happens, the most important first,
    `deadline` in how many seconds the first of the volumes that are left is destroyed; the caller renews both when
    `due`.  A single volume is not counted: only a wait that is long is explained.
    """

    def __init__(
        self,
        stderr: TextIO,
        now: Callable[[], float],
        total: int,
        *,
        tty: bool,
        shown: bool,
        mark: str = "zvol: ",
        width: Callable[[], int] = lambda: LONGEST_LINE,
    ) -> None:
        self._stderr, self._now, self._total, self._tty, self._shown = stderr, now, total, tty, shown
        self._mark, self._width = mark, width
        self._began = now()
        self._pace = (TTY_SECONDS if total > 1 else ALONE_SECONDS) if tty else PLAIN_SECONDS
        self._next = self._began + (PATIENCE if tty and total == 1 else self._pace)
        self._counts: Counter[Outcome] = Counter()
        self._drawn = 0
        self.notes: Sequence[str] = ()
        self.stopping = False
        self.deadline: float | None = None

    @property
    def due(self) -> bool:
        return self._shown and self._now() >= self._next

    def note(self, result: Result) -> None:
        """Take in a result."""
        self._counts[result.outcome] += 1

    def draw(self) -> None:
        """Draw again when it is time to."""
        if not self.due:
            return
        now = self._now()
        self._next = now + self._pace
        parts = [(rank, escape_terminal(part)) for rank, part in self._parts(now)]
        text = self._mark + ", ".join(part for _, part in parts)
        if self._tty:
            text = _fitted(self._mark, parts, min(LONGEST_LINE, self._width() - 1))
            self._stderr.write("\r" + pad(text, self._drawn))
            self._drawn = display_width(text)
        else:
            self._stderr.write(text + "\n")
        self._stderr.flush()

    def clear(self) -> None:
        """Wipe the line away, so that what follows begins on a clean one."""
        if self._drawn:
            self._stderr.write("\r" + " " * self._drawn + "\r")
            self._stderr.flush()
            self._drawn = 0

    def end(self) -> None:
        """Sum up in words, after a run that was long enough to be looked at."""
        if not self._shown or self._total < 2:
            return
        took = self._now() - self._began
        counts = ", ".join(f"{self._counts[one]} {one.value}" for one in Outcome if self._counts[one]) or "nothing done"
        self._stderr.write(f"{self._mark}{counts} in {human_duration(took)}\n")

    def _parts(self, now: float) -> list[tuple[int, str]]:
        """Return what is to be said in its order, each with its rank: the highest is left out first."""
        said = sum(self._counts.values())
        failed, left = said - sum(self._counts[outcome] for outcome in Outcome if outcome.success), self._total - said
        took = max(now - self._began, 0.001)
        parts = [(0, "stopping")] if self.stopping else []
        if self._total > 1:
            parts += [(0, f"{said} of {self._total} done"), *([(2, f"{failed} not back")] if failed else [])]
            parts.append((6, f"{left} left"))
            if said and left and not self.notes:
                parts.append((5, f"{said / took:.0f}/s, about {human_duration(left * took / said)} to go"))
        parts += [(min(7, 1 + 3 * number), note) for number, note in enumerate(self.notes or self._alone())]
        if self.deadline is not None:
            parts.append((3, f"the first is safe for {human_duration(self.deadline)}"))
        return parts

    def _alone(self) -> tuple[str, ...]:
        return ("waiting for the server",) if self._total == 1 else ()


def _fitted(mark: str, parts: list[tuple[int, str]], columns: int) -> str:
    """Leave out what is least important until a line does not wrap: what wraps cannot be wiped away."""
    while True:
        text = mark + ", ".join(part for _, part in parts)
        least = max(rank for rank, _ in parts)
        if display_width(text) <= columns or least <= 1:
            return _cut(text, columns)
        parts = [part for part in parts if part[0] != least]


def _cut(text: str, columns: int) -> str:
    """Cut a line that is still too long: between two words, or within one that is very long itself."""
    if display_width(text) <= columns:
        return text
    while text and display_width(text) > columns - len(CUT):
        text = text[:-1]
    words, _, torn = text.rpartition(" ")
    return (words if display_width(torn) < LONG_WORD else text).rstrip() + CUT
