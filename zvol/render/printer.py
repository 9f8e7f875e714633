"""Prints data on stdout and messages on stderr; commands print only through it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TextIO

from zvol.errors import Exit, OutputLost, ZvolError, most_severe
from zvol.model import Result
from zvol.render import formats
from zvol.render import results as tables
from zvol.render.formats.json import line
from zvol.render.values import Recovery, Report, Table, error_json, error_with_command, result_with_command

if TYPE_CHECKING:
    from zvol.render.notices import Notices
    from zvol.rows import VolumeRow

MAX_FAILURES: Final = 100
"""Maximum number of failures on stderr when stdout has all of them."""


class Printer:
    """Prints values in one format.

    `tty` tells whether stdout is a terminal, of `width` columns and `height` lines; `error_width` is the width of the
    terminal of stderr, None if it is not one. `command` is how zvol was called, for the commands in hints, and `mark`
    is the prefix of each message. Raises OSError for a full disk or a closed pipe; the caller handles it.
    """

    def __init__(
        self,
        format: str,
        stdout: TextIO,
        stderr: TextIO,
        *,
        tty: bool,
        width: int,
        height: int = sys.maxsize,
        error_width: int | None = None,
        quiet: bool = False,
        mark: str = "zvol: ",
        command: str = "zvol",
    ) -> None:
        self.format, self._format = format, formats.load(format)(tty=tty, width=width)
        self._stdout, self._stderr, self._error_width = stdout, stderr, error_width
        self._quiet, self._mark, self._command = quiet, mark, command
        self.on_screen = self._format.for_people and tty
        """The output is a table on a terminal."""
        self.height = height if self.on_screen else sys.maxsize
        self.for_people, self.shows_all = self._format.for_people, self._format.whole
        self.picks_columns, self.wide = self._format.picks_columns, self._format.wide
        self.mixes_with_progress = self._format.streams and tty
        """Results are written to the terminal during a run, where they would break a line that is redrawn."""

    def report(self, report: Report) -> Exit:
        """Print the report of a command, and return its exit code."""
        table = report.table
        if table is not None and (table.columns or table.block or not self.picks_columns):
            self._table(table)
            self._stdout.flush()  # messages would be wrong if the data cannot be written
        if self.for_people and not self._quiet:
            self._notices.notes(report.notes)
        self._failures([result_with_command(result, self._command) for result in report.failures])
        if report.summary and self.on_screen:
            self.end(report.summary, report.hints)
        else:
            for text in report.hints:
                self.hint(text)
        for text in report.warnings:
            self.warn(text)
        return report.exit

    def recovery(self, recovery: Recovery) -> Exit:
        """Print the result of each VOLUME, and return the exit code of the run.

        Raises OutputLost after the last result if they could not be printed.
        """
        whole: list[Result] = []
        lost: OSError | None = None
        for result in (result_with_command(one, self._command) for one in recovery.results):
            whole.append(result)
            if self._format.streams and lost is None:
                try:
                    self._table(tables.several([result]))
                except OSError as exc:
                    lost = exc
        code = most_severe(result.exit for result in whole)
        if lost is not None:
            raise OutputLost(lost, code, tables.summary(whole))
        place = {text: number for number, text in reversed(list(enumerate(recovery.order)))}
        whole.sort(key=lambda result: place.get(result.asked, len(place)))
        try:
            advice = self._results(whole, recovery, code)
            self._stdout.flush()
        except OSError as exc:
            raise OutputLost(exc, code, tables.summary(whole)) from exc
        complete = self._format.has_failures and not recovery.single
        self._failures(
            whole,
            chain(recovery.advice(whole), advice),
            tabled=complete and self.for_people and not self._quiet,
            most=MAX_FAILURES if complete and not self.for_people else None,
        )
        return code

    def _results(self, results: Sequence[Result], recovery: Recovery, code: Exit) -> Iterable[str]:
        """Print the results, and return the advice that a terminal shows with them."""
        if self._format.streams or (self.for_people and self._quiet):
            return ()
        if self.on_screen:
            return self._screen(results, recovery, code)
        if recovery.single and len(results) == 1:
            table = tables.alone(results[0])
            if table.rows:
                self._table(table)
            return ()
        if results or not self.for_people:
            self._table(tables.several(results))
        if self.for_people:
            self._stdout.flush()
            self.hint(tables.summary(results))
        return ()

    def _screen(self, results: Sequence[Result], recovery: Recovery, code: Exit) -> Iterable[str]:
        """Print the results on a terminal: one recovered volume in a few lines, others as a table with a summary."""
        from zvol.render import recovery_screen

        known = recovery.describe(results)
        if recovery_screen.has_block(results, known):
            self._table(recovery_screen.block(results[0], known))
        elif not recovery.single:
            if results:
                self._table(tables.several(results))
                self._stdout.flush()
            self.end(recovery_screen.summary(results, code, known))
            return recovery_screen.attach_advice(results, known)
        return ()

    def _failures(
        self,
        results: Sequence[Result],
        advice: Iterable[str] = (),
        *,
        tabled: bool = False,
        most: int | None = None,
    ) -> None:
        """Print failures, warnings and hints on stderr.

        `tabled`: the table on stdout has the messages, so only hints are printed. `most`: stdout has all failures.
        """
        bad = [result for result in results if result.error is not None]
        for text, warned in tables.warnings(results).items():
            self._notices.warned(text, warned)
        hints: dict[str, list[str]] = {}
        for result in bad[:most]:
            if tabled and result.error is not None and self._table_says_all(result, alone=len(bad) == 1):
                hints.setdefault(result.error.hint, []).append(result.asked)
            else:
                self._notices.failure(result)
        if most is not None and len(bad) > most:
            self._notices.lines([f"{len(bad) - most:,} more did not end well; all of them are on stdout"])
        self._advise(hints, advice, named=len(results) > 1)
        if bad and self._format.for_programs:
            exit_code = most_severe(result.exit for result in bad)
            worst = next(result for result in bad if result.exit == exit_code)
            assert worst.error is not None
            self.record(error_json(worst.error, worst.uuid, worst.job_uuid))

    def _table_says_all(self, result: Result, *, alone: bool) -> bool:
        """Tell whether the table shows everything about a failure except its hint."""
        if self.on_screen:
            return len(result.candidates) < 2  # the hint names the only one
        return not alone and not result.candidates

    def _advise(self, hints: Mapping[str, Sequence[str]], advice: Iterable[str], *, named: bool) -> None:
        """Print each next step once: hints with their arguments, then advice."""
        if not self.on_screen:
            for text in filter(None, (*hints, *advice)):
                self.hint(text)
            return
        from zvol.render import recovery_screen

        whose = {hint: f"{recovery_screen.names(asked)}: " if named else "" for hint, asked in hints.items()}
        self.end(
            "", [*(f"{whose[hint]}{hint}" for hint in hints if hint), *(text[:1].upper() + text[1:] for text in advice)]
        )

    def preview(self, rows: Sequence[VolumeRow], width: int) -> None:
        """Print volumes on stderr, a terminal of `width` columns, before a prompt."""
        from zvol.render import columns

        drawn = formats.load(formats.TABLE)(tty=True, width=width)
        for text in drawn.table(columns.VOLUMES.listing(rows)):
            self._stderr.write(text)

    def _table(self, table: Table[Any]) -> None:
        if self.for_people and self._quiet:
            return
        for text in self._format.table(table):
            self._stdout.write(text)
            if self._format.streams:
                self._stdout.flush()

    # ---- stderr --------------------------------------------------------------------------------------------------
    @cached_property
    def _notices(self) -> Notices:
        from zvol.render.notices import Notices

        return Notices(self._stderr, self._error_width, self._mark, self._command)

    def hint(self, text: str) -> None:
        """Print a hint, unless -q is given."""
        if not self._quiet:
            self._notices.hint(text)

    def end(self, summary: str, hints: Iterable[str] = ()) -> None:
        """Print the escaped summary and the hints below a table on a terminal, unless -q is given."""
        if not self._quiet:
            self._notices.end(summary, hints)

    def warn(self, text: str) -> None:
        """Print a warning, even with -q."""
        self._notices.warn(text)

    def error(self, error: ZvolError) -> None:
        """Print the error that ends a command; in formats for programs also as an object on the last line."""
        error = error_with_command(error, self._command)
        self._notices.error(error)
        if self._format.for_programs and error.exit is not Exit.USAGE:
            self.record(error_json(error, error.uuid))

    def record(self, value: object) -> None:
        """Print a JSON object on stderr, in every format."""
        self._stderr.write(line(value))
