"""The one gate for bad weather: after an unclear answer everybody waits, and one probe goes first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from zvol.errors import NeverSent
from zvol.recovery.quiet import SILENCE

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
UNSENT_DELAY = 1.5
REFUSED_TRIES = 3
WEATHER_SECONDS = 60.0


@dataclass(slots=True)
class Gate:
    """Open while the server answers.  Times are monotonic seconds; `jitter` returns a factor around one.

    A read that is answered opens it.  Reads may work where changes do not: after an unclear PUT only one PUT goes at a
    time, after a growing delay of its own, until one of them is answered clearly.  Before anything was sent patience is
    short (`hopeless`): a name that does not resolve or a refused connection is tried three times in five seconds, any
    other weather for `patience` seconds.  `outages` counts how often the server was really away.  While `checking`
    batches that could not be read, nothing else begins until a single volume of each has been read.
    """

    jitter: Callable[[], float]
    patience: float = WEATHER_SECONDS
    checking: int = 0
    closed_since: float | None = None
    opened_at: float = -math.inf
    trouble_since: float = 0.0
    doubtful_since: float | None = None
    until: float = 0.0
    delay: float = 0.0
    puts_from: float = 0.0
    put_delay: float = 0.0
    tries: int = 0
    outages: int = 0
    only_refused: bool = True
    reason: str = ""
    never_sent: NeverSent | None = None
    put_reason: str = ""
    _bad_at: float = 0.0
    _tried_at: float = 0.0

    @property
    def open(self) -> bool:
        return self.closed_since is None and not self.checking

    def places(self, now: float, concurrency: int) -> int:
        """Return how many PUTs may be on their way at the same time."""
        if self.doubtful_since is None:
            return concurrency
        return 1 if now >= self.puts_from else 0

    def good(self, now: float, *, put: bool = False) -> None:
        """The server answered something that ZStack says."""
        if self.closed_since is not None and now - self.closed_since > SILENCE:
            self.outages += 1
        if self.closed_since is not None:
            self.opened_at = now
        self.closed_since, self.delay, self.tries, self.only_refused = None, 0.0, 0, True
        if put:
            self.doubtful_since, self.put_delay = None, 0.0

    def bad(
        self, now: float, reason: str, never_sent: NeverSent | None = None, *, began: float, put: bool = False
    ) -> None:
        """Nothing that ZStack says came back; wait before the next probe, longer each time.

        What was on its way when the gate closed says nothing new.
        """
        if put and (self.doubtful_since is None or began >= self.puts_from):
            self.doubtful_since = now if self.doubtful_since is None else self.doubtful_since
            self.put_delay = min(LONGEST_DELAY, self.put_delay * 2 or FIRST_DELAY)
            self.puts_from = now + self.put_delay * self.jitter()
            self.put_reason = reason
        if self.closed_since is not None and began < self._bad_at:
            return
        refused = never_sent is not None and never_sent.reason in ("dns", "refused")
        if self.closed_since is None:
            self.closed_since, self.trouble_since = now, began
            self.outages += refused
        self._bad_at, self._tried_at = now, began
        self.tries += 1
        self.reason, self.never_sent = reason, never_sent
        self.only_refused = self.only_refused and refused
        self.delay = min(LONGEST_DELAY, self.delay * 2 or (UNSENT_DELAY if refused else FIRST_DELAY))
        self.until = now + self.delay * (1.0 if refused else self.jitter())
        if not self.last_try(now):  # it is made when patience ends, not long after it
            self.until = min(self.until, self.trouble_since + self.patience)

    def last_try(self, now: float) -> bool:
        """Tell whether patience ends with the try that is made now."""
        return now >= self.trouble_since + self.patience

    def hopeless(self) -> bool:
        """Tell whether those who have sent nothing should give up: by the last try, not by the clock."""
        if self.closed_since is None:
            return False
        if self.only_refused:
            return self.tries >= REFUSED_TRIES
        return self.last_try(self._tried_at)

    def barren(self, now: float, patience: float) -> bool:
        """Tell whether no change was answered clearly for `patience` seconds."""
        return self.doubtful_since is not None and now - self.doubtful_since >= patience
