"""Decides how long a PUT may act on this server, by what the server has shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zvol.journal.request import DEFAULT_API_TIMEOUT, Waits
from zvol.recovery.quiet_period import MARGIN, AssumedTimeout, QuietPeriod, after_accepted, after_silence
from zvol.recovery.task import Options
from zvol.recovery.worker_pool import WorkerPool, WorkResult
from zvol.zstack import answers
from zvol.zstack.resource_kinds import DATA_VOLUME, KINDS, AnyKind
from zvol.zstack.versions import Feature, Release

if TYPE_CHECKING:
    from zvol.zstack.client import Client

VERSION_INTERVAL: Final = 30.0
"""Seconds between two requests for the version."""


class SettlePolicy:
    """Begins quiet periods.

    The requested timeout counts where a 202 has named it, or where the release drops what waited longer; if neither
    is known, the server's default counts.  A 202 that names a longer one shows that requests do not arrive as they were
    sent, or that the server does not honour them: then that one counts for the rest of the run, whatever the release.

    The requested timeout differs by kind, so that a 202 that names it says nothing of the other kind.  Where a recovery
    takes several messages of the server one after the other, each of them has the whole timeout.

    One answer about the release is enough: a node is restarted when it is upgraded, and loses its queue, and all nodes
    of a server are upgraded together, since they share a database.
    """

    def __init__(self, options: Options, client: Client, pool: WorkerPool) -> None:
        self._client, self._pool = client, pool
        self._settle_wait, self._api_timeout = options.settle_wait, options.api_timeout
        self._granted, self._honoured = 0.0, True
        self._shortened: set[str] = set()
        self._assumed: dict[tuple[str, float], AssumedTimeout] = {}
        self._next_request = 0.0

    def tick(self, now: float) -> None:
        """Request the version when something may be waiting longer than necessary."""
        doubted = any(assumed.doubted for assumed in self._assumed.values())
        if doubted and now >= self._next_request and self._pool.free:
            self._next_request = now + VERSION_INTERVAL
            self._pool.submit(self._client.version, self._versioned)

    def requested(self, kind: AnyKind) -> float:
        """Return the API timeout in seconds that is requested for a recovery."""
        return self._api_timeout if kind.api_timeout is None else kind.api_timeout

    def accepted(self, now: float, answer: answers.Accepted, kind: AnyKind = DATA_VOLUME) -> QuietPeriod:
        """Return the quiet period of a PUT that was answered 202."""
        assumed = self._assume(kind, self.requested(kind))
        if answer.api_timeout is None:
            return after_accepted(now, assumed.seconds, assumed)
        self._granted = max(self._granted, answer.api_timeout)
        self._honoured = self._honoured and answer.api_timeout <= self.requested(kind)
        if self._honoured:
            self._shorten(kind.name)
        else:
            self._next_request = math.inf
            self._shortened.clear()
            for (name, requested), one in self._assumed.items():
                one.replace(self._longest_of(KINDS[name], requested))
        return after_accepted(now, answer.api_timeout * kind.messages)

    def silence(
        self, now: float, kind: AnyKind = DATA_VOLUME, spent: float = 0.0, waits: Waits | None = None
    ) -> QuietPeriod:
        """Return the quiet period of a PUT without an answer, that began `spent` seconds ago.

        `waits` are those of the run that sent it, if that was another one; where they are longer, they count.
        """
        settle_wait, requested = self._settle_wait, self.requested(kind)
        if waits is not None:
            settle_wait = max(settle_wait, waits.settle_wait)
            requested = max(requested, waits.api_timeout) if kind.api_timeout is None else requested
        assumed = self._assume(kind, requested)
        return after_silence(now, settle_wait, assumed.seconds, spent, assumed)

    def longest(self, kind: AnyKind) -> float:
        """Return the seconds after which no request acts any more, whatever is known of this server."""
        return self._settle_wait + self._unshortened * kind.messages + MARGIN

    def _assume(self, kind: AnyKind, requested: float) -> AssumedTimeout:
        """Return what is assumed of the requests of a kind that named this timeout."""
        key = (kind.name, requested)
        if key not in self._assumed:
            short, long = requested * kind.messages, self._longest_of(kind, requested)
            self._assumed[key] = AssumedTimeout(short if kind.name in self._shortened else long, short)
        return self._assumed[key]

    def _shorten(self, name: str) -> None:
        """Record that the server honours the timeouts of a kind."""
        self._shortened.add(name)
        for (kind, _), assumed in self._assumed.items():
            if kind == name:
                assumed.shorten()

    def _longest_of(self, kind: AnyKind, requested: float) -> float:
        return max(self._unshortened, requested) * kind.messages

    @property
    def _unshortened(self) -> float:
        """Return the server's timeout if it honours none that is requested."""
        return max(DEFAULT_API_TIMEOUT, self._granted, *(self.requested(kind) for kind in KINDS.values()))

    def _versioned(self, done: WorkResult) -> None:
        """Handle the answer about the release; without one it is requested again."""
        if isinstance(done.value, Release):
            self._next_request = math.inf
            if done.value.has(Feature.QUEUE_TIMEOUT) and self._honoured:
                for name in KINDS:
                    self._shorten(name)
