"""Finds out whether a gateway lets no change through, so that its refusals are not waited for as lost answers are.

Such a refusal does not prove that the server did not get the request (something may refuse the answers), so the outcome
stays unknown; only the wait is short, and nothing further is sent.
"""

from __future__ import annotations

from typing import Final

from zvol.recovery import outcomes
from zvol.recovery.context import EngineContext
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack.answers import PutAnswer, Unrecognized

WATCH: Final = 10.0
"""Seconds for which a volume is polled after a gateway refused its PUT: the server may have received it."""


class ChangeGate:
    """Sends one change without effect after a gateway refused a PUT; if that is refused too, it blocks changes."""

    def __init__(self, context: EngineContext, tasks: Tasks) -> None:
        self._context, self._tasks = context, tasks
        self._refused: list[VolumeTask] = []
        self._asking = self._barred = False

    def put_answered(self, task: VolumeTask, answer: PutAnswer, now: float) -> None:
        """Handle an answer to a PUT, after the task was updated."""
        if not isinstance(answer, Unrecognized) or not answer.barred:
            return
        if self._barred:
            self._tasks.watch_until(task, now + WATCH)
            return
        self._refused.append(task)
        if not self._asking and self._tasks.may_send:
            self._asking = True
            client = self._context.client
            self._context.pool.submit(client.bars_changes, lambda done: self._asked(done, answer.reason), beyond=True)

    def _asked(self, done: WorkResult, reason: str) -> None:
        self._asking, self._barred = False, done.value is True
        refused, self._refused = self._refused, []
        if not self._barred:
            return
        self._tasks.stop_sending(outcomes.barred(reason))
        now = self._context.clock.monotonic()
        for task in refused:
            self._tasks.watch_until(task, now + WATCH)
