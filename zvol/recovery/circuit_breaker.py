"""Holds requests back while the server does not answer: after a failure one probe goes first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from zvol.errors import NeverSent
from zvol.recovery.quiet_period import SILENCE

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
UNSENT_DELAY = 1.5
REFUSED_TRIES = 3
GIVE_UP_SECONDS = 60.0


@dataclass(slots=True)
class CircuitBreaker:
    """Closed while the server answers.  Times are monotonic seconds; `jitter` returns a factor around one.

    A failure opens it, an answered read closes it.  Reads may work when changes do not: after an unclear PUT
    only one PUT is sent at a time, after a separate growing delay, until one of them is answered clearly.  Before
    anything was sent it gives up early (`should_give_up`): a name that does not resolve or a refused connection is
    tried three times in five seconds, anything else for `give_up_after` seconds.  `outages` counts how often the server
    was really away.  While `checking` batches that could not be read, nothing else begins until a single volume of each
    has been read.
    """

    jitter: Callable[[], float]
    give_up_after: float = GIVE_UP_SECONDS
    checking: int = 0
    open_since: float | None = None
    closed_at: float = -math.inf
    failing_since: float = 0.0
    submit_failing_since: float | None = None
    retry_at: float = 0.0
    delay: float = 0.0
    submit_after: float = 0.0
    submit_delay: float = 0.0
    tries: int = 0
    outages: int = 0
    only_refused: bool = True
    reason: str = ""
    hint: str = ""
    never_sent: NeverSent | None = None
    submit_reason: str = ""
    _failed_at: float = 0.0
    _tried_at: float = 0.0

    @property
    def not_before(self) -> float:
        """The time from which a request may pass: any while closed, the next try while open, never while checking."""
        if self.checking:
            return math.inf
        return -math.inf if self.open_since is None else self.retry_at

    @property
    def closed(self) -> bool:
        return self.open_since is None and not self.checking

    def allowed_submissions(self, now: float, concurrency: int) -> int:
        """Return how many PUTs may be in flight at a time."""
        if self.submit_failing_since is None:
            return concurrency
        return 1 if now >= self.submit_after else 0

    def record_success(self, now: float, *, put: bool = False) -> None:
        """Record an answer from ZStack."""
        if self.open_since is not None and now - self.open_since > SILENCE:
            self.outages += 1
        if self.open_since is not None:
            self.closed_at = now
        self.open_since, self.delay, self.tries, self.only_refused = None, 0.0, 0, True
        if put:
            self.submit_failing_since, self.submit_delay = None, 0.0

    def record_failure(
        self,
        now: float,
        reason: str,
        never_sent: NeverSent | None = None,
        *,
        began: float,
        put: bool = False,
        hint: str = "",
    ) -> None:
        """No answer of ZStack came back; wait before the next probe, longer each time.  `hint` is what to do about it.

        A request that was in flight when the circuit breaker opened shows nothing new.
        """
        if put and (self.submit_failing_since is None or began >= self.submit_after):
            self.submit_failing_since = now if self.submit_failing_since is None else self.submit_failing_since
            self.submit_delay = min(LONGEST_DELAY, self.submit_delay * 2 or FIRST_DELAY)
            self.submit_after = now + self.submit_delay * self.jitter()
            self.submit_reason = reason
        if self.open_since is not None and began < self._failed_at:
            return
        refused = never_sent is not None and never_sent.reason in ("dns", "refused")
        if self.open_since is None:
            self.open_since, self.failing_since = now, began
            self.outages += refused
        self._failed_at, self._tried_at = now, began
        self.tries += 1
        self.reason, self.never_sent, self.hint = reason, never_sent, hint
        self.only_refused = self.only_refused and refused
        self.delay = min(LONGEST_DELAY, self.delay * 2 or (UNSENT_DELAY if refused else FIRST_DELAY))
        self.retry_at = now + self.delay * (1.0 if refused else self.jitter())
        if not self.is_last_try(now):  # the last try is made when the time is over, not long after
            self.retry_at = min(self.retry_at, self.failing_since + self.give_up_after)

    def probe_begins(self, now: float, pause: float) -> None:
        """Record that a read is sent as a probe; if it has no result, the next one follows after a pause."""
        self.retry_at = now + pause

    def retry_now(self, now: float) -> None:
        """Skip the growing delay."""
        self.retry_at = min(self.retry_at, now)

    def check_begins(self) -> None:
        """One volume of a batch that could not be read is read by itself; nothing else begins meanwhile."""
        self.checking += 1

    def check_ends(self, number: int = 1) -> None:
        self.checking -= number

    def is_last_try(self, now: float) -> bool:
        """Tell whether the try that is made now is the last one."""
        return now >= self.failing_since + self.give_up_after

    def should_give_up(self) -> bool:
        """Tell whether volumes for which nothing was sent should be given up: after the last try, not by the clock."""
        if self.open_since is None:
            return False
        if self.only_refused:
            return self.tries >= REFUSED_TRIES
        return self.is_last_try(self._tried_at)

    def away(self, now: float) -> bool:
        """Tell whether the server has been away so long that zvol waits for nothing beyond its deadline."""
        return self.open_since is not None and now - self.open_since >= GIVE_UP_SECONDS

    def submissions_failing(self, now: float, give_up_after: float) -> bool:
        """Tell whether no change was answered clearly for `give_up_after` seconds."""
        return self.submit_failing_since is not None and now - self.submit_failing_since >= give_up_after
