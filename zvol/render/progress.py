"""How far a long run is: one line that renews itself on a terminal, a plain line now and then with -v elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TextIO

from zvol.model import Outcome, Result
from zvol.text import human_duration, pad, safe

TTY_SECONDS = 0.2
PLAIN_SECONDS = 30.0


class Progress:
    """Writes to stderr only.  `now` is a monotonic clock, `total` the volumes of the run; silent when not `shown`."""

    def __init__(self, stderr: TextIO, now: Callable[[], float], total: int, *, tty: bool, shown: bool) -> None:
        self._stderr, self._now, self._total, self._tty, self._shown = stderr, now, total, tty, shown
        self._began = self._last = now()
        self._counts: Counter[Outcome] = Counter()
        self._drawn = 0
        self.waiting = ""

    def note(self, result: Result) -> None:
        """Take in a result."""
        self._counts[result.outcome] += 1
        self.waiting = ""

    def draw(self) -> None:
        """Draw again when it is time to."""
        now = self._now()
        if not self._shown or now - self._last < (TTY_SECONDS if self._tty else PLAIN_SECONDS):
            return
        self._last = now
        text = self._line(now)
        if self._tty:
            self._stderr.write("\r" + pad(text, self._drawn))
            self._drawn = len(text)
        else:
            self._stderr.write(text + "\n")
        self._stderr.flush()

    def clear(self) -> None:
        """Wipe the line away, so that what follows begins on a clean one."""
        if self._drawn:
            self._stderr.write("\r" + " " * self._drawn + "\r")
            self._stderr.flush()
            self._drawn = 0

    def _line(self, now: float) -> str:
        said = sum(self._counts.values())
        good = self._counts[Outcome.RECOVERED] + self._counts[Outcome.ALREADY] + self._counts[Outcome.WOULD_RECOVER]
        took = max(now - self._began, 0.001)
        parts = [f"{good} of {self._total} back"]
        if said > good:
            parts.append(f"{said - good} not")
        parts.append(f"{self._total - said} left")
        if said:
            parts.append(f"{said / took:.0f}/s, about {human_duration((self._total - said) * took / said)} to go")
        if self.waiting:
            parts.append(self.waiting)
        return safe("zvol: " + ", ".join(parts))[:160]
