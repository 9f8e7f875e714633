"""The one gate for bad weather: after an unclear answer everybody waits, and one probe goes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zvol.errors import NeverSent

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
UNSENT_DELAY = 1.5
REFUSED_TRIES = 3
WEATHER_SECONDS = 60.0


@dataclass(slots=True)
class Gate:
    """Open while the server answers.  Times are monotonic seconds; `jitter` returns a factor around one.

    Before anything was sent patience is short (`hopeless`): a name that does not resolve or a refused connection is
    tried three times in five seconds, any other weather for a minute.
    """

    jitter: Callable[[], float]
    closed_since: float | None = None
    until: float = 0.0
    delay: float = 0.0
    tries: int = 0
    only_refused: bool = True
    reason: str = ""
    never_sent: NeverSent | None = None

    @property
    def open(self) -> bool:
        return self.closed_since is None

    def good(self) -> None:
        """The server answered something that ZStack says."""
        self.closed_since, self.delay, self.tries, self.only_refused = None, 0.0, 0, True

    def bad(self, now: float, reason: str, never_sent: NeverSent | None = None) -> None:
        """Nothing that ZStack says came back; wait before the next probe, longer each time."""
        if self.closed_since is None:
            self.closed_since = now
        elif now < self.until:
            return
        self.tries += 1
        self.reason, self.never_sent = reason, never_sent
        refused = never_sent is not None and never_sent.reason in ("dns", "refused")
        self.only_refused = self.only_refused and refused
        first = UNSENT_DELAY if refused else FIRST_DELAY
        self.delay = min(LONGEST_DELAY, self.delay * 2 or first)
        self.until = now + self.delay * (1.0 if refused else self.jitter())

    def hopeless(self, now: float) -> bool:
        """Tell whether those who have sent nothing should give up."""
        if self.closed_since is None:
            return False
        if self.only_refused:
            return self.tries >= REFUSED_TRIES
        return now - self.closed_since >= WEATHER_SECONDS
