"""Tells people on stderr how far a run is, why it takes long, and what the journal could not keep."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.cli.app_context import AppContext
from zvol.cli.volume_rows import calendar
from zvol.errors import LocalState
from zvol.model import Result
from zvol.recovery.run_status import RunStatus, Wait, WaitGroup
from zvol.render.progress import Progress
from zvol.render.terminal import terminal_width
from zvol.text import human_duration

if TYPE_CHECKING:
    from zvol.catalog.listing import Calendar

LOOK_UP_AFTER: Final = 2.0
"""Seconds after which a run is long enough to look up how long its volumes are safe."""


class ProgressReporter:
    """The observer of a run of `total` volumes.

    With -v a terminal shows each request, so that a line which renews itself would be torn: plain lines go there, too.
    """

    def __init__(self, context: AppContext, total: int) -> None:
        self._context = context
        tty, verbose = sys.stderr.isatty(), context.options.verbose
        self._now = context.clock.monotonic
        self._began = self._now()
        self._total = total
        self._calendar: Calendar | None = None
        self._asked = False
        self.progress = Progress(
            sys.stderr,
            self._now,
            total,
            tty=tty and not verbose,
            shown=not context.options.quiet and not context.output.mixes_with_progress and (tty or verbose),
            mark=context.options.prefix,
            width=lambda: terminal_width(sys.stderr.fileno()),
        )

    def tick(self, pulse: Callable[[], RunStatus]) -> None:
        if self.progress.due:
            now = pulse()
            self.progress.notes = why(now, alone=self._total == 1)
            self.progress.deadline = self._safe_for(now)
            self.progress.draw()

    def stopping(self, seconds: float) -> None:
        self.progress.clear()
        self.progress.stopping = True
        again = "Ctrl-C again" if self._context.signals.first == signal.SIGINT else "a second signal"
        watched = f"what is open is watched for up to {seconds:.0f} s"
        self._context.output.hint(f"stopping: nothing new is sent; {watched} ({again} ends it now)")

    def journal_lost(self, error: LocalState, jobs: Sequence[tuple[str, str]], unsent: int) -> None:
        """Say it once: of a single volume that was not sent, the result does."""
        self.progress.clear()
        if jobs or unsent != 1 or self._total > 1:
            self._context.output.error(error)
        if jobs:
            record = {"openJobs": [{"uuid": uuid, "jobUuid": job} for uuid, job in jobs]}
            sys.stderr.write(json.dumps(record) + "\n")

    def end(self) -> None:
        """Leave a clean line, and sum up where the report itself does not."""
        self.progress.clear()
        if not self._context.output.for_people:
            self.progress.end()

    def _safe_for(self, pulse: RunStatus) -> float | None:
        """Return for how many seconds the most urgent volume is safe; None while that is not known."""
        from zvol.catalog.retention import recycle

        if self._calendar is None:
            self._look_up(pulse)
            return None
        if pulse.urgent is None:
            return None
        known = self._calendar
        left = recycle(pulse.urgent, known.policy, known.zone, known.now).seconds_left
        return None if left is None else max(0.0, left - (self._now() - self._looked_up))

    def _look_up(self, pulse: RunStatus) -> None:
        """Ask beside the run, once, while the server answers."""
        if self._asked or pulse.reason or self._total < 2 or self._now() - self._began < LOOK_UP_AFTER:
            return
        self._asked = True
        threading.Thread(target=self._ask, daemon=True, name="zvol-calendar").start()

    def _ask(self) -> None:
        with contextlib.suppress(Exception):  # a look-up that decides nothing
            found = calendar(self._context)
            self._looked_up = self._now()
            self._calendar = found


class ReportedResults:
    """Passes results on, remembers them, and keeps the progress up to date."""

    def __init__(self, results: Iterable[Result], reporter: ProgressReporter) -> None:
        self._source, self._reporter = results, reporter
        self.results: list[Result] = []

    def __iter__(self) -> Iterator[Result]:
        try:
            for result in self._source:
                self.results.append(result)
                self._reporter.progress.note(result)
                yield result
        finally:
            self._reporter.end()


def why(pulse: RunStatus, *, alone: bool) -> tuple[str, ...]:
    """Say why nothing happens, or why something takes long; the most important first."""
    said = []
    if pulse.reason:
        said.append(f"waiting: {pulse.reason}")
    if pulse.retry_in:
        said.append(f"next try in {max(1.0, pulse.retry_in):.0f}s")
    said += [f"{_words(hold, alone=alone)}; {_then(hold)}" for hold in pulse.holds]
    if any(hold.again for hold in pulse.holds):
        said.append("unless it comes back" if alone else "unless they come back")
    return tuple(said)


def _words(hold: WaitGroup, *, alone: bool) -> str:
    match hold.wait:
        case Wait.FLYING:
            return "sent, no answer yet" if alone else f"{hold.count} sent, no answer yet"
        case Wait.ACCEPTED:
            return "the server accepted it, not done yet" if alone else f"{hold.count} accepted, not done yet"
        case Wait.BACK:
            return "back, its tags and VM not yet" if alone else f"{hold.count} back, their tags and VMs not yet"
        case Wait.UNANSWERED:
            seen = f" ({hold.reason})" if hold.reason else ""
            return (
                f"its answer is missing{seen}; watched" if alone else f"{hold.count} without an answer{seen}; watched"
            )
        case Wait.UNREAD:
            return f"{'it' if alone else hold.count} cannot be read ({hold.reason})"


def _then(hold: WaitGroup) -> str:
    """Say what happens next, and when."""
    left = human_duration(hold.seconds)
    if hold.again:
        return f"sent again in {left}"
    return f"{left} at most" if hold.wait is Wait.FLYING else f"given up in {left}"
