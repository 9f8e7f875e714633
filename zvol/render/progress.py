"""How far a long run is: one line that renews itself on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TextIO

from zvol.model import Outcome, Result
from zvol.text import display_width, human_duration, pad, safe

TTY_SECONDS = 0.2
ALONE_SECONDS = 1.0
PLAIN_SECONDS = 30.0
LONGEST_LINE = 160
BACK = (Outcome.RECOVERED, Outcome.ALREADY, Outcome.WOULD_RECOVER)


class Progress:
    """Writes to stderr only.  `now` is a monotonic clock, `total` the volumes of the run; silent when not `shown`.

    `width` tells how many columns a terminal has.  `waiting` says why nothing happens, `deadline` in how many seconds
    the first of the volumes that are left is destroyed; the caller renews both when `due`.
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
        self._began = self._last = now()
        self._pace = (TTY_SECONDS if total > 1 else ALONE_SECONDS) if tty else PLAIN_SECONDS
        self._counts: Counter[Outcome] = Counter()
        self._drawn = 0
        self.waiting = ""
        self.deadline: float | None = None

    @property
    def due(self) -> bool:
        return self._shown and self._now() - self._last >= self._pace

    def note(self, result: Result) -> None:
        """Take in a result."""
        self._counts[result.outcome] += 1

    def draw(self) -> None:
        """Draw again when it is time to."""
        if not self.due:
            return
        self._last = self._now()
        text = self._mark + safe(self._text(self._last))
        if self._tty:
            text = _cut(text, min(LONGEST_LINE, self._width() - 1))
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

    def _text(self, now: float) -> str:
        said = sum(self._counts.values())
        failed = said - sum(self._counts[outcome] for outcome in BACK)
        took = max(now - self._began, 0.001)
        parts = [f"{said} of {self._total} done"]
        if failed:
            parts.append(f"{failed} not back")
        parts.append(f"{self._total - said} left")
        if said and said < self._total:
            parts.append(f"{said / took:.0f}/s, about {human_duration((self._total - said) * took / said)} to go")
        if self.waiting:
            parts.append(self.waiting)
        if self.deadline is not None:
            parts.append(f"the first is safe for {human_duration(self.deadline)}")
        return ", ".join(parts)


def _cut(text: str, columns: int) -> str:
    """Cut a line that would wrap: what wraps cannot be wiped away."""
    while display_width(text) > columns:
        text = text[:-1]
    return text
