"""A journal whose calls take simulated time: another process holds its lock, the disk is slow, old runs are pruned."""

from __future__ import annotations

import inspect
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sim.clock import SimClock
from zvol.journal.journal import Journal

AT_ONCE = (
    *("record_outcome", "record_not_sent", "settle_intent", "record_for_followups"),
    *("plan_followups", "record_followup", "close"),
)
"""What is only noted and written with the next commit, and what ends it."""


def open_journal(path: Path) -> Journal:
    """Open the journal of a simulated machine, whose power never fails: no commit waits for the disk."""
    journal = Journal(path)
    journal._db.execute("PRAGMA synchronous = OFF")
    return journal


class SlowJournal:
    """The real journal; `seconds` gives how long its next call waits before it is done, and after."""

    def __init__(self, opened: Callable[[], Journal], clock: SimClock, seconds: Callable[[], tuple[float, float]]):
        self._clock, self._seconds = clock, seconds
        self._journal: Journal = self._slowly(opened)()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        return self._slowly(found) if inspect.ismethod(found) and name not in AT_ONCE else found

    def _slowly(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any, **named: Any) -> Any:
            before, after = self._seconds()
            self._wait(before)
            value = call(*arguments, **named)
            self._wait(after)
            return value

        return slow

    def _wait(self, seconds: float) -> None:
        if seconds:
            self._clock.wait_for_item(queue.SimpleQueue[None](), seconds)
