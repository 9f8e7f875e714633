"""The progress of a run: one line that is redrawn on a terminal, or a new line every 30 seconds elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from zvol.model import Outcome, Result
from zvol.text import display_width, escape_terminal, human_duration, pad

TTY_SECONDS: Final = 0.2
SINGLE_SECONDS: Final = 1.0
PLAIN_SECONDS: Final = 30.0
"""Seconds between lines: on a terminal, on a terminal for a single volume, and elsewhere."""

SINGLE_QUIET_SECONDS: Final = 3.0
"""Seconds before the line of a single volume is shown: most are recovered by then."""

PLAIN_MARK: Final = "zvol: "
"""Prefix of messages; a line that is redrawn has one only if it is longer, such as `zvol (sandbox): `."""
MAX_LINE: Final = 160
LONG_WORD: Final = 12
ELLIPSIS: Final = " ..."
SEPARATOR: Final = " · "
URGENT: Final = 6 * 3600
"""Seconds; a later deadline is not shown."""


def shown_time(seconds: float) -> str:
    """Return the elapsed time of a run, such as `0:12` or `1:04:59`."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def seconds(took: float) -> str:
    """Return a duration, such as `0.4 s`, `12 s` or `1m 4s`."""
    return f"{took:.1f} s" if took < 1 else f"{took:.0f} s" if took < 59.5 else human_duration(took)


class Progress:
    """Writes to stderr only, and nothing unless `shown`. `now` is a monotonic clock, `total` the volumes of the run.

    `width` returns the columns of the terminal. `notes` are the reasons why the run waits, the most important first.
    `deadline` is the number of seconds until the first unfinished volume may be destroyed, `sent` how many of them were
    sent. The caller sets them when a line is `due`. The line for a single volume has no counts, only the reason for a
    long wait.
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
        width: Callable[[], int] = lambda: MAX_LINE,
    ) -> None:
        self._stderr, self._now, self._total, self._tty, self._shown = stderr, now, total, tty, shown
        self._mark, self._width = mark, width
        self._start = "" if tty and mark == PLAIN_MARK else mark
        self._began = now()
        self._pace = (TTY_SECONDS if total > 1 else SINGLE_SECONDS) if tty else PLAIN_SECONDS
        self._next = self._began + (SINGLE_QUIET_SECONDS if tty and total == 1 else self._pace)
        self._counts: Counter[Outcome] = Counter()
        self._drawn = 0
        self.notes: Sequence[str] = ()
        self.sent = 0
        self.stopping = False
        self.deadline: float | None = None

    @property
    def due(self) -> bool:
        return self._shown and self._now() >= self._next

    def note(self, result: Result) -> None:
        """Count a result."""
        self._counts[result.outcome] += 1

    def draw(self) -> None:
        """Redraw the line when it is due."""
        if not self.due:
            return
        now = self._now()
        self._next = now + self._pace
        parts = [(rank, escape_terminal(part)) for rank, part in self._parts(now)]
        text = self._start + SEPARATOR.join(part for _, part in parts)
        if self._tty:
            text = _fitted(self._start, parts, min(MAX_LINE, self._width() - 1))
            self._stderr.write("\r" + pad(text, self._drawn))
            self._drawn = display_width(text)
        else:
            self._stderr.write(text + "\n")
        self._stderr.flush()

    def clear(self) -> None:
        """Erase the line on a terminal, and the ^C that the terminal echoed, so that other messages can follow."""
        echoed = len("^C") if self._tty and self._shown and self.stopping else 0
        if self._drawn or echoed:
            self._stderr.write("\r" + " " * min(self._drawn + echoed, self._width()) + "\r")
            self._stderr.flush()
            self._drawn = 0

    def end(self) -> None:
        """Print the counts of a run of several volumes."""
        if not self._shown or self._total < 2:
            return
        took = self._now() - self._began
        counts = ", ".join(f"{self._counts[one]} {one.value}" for one in Outcome if self._counts[one]) or "nothing done"
        self._stderr.write(f"{self._mark}{counts} in {human_duration(took)}\n")

    def _parts(self, now: float) -> list[tuple[int, str]]:
        """Return the parts of the line with their ranks; the highest rank is dropped first."""
        done = sum(self._counts.values())
        good, left = sum(self._counts[outcome] for outcome in Outcome if outcome.success), self._total - done
        took = max(now - self._began, 0.001)
        start = f"[{shown_time(took)}]"
        if self.stopping:
            start += " stopping"
        parts = [(0, start)]
        if self._total > 1:
            parts[0] = (0, f"{start}{SEPARATOR if self.stopping else ' '}{good:,}/{self._total:,} recovered")
            parts += [(2, f"{done - good:,} not")] if done > good else []
            sent = min(self.sent, left)
            parts += [(5, f"{sent:,} in progress")] if sent else []
            parts += [(6, f"{left - sent:,} waiting")] if left > sent else []
            if done and left and not self.notes:
                parts.append((4, f"{done / took:.0f}/s{SEPARATOR}about {seconds(left * took / done)}"))
        parts += [(min(7, 1 + 3 * number), note) for number, note in enumerate(self.notes or self._default_notes())]
        if self.deadline is not None and self.deadline < URGENT:
            parts.append((3, f"the first is safe for {human_duration(self.deadline)}"))
        return parts

    def _default_notes(self) -> tuple[str, ...]:
        return ("waiting for the server",) if self._total == 1 else ()


def _fitted(mark: str, parts: list[tuple[int, str]], columns: int) -> str:
    """Drop the least important parts until the line fits, because a wrapped line cannot be erased."""
    while True:
        text = mark + SEPARATOR.join(part for _, part in parts)
        highest = max(rank for rank, _ in parts)
        if display_width(text) <= columns or highest <= 1:
            return _cut(text, columns)
        parts = [part for part in parts if part[0] != highest]


def _cut(text: str, columns: int) -> str:
    """Cut a line that is still too long, at a space unless the last word is very long."""
    if display_width(text) <= columns:
        return text
    while text and display_width(text) > columns - len(ELLIPSIS):
        text = text[:-1]
    whole, _, torn = text.rpartition(" ")
    return (whole if display_width(torn) < LONG_WORD else text).rstrip() + ELLIPSIS
