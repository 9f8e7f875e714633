"""`-o table`: for people, with colours on a terminal and plain in a pipe.

rich draws the lines on a terminal. Its tables are not used: they cannot drop columns in a given order, hold all rows in
memory, and make a thousand calls per row.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from zvol.render.formats.interface import Format
from zvol.render.layout import GAP, INDENT, NARROW, lines
from zvol.render.prose import LEAST, fold
from zvol.render.values import Column, Fit, Line, Span, Table
from zvol.text import display_width, pad, wrap

if TYPE_CHECKING:
    from rich.style import Style

BATCH: Final = 1000
"""Lines that rich draws at a time."""

COMMANDS: Final = ("Next",)
"""The labels of commands to copy."""


class Formatter(Format):
    help = "for people: a table as wide as the terminal, with the columns that\nfit; plain in a pipe, with nothing cut"
    for_people = True
    picks_columns = True

    def table(self, table: Table[Any]) -> Iterator[str]:
        if self.tty and table.block is not None:
            return _rendered(
                chain.from_iterable(_block(line, self.width) for row in table.rows for line in table.block(row))
            )
        if table.details is not None:
            return _details(table.details, table.rows, self.width if self.tty else None)
        columns = (self.wide and table.wide) or table.people or table.columns
        if self.tty and table.lines is not None:
            return _rendered(_listed([table.lines(row) for row in table.rows], self.width))
        if not self.tty:
            cells = Cells(table.rows, lambda row: [column.text(row) for column in columns])
            return _ended(plain_table([column.header for column in columns], cells))
        if self.wide:
            return self._drawn(table, columns, lambda column, row: column.text(row), sys.maxsize)
        return self._drawn(table, table.screen or columns, lambda column, row: column.terminal(row), self.width)

    def _drawn(
        self, table: Table[Any], columns: Sequence[Column[Any]], text: Callable[[Column[Any], Any], str], width: int
    ) -> Iterator[str]:
        """Yield a table for a terminal, or records if the terminal is too narrow."""
        narrow = width < NARROW
        columns = [column for column in columns if narrow or column.least <= width]
        cells = Cells(table.rows, lambda row: [text(column, row) for column in columns])
        styles = Cells(table.rows, lambda row: [column.style(row) if column.style else "" for column in columns])
        return _rendered((_records if narrow else lines)(columns, cells, styles, width))


class Cells:
    """Rows of cells, computed again for each iteration, because all cells of a long list would need much memory."""

    def __init__(self, source: Iterable[Any], make: Callable[[Any], list[str]]) -> None:
        self._source, self._make = source, make

    def __iter__(self) -> Iterator[list[str]]:
        return map(self._make, self._source)


# ---- plain text ------------------------------------------------------------------------------------------------------
def widths(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[int]:
    """Return the width of each column."""
    found = [display_width(header) for header in headers]
    for row in rows:
        for place, cell in enumerate(row):
            width = display_width(cell)
            if width > found[place]:
                found[place] = width
    return found


def plain_line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row with its cells padded to the column widths."""
    return GAP.join([pad(cell, width) for cell, width in zip(row, widths, strict=True)]).rstrip()


def plain_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; all cells are escaped, and `rows` are iterated over twice."""
    wide = widths(headers, rows)
    for row in chain([headers], rows):
        yield plain_line(row, wide)


def plain_records(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield each row as lines of `Header: value`, with an empty line between rows; every value stays on its line."""
    width = max((display_width(header) for header in headers), default=0) + 1
    labels = [pad(header and header + ":", width) for header in headers]
    for number, row in enumerate(rows):
        if number:
            yield ""
        for label, cell in zip(labels, row, strict=True):
            yield f"{label} {cell}"


