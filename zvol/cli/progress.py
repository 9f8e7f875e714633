"""Reports the progress of a run on stderr, the reasons for long waits, and a journal that cannot be written."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.cli.app_context import AppContext
from zvol.errors import LocalState
from zvol.model import Result
from zvol.render.progress import Progress
from zvol.render.terminal import terminal_width

if TYPE_CHECKING:
    from zvol.catalog.listing import RetentionContext
    from zvol.recovery.run_status import RunStatus
    from zvol.resource import Resource

LOOK_UP_AFTER: Final = 2.0
"""Seconds before a run looks up how long its volumes are safe."""


class ProgressReporter:
    """The observer of a run of `total` volumes.

    With -v, a terminal shows each request, which would break a line that is redrawn; progress is then in plain lines.
    """

    def __init__(self, context: AppContext, total: int) -> None:
        self._context = context
        tty, verbose = sys.stderr.isatty(), context.options.verbose
        self._now = context.clock.monotonic
        self._began = self._now()
        self._total = total
        self._retention: RetentionContext | None = None
        self._looked_up_at = 0.0
        self._looking_up = False
        self._progress = Progress(
            sys.stderr,
            self._now,
            total,
            tty=tty and not verbose,
            shown=(tty or verbose) and not context.options.quiet and not context.output.mixes_with_progress,
            mark=context.options.prefix,
            width=lambda: terminal_width(sys.stderr.fileno()),
        )

    def follow(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield the results and count them; at the end, erase the line and print the counts unless a table has them."""
        try:
            for result in results:
                self._progress.note(result)
                yield result
        finally:
            self._progress.clear()
            if not self._context.output.for_people:
                self._progress.end()

    def warn(self, text: str) -> None:
        self._progress.clear()
        self._context.output.warn(text)

    # ---- the observer of the engine ------------------------------------------------------------------------------
    def tick(self, status: Callable[[], RunStatus]) -> None:
        if self._progress.due:
            from zvol.cli.waits import why

            now = status()
            self._progress.notes = why(now, alone=self._total == 1, elapsed=self._now() - self._began)
            self._progress.sent = now.sent
            self._progress.deadline = self._safe_for(now)
            self._progress.draw()

    def stopping(self, seconds: float) -> None:
        self._progress.stopping = True
        self._progress.clear()
        again = "Ctrl-C again" if self._context.signals.first == signal.SIGINT else "a second signal"
        limit = f"what is pending is watched for up to {seconds:.0f} s"
        self._context.output.hint(f"stopping: nothing new is sent; {limit} ({again} ends it now)")

    def journal_lost(self, error: LocalState, jobs: Sequence[tuple[str, str]], unsent: int) -> None:
        """Report the error, unless the result of a single volume has it, and list the jobs that are still pending."""
        self._progress.clear()
        if jobs or unsent != 1 or self._total > 1:
            self._context.output.error(error)
        if jobs:
            self._context.output.record({"openJobs": [{"uuid": uuid, "jobUuid": job} for uuid, job in jobs]})

    # ---- how long the volumes are safe ---------------------------------------------------------------------------
    def _safe_for(self, status: RunStatus) -> float | None:
        """Return how many seconds the most urgent volume or VM is safe; None while unknown."""
        if self._retention is None:
            self._start_look_up(status)
            return None
        left = seconds_left(status.urgent, self._retention)
        return None if left is None else max(0.0, left - (self._now() - self._looked_up_at))

    def _start_look_up(self, status: RunStatus) -> None:
        """Start the look-up in a thread, once, and only while the server answers."""
        if self._looking_up or status.reason or self._total < 2 or self._now() - self._began < LOOK_UP_AFTER:
            return
        if not status.urgent:
            return
        self._looking_up = True
        with contextlib.suppress(RuntimeError):  # the system allows no more threads
            threading.Thread(target=self._look_up, args=(status.urgent,), daemon=True, name="zvol-calendar").start()

    def _look_up(self, urgent: Sequence[Resource]) -> None:
        from zvol.zstack.resource_kinds import kind_of

        with contextlib.suppress(Exception):  # if it fails, only the progress line lacks a part
            self._looked_up_at = self._now()
            self._retention = self._context.server.retention_context(kinds=[kind_of(one) for one in urgent])


def seconds_left(urgent: Sequence[Resource], known: RetentionContext) -> float | None:
    """Return the seconds until the first of these is destroyed, each by the policy of its kind; None if unknown."""
    from zvol.catalog.retention import retention_of
    from zvol.zstack.resource_kinds import kind_of

    found = [retention_of(one, known.policy(kind_of(one)), known.zone, known.now) for one in urgent]
    times = [time.seconds_left for time in found if time.policy != "Never"]
    left = [time for time in times if time is not None]
    return min(left) if left and len(left) == len(times) else None
