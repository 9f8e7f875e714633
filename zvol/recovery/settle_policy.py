"""How long a PUT may act on this server, as far as the server has shown it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zvol.recovery.quiet_period import MARGIN, AssumedTimeout, QuietPeriod, after_accepted, after_silence
from zvol.recovery.task import Options
from zvol.recovery.worker_pool import WorkerPool, WorkResult
from zvol.zstack import answers
from zvol.zstack.versions import Feature, Release

if TYPE_CHECKING:
    from zvol.zstack.client import Client

DEFAULT_API_TIMEOUT: Final = 1800.0
"""Seconds a server allows a recovery when it does not honour the requested timeout."""

VERSION_INTERVAL: Final = 30.0
"""Seconds between two requests for the version."""


class SettlePolicy:
    """Begins quiet periods.

    The requested timeout counts where a 202 has named it, or where the release drops what waited longer; where neither
    is known, the server's default does.  A 202 that names a longer one shows that requests do not arrive as they were
    sent, or that the server does not honour them: then that one counts for the rest of the run, whatever the release.

    One answer about the release is enough: a node is restarted when it is upgraded, and loses its queue, and all nodes
    of a server are upgraded together, for they share a database.
    """

    def __init__(self, options: Options, client: Client, pool: WorkerPool) -> None:
        self._client, self._pool = client, pool
        self._settle_wait, self._requested = options.settle_wait, options.api_timeout
        self._granted = 0.0
        self._assumed = AssumedTimeout(self._unshortened, self._requested)
        self._next_request = 0.0

    def tick(self, now: float) -> None:
        """Request the version when a volume waits for longer than it may have to."""
        if self._assumed.doubted and now >= self._next_request and self._pool.free:
            self._next_request = now + VERSION_INTERVAL
            self._pool.submit(self._client.version, self._versioned)

    def accepted(self, now: float, answer: answers.Accepted) -> QuietPeriod:
        """Return the quiet period of a PUT that was answered 202."""
        if answer.api_timeout is None:
            return after_accepted(now, self._assumed.seconds, self._assumed)
        self._granted = max(self._granted, answer.api_timeout)
        self._next_request = math.inf
        self._assumed.seconds = self._requested if self._honoured else self._unshortened
        return after_accepted(now, answer.api_timeout)

    def silence(self, now: float, spent: float = 0.0) -> QuietPeriod:
        """Return the quiet period of a PUT without an answer, that began `spent` seconds ago."""
        return after_silence(now, self._settle_wait, self._assumed.seconds, spent, self._assumed)

    @property
    def longest(self) -> float:
        """Return the seconds after which nothing acts any more, whatever is known of this server."""
        return self._settle_wait + self._unshortened + MARGIN

    @property
    def _unshortened(self) -> float:
        """Return the server's timeout if it honours none that is requested."""
        return max(DEFAULT_API_TIMEOUT, self._requested, self._granted)

    @property
    def _honoured(self) -> bool:
        """Whether no 202 has named a longer timeout than was requested."""
        return self._granted <= self._requested

    def _versioned(self, done: WorkResult) -> None:
        """The release was told, or not: then it is requested again."""
        if isinstance(done.value, Release):
            self._next_request = math.inf
            if done.value.has(Feature.QUEUE_TIMEOUT) and self._honoured:
                self._assumed.seconds = self._requested
