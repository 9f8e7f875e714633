"""The one place that prints: stdout is data, stderr is for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TextIO

from zvol.errors import Exit, OutputLost, ZvolError, most_severe
from zvol.model import Result, VolumeRow
from zvol.render import columns as registry
from zvol.render import machine, plain, report
from zvol.render import results as parts
from zvol.text import escape_terminal

MOST: Final = 100
"""The most troubles that are printed on stderr when stdout has them all."""


class Output:
    """Prints in one format.  `tty` tells whether stdout is a terminal of `width` columns.
    `command` is how zvol was called, for the commands in hints.

    Nothing is caught here: a full disk or a closed pipe is the caller's business.
    """

    def __init__(
        self,
        format: str,
        stdout: TextIO,
        stderr: TextIO,
        *,
        tty: bool,
        width: int,
        columns: str | None = None,
        quiet: bool = False,
        sandbox: bool = False,
        command: str = "zvol",
    ) -> None:
        self.format, self.stdout, self.stderr = format, stdout, stderr
        self.tty, self.width = tty, width
        self.columns, self.quiet, self.sandbox, self.command = columns, quiet, sandbox, command

    @property
    def for_programs(self) -> bool:
        return self.format in ("json", "ndjson")

    # ---- results -------------------------------------------------------------------------------------------------
    def results(
        self,
        results: Iterable[Result],
        order: Sequence[str],
        *,
        single: bool,
        objects: bool = False,
        advice: Callable[[], Iterable[str]] = tuple,
    ) -> Exit:
        """Print what became of each argument, in the order asked (ndjson: as each ends), and return the exit code.

        `single`: one VOLUME was asked for, so JSON is its inventory; `objects` wants result objects all the same.
        `advice` tells at the end what to do next.
        """
        whole: list[Result] = []
        lost: OSError | None = None
        for result in results:
            whole.append(result)
            if self.format == "ndjson" and lost is None:
                try:
                    self._out(machine.line(result.json()))
                except OSError as exc:
                    lost = exc
        code = most_severe(result.exit for result in whole)
        if lost is not None:
            raise OutputLost(lost, code, parts.summary(whole))
        place = {asked: number for number, asked in reversed(list(enumerate(order)))}
        whole.sort(key=lambda result: place.get(result.asked, len(place)))
        try:
            self._single(whole[0]) if single and not objects and len(whole) == 1 else self._several(whole)
            self.stdout.flush()
        except OSError as exc:
            raise OutputLost(exc, code, parts.summary(whole)) from exc
        told = not single and self.format == "table" and not self.quiet
        self.troubles(whole, advice, told=told, most=None if single or self.format in ("table", "name") else MOST)
        return code

    def _single(self, result: Result) -> None:
        if self.format == "ndjson" or result.volume is None or result.outcome not in parts.FINE:
            return
        if self.format == "json":
            self._out(machine.document(result.volume.inventory()))
        elif self.format in ("csv", "name"):
            self._several([result])
        elif not self.quiet:
            self._record(result)

    def _record(self, result: Result) -> None:
        rows = parts.record(result)
        for text in plain.records([header for header, _ in rows], [[escape_terminal(value) for _, value in rows]]):
            self._out(text + "\n")

    def _several(self, results: Sequence[Result]) -> None:
        if self.format == "json":
            self._array(result.json() for result in results)
        elif self.format == "name":
            self._out("".join(f"{result.uuid}\n" for result in results if result.outcome in parts.FINE))
        elif self.format == "csv":
            self._csv(parts.KEYS, [parts.cells(result) for result in results])
        elif self.format == "table" and not self.quiet:
            styles = [["", "", parts.STYLES.get(result.outcome, "bold red"), ""] for result in results]
            if results:
                self.table(parts.HEADERS, [parts.row(result) for result in results], styles)
            self.stdout.flush()
            self._say(parts.summary(results))

    def troubles(
        self,
        results: Sequence[Result],
        advice: Callable[[], Iterable[str]] = tuple,
        *,
        told: bool = False,
        most: int | None = None,
    ) -> None:
        """Say on stderr what went wrong, and what to do next.

        `told`: the table on stdout has the first already.  `most`: stdout has all of it, so that many are enough here.
        """
        bad = [result for result in results if result.trouble is not None]
        for text, warned in parts.warnings(results).items():
            subject = f"{len(warned)} volumes" if len(warned) > 1 else report.result_subject(warned[0])
            self.warn(f"{subject}: {text}")
        hints: dict[str, None] = {}
        for result in bad[:most]:
            if told and len(bad) > 1 and not result.candidates and result.trouble is not None:
                hints[result.trouble.hint] = None  # the table has the rest
            else:
                self._lines(report.result_words(result, self.command, ages=self.stderr.isatty()))
        if most is not None and len(bad) > most:
            self._lines([f"{len(bad) - most:,} more did not end well; all of them are on stdout"])
        for text in filter(None, (*hints, *advice())):
            self.hint(text)
        if bad and self.for_programs:
            exit_code = most_severe(result.exit for result in bad)
            worst = next(result for result in bad if result.exit == exit_code)
            assert worst.trouble is not None
            self.stderr.write(machine.line(report.as_json(worst.trouble, worst.uuid, worst.job_uuid)))

    # ---- volumes -------------------------------------------------------------------------------------------------
    def volumes(self, rows: Sequence[VolumeRow], default: Sequence[str] = registry.LIST) -> None:
        """Print a list of volumes."""
        if self.format == "json":
            self._array(row.json() for row in rows)
        elif self.format == "ndjson":
            for row in rows:
                self._out(machine.line(row.json()))
        elif self.format == "name":
            for row in rows:
                self._out(row.volume.uuid + "\n")
        else:
            chosen = registry.pick(self.columns, default)
            if self.format == "csv":
                self._csv([c.key for c in chosen], plain.Cells(rows, lambda row: [c.csv(row) for c in chosen]))
            elif not self.quiet and self.tty:
                self._drawn(rows, chosen, self.stdout, self.width)
            elif not self.quiet:
                cells = plain.Cells(rows, lambda row: [c.text(row) for c in chosen])
                self.table([c.header for c in chosen], cells)

    def choice(self, rows: Sequence[VolumeRow], width: int) -> None:
        """Show on stderr, a terminal of `width` columns, what somebody is to be asked about."""
        self._drawn(rows, registry.pick(None, registry.LIST), self.stderr, width)

    def _drawn(self, rows: Sequence[VolumeRow], chosen: Sequence[registry.Column], stream: TextIO, width: int) -> None:
        from zvol.render import human

        cells = plain.Cells(rows, lambda row: [c.terminal(row) for c in chosen])
        styles = plain.Cells(rows, lambda row: registry.styles(row, chosen))
        human.table([c.header for c in chosen], cells, styles, stream, width)

    def shown(self, rows: Sequence[VolumeRow], *, single: bool) -> None:
        """Print volumes in full: one as an object, several as an array."""
        if self.format == "json" and single and len(rows) == 1:
            self._out(machine.document(rows[0].json()))
        elif self.format != "table":
            self.volumes(rows)
        elif not self.quiet:
            chosen = registry.pick(self.columns, tuple(registry.COLUMNS))
            cells = [[c.terminal(row) if self.tty else c.text(row) for c in chosen] for row in rows]
            headers = [registry.label(c) for c in chosen]
            for number, row in enumerate(rows):
                noted = [(header, cell) for header, cell in zip(headers, cells[number], strict=True) if cell != "-"]
                noted += [("Note", escape_terminal(note)) for note in row.notes]
                noted += [("Next", f"{self.command} {row.next}")] if row.next else []
                for text in plain.records([header for header, _ in noted], [[cell for _, cell in noted]]):
                    self._out(text + "\n")
                self._out("\n" if number + 1 < len(rows) else "")

    def table(
        self, headers: Sequence[str], rows: Iterable[Sequence[str]], styles: Iterable[Sequence[str]] | None = None
    ) -> None:
        """Print a table of safe texts: rich on a terminal, plain in a pipe; `rows` are gone through twice."""
        if not self.tty:
            for text in plain.table(headers, rows):
                self._out(text + "\n")
            return
        from zvol.render import human

        human.table(headers, rows, styles or [["" for _ in headers] for _ in rows], self.stdout, self.width)

    def _csv(self, keys: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
        """Print CSV: exact for programs; on a terminal a person looks at it, so there it is harmless instead."""
        shown = plain.Cells(cells, lambda row: [escape_terminal(cell) for cell in row]) if self.tty else cells
        machine.rows(keys, shown, self.stdout)

    def document(self, value: Any) -> None:
        """Print one JSON value for programs."""
        self._out(machine.line(value) if self.format == "ndjson" else machine.document(value))

    def _array(self, values: Iterable[Any]) -> None:
        for text in machine.array(values):
            self._out(text)

    def documents(self, values: Sequence[Any]) -> None:
        """Print JSON values for programs: an array, or one a line."""
        if self.format == "ndjson":
            self._out("".join(machine.line(value) for value in values))
        else:
            self._array(values)

    def rows(self, headers: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        """Print rows that are no volumes; `name` prints the first column."""
        keys = [header.lower().replace(" ", "_") for header in headers]
        if self.for_programs:
            self.documents([dict(zip(keys, row, strict=True)) for row in cells])
        elif self.format == "csv":
            self._csv(keys, cells)
        elif self.format == "name":
            self._out("".join(f"{row[0]}\n" for row in cells))
        elif not self.quiet:
            self.table(headers, [[escape_terminal(cell) for cell in row] for row in cells])

    def text(self, text: str) -> None:
        """Print a text that zvol itself wrote."""
        self._out(text if text.endswith("\n") else text + "\n")

    # ---- stderr --------------------------------------------------------------------------------------------------
    def hint(self, text: str) -> None:
        """Tell people what they may want to do next."""
        self._say(escape_terminal(report.typed(text, self.command)))

    def warn(self, text: str) -> None:
        """Tell people what they should know; also with -q."""
        self._lines([escape_terminal(f"warning: {text}")])

    def error(self, error: ZvolError) -> None:
        """Say why a command ends, and in JSON modes end stderr with the same as an object."""
        self._lines(report.error_words(error, self.command))
        if self.for_programs and error.exit is not Exit.USAGE:
            self.stderr.write(machine.line(report.as_json(report.as_trouble(error), error.uuid, error.job_uuid)))

    def _say(self, text: str) -> None:
        if not self.quiet:
            self._lines([text])

    def _lines(self, lines: Iterable[str]) -> None:
        mark = "zvol (sandbox): " if self.sandbox else "zvol: "
        for number, text in enumerate(lines):
            self.stderr.write((mark if not number else "  ") + text + "\n")

    def _out(self, text: str) -> None:
        self.stdout.write(text)
        if self.format == "ndjson":
            self.stdout.flush()
