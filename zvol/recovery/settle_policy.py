"""How long a PUT may act on this server, as far as the server has shown it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zvol.recovery.quiet_period import MARGIN, QuietPeriod, after_accepted, after_silence
from zvol.recovery.task import Options
from zvol.recovery.worker_pool import WorkerPool, WorkResult
from zvol.zstack import answers
from zvol.zstack.versions import Feature, Release

if TYPE_CHECKING:
    from zvol.zstack.client import Client

DEFAULT_API_TIMEOUT: Final = 1800.0
"""Seconds a 5.2.1 allows a recovery when it does not honour the requested timeout."""

VERSION_INTERVAL: Final = 30.0
"""Seconds between two requests for the version."""


class SettlePolicy:
    """Begins quiet periods; the requested timeout counts only where a 202 or the version shows that it is honoured."""

    def __init__(self, options: Options, client: Client, pool: WorkerPool) -> None:
        self._options, self._client, self._pool = options, client, pool
        self._granted = False
        self._unsure: list[QuietPeriod] = []
        self._next_request = 0.0

    def tick(self, now: float) -> None:
        """Request the version when that would shorten a wait."""
        if self._unsure and now >= self._next_request and self._pool.free:
            self._next_request = now + VERSION_INTERVAL
            self._pool.submit(self._client.version, self._versioned)

    def accepted(self, now: float, answer: answers.Accepted) -> QuietPeriod:
        """Return the quiet period of a PUT that was answered 202."""
        granted = answer.api_timeout or DEFAULT_API_TIMEOUT
        if granted <= self._options.api_timeout:
            self._grant()
        return after_accepted(now, granted)

    @property
    def longest(self) -> float:
        """Return the seconds after which nothing acts any more, whatever is known of this server."""
        return self._options.settle_wait + DEFAULT_API_TIMEOUT + MARGIN

    def silence(self, now: float, spent: float = 0.0) -> QuietPeriod:
        """Return the quiet period of a PUT without an answer, that began `spent` seconds ago."""
        options = self._options
        api_timeout = options.api_timeout if self._granted else DEFAULT_API_TIMEOUT
        quiet = after_silence(now, options.settle_wait, api_timeout, spent)
        if not self._granted:
            self._unsure.append(quiet)
        return quiet

    def _grant(self) -> None:
        self._granted = True
        for quiet in self._unsure:
            quiet.shorten(self._options.api_timeout + MARGIN)
        self._unsure.clear()

    def _versioned(self, done: WorkResult) -> None:
        if isinstance(done.value, Release):
            self._next_request = math.inf
            if done.value.has(Feature.QUEUE_TIMEOUT):
                self._grant()