def _details(
    details: Callable[[Any, bool], Iterable[tuple[str, str]]], rows: Iterable[Any], width: int | None
) -> Iterator[str]:
    """Yield each row as a separate record, because rows can have different labels; texts wrap on a terminal."""
    for number, row in enumerate(rows):
        if number:
            yield "\n"
        pairs = list(details(row, width is not None))
        labels = [label for label, _ in pairs]
        if width is None:
            yield from _ended(plain_records(labels, [[text for _, text in pairs]]))
            continue
        wide = max(map(display_width, labels), default=0) + len(": ")
        parts = [part for label, text in pairs for part in _wrapped_fact(label, text, max(LEAST, width - wide))]
        yield from _ended(plain_records([label for label, _ in parts], [[text for _, text in parts]]))


def _wrapped_fact(label: str, text: str, width: int) -> Iterator[tuple[str, str]]:
    """Yield a fact as lines, the first with its label; a command to copy stays whole."""
    lines = [text] if label in COMMANDS or text.startswith("`") else wrap(text, width)
    yield label, lines[0]
    yield from (("", line) for line in lines[1:])


def _ended(lines: Iterable[str]) -> Iterator[str]:
    return (text + "\n" for text in lines)


# ---- on a terminal ---------------------------------------------------------------------------------------------------
def _block(line: Line, width: int) -> Iterator[list[Span]]:
    """Yield a line with its mark; continuation lines are indented to its text."""
    (mark, style), text = line
    first, *rest = fold(INDENT + text, width)
    yield [(mark or INDENT, style), (first.removeprefix(INDENT), "")]
    yield from ([(more, "")] for more in rest)


def _listed(rows: Sequence[tuple[Sequence[Span], str]], width: int) -> Iterator[list[Span]]:
    """Yield each row with its last cell wrapped, then the text below it."""
    starts = [[text for text, _ in cells[:-1]] for cells, _ in rows]
    wide = widths(starts[0], starts) if starts else []
    indent = sum(wide) + len(GAP) * len(wide)
    for cells, below in rows:
        text, style = cells[-1]
        first, *rest = wrap(text, max(width - indent, LEAST))
        start = [(pad(cell, columns) + GAP, one) for (cell, one), columns in zip(cells[:-1], wide, strict=True)]
        yield [*start, (first, style)]
        yield from ([(" " * indent + line, style)] for line in rest)
        if below:
            yield from ([(line, "")] for line in fold(" " * wide[0] + GAP + below, width))


def _records(
    columns: Sequence[Column[Any]], rows: Iterable[Sequence[str]], styles: Iterable[Sequence[str]], width: int
) -> Iterator[list[Span]]:
    """Yield each row as lines of `Header: value`, without columns that have no header and without empty values."""
    label = max((display_width(column.header) for column in columns), default=0) + len(": ")
    for number, (row, row_styles) in enumerate(zip(rows, styles, strict=True)):
        if number:
            yield []
        for column, cell, style in zip(columns, row, row_styles, strict=True):
            if not column.header or not cell:
                continue
            first, *rest = wrap(cell, max(LEAST, width - label)) if column.fit is Fit.WRAP else [cell]
            yield [(pad(f"{column.header}:", label), "bold"), (first, style)]
            yield from ([(" " * label + more, style)] for more in rest)


def _rendered(lines: Iterable[Sequence[Span]]) -> Iterator[str]:
    """Yield lines with their colours; the terminal wraps lines that are too long."""
    from rich.console import Console
    from rich.segment import Segment, Segments

    no_color = bool(os.environ.get("NO_COLOR"))  # rich 13.9 also obeys an empty NO_COLOR
    source, buffer = iter(lines), io.StringIO()
    console = Console(file=buffer, force_terminal=True, no_color=no_color)
    known: dict[str, Style | None] = {"": None}
    while batch := list(islice(source, BATCH)):
        spans = [span for line in batch for span in (*filter(_has_text, line), ("\n", ""))]
        known |= {style: console.get_style(style) for _, style in spans if style not in known}
        console.print(Segments([Segment(text, known[style]) for text, style in spans]), soft_wrap=True)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _has_text(span: Span) -> bool:
    return bool(span[0])
