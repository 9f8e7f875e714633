"""The release of the server, for volumes whose last VM depends on it."""

from __future__ import annotations

from collections.abc import Callable

from zvol.errors import ZvolError
from zvol.recovery.follow_ups.context import FollowUpContext
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack.last_vm import RELEASE_TRIES
from zvol.zstack.versions import UNKNOWN_RELEASE, Release


class ReleaseLookUp:
    """Requests the release when a volume waits for it, and then calls `asked` for each waiting volume."""

    def __init__(self, context: FollowUpContext, asked: Callable[[FollowUpTask, float], None]) -> None:
        self._context, self._asked = context, asked
        self._waiting: list[FollowUpTask] = []
        self._asking = False
        self._failures = 0
        self.known: Release | None = None

    def wait(self, follow_up: FollowUpTask) -> None:
        self._waiting.append(follow_up)

    def tick(self) -> None:
        """Request it, if the server answers and a place is free."""
        context = self._context
        if self._waiting and not self._asking and context.breaker.closed and context.limit.places > 0:
            self._asking = True
            context.pool.submit(context.client.version, self._answered)

    def _answered(self, done: WorkResult) -> None:
        self._asking = False
        if done.error is not None and not isinstance(done.error, ZvolError):
            raise done.error
        if isinstance(done.value, Release):
            self.known = done.value
        else:
            self._failures += 1
            self.known = UNKNOWN_RELEASE if self._failures >= RELEASE_TRIES else None
        waiting, self._waiting = self._waiting, []
        for follow_up in waiting:
            self._asked(follow_up, done.ended)
