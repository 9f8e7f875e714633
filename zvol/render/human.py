"""Tables on a terminal, drawn by rich; the only importer of it, and imported only to draw.

rich knows colours and terminals; its own tables measure each cell several times, so lines are put together here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, TextIO

from zvol.render import plain
from zvol.text import pad

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style

AT_ONCE: Final = 1000
"""Lines that are drawn in one go."""

ReadBatch = tuple[str, str]
"""A text and its rich style, empty for none."""


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], styles: Iterable[Sequence[str]], stream: TextIO, width: int
) -> None:
    """Draw a table of safe texts, or records when it is wider than the terminal: nothing is ever cut.

    `rows` are gone through twice.  `styles` has one rich style for each cell, empty for none.
    """
    widths = plain.widths(headers, rows)
    fits = sum(widths) + len(plain.GAP) * (len(widths) - 1) <= width
    _draw(_lines(headers, rows, styles, widths) if fits else _records(headers, rows), _console(stream))


def _lines(
    headers: Sequence[str], rows: Iterable[Sequence[str]], styles: Iterable[Sequence[str]], widths: Sequence[int]
) -> Iterator[list[ReadBatch]]:
    yield list(_cells(headers, ["bold"] * len(headers), widths))
    for row, row_styles in zip(rows, styles, strict=True):
        if any(row_styles):
            yield list(_cells(row, row_styles, widths))
        else:
            yield [(plain.line(row, widths), "")]


def _cells(row: Sequence[str], styles: Sequence[str], widths: Sequence[int]) -> Iterator[ReadBatch]:
    last = len(row) - 1
    for place, (cell, style, width) in enumerate(zip(row, styles, widths, strict=True)):
        yield cell, style
        if place < last:
            yield pad(cell, width)[len(cell) :] + plain.GAP, ""


def _records(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[list[ReadBatch]]:
    for text in plain.records(headers, rows):
        header, colon, value = text.partition(":")
        yield [(header + colon, "bold"), (value, "")]


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    no_color = bool(os.environ.get("NO_COLOR"))  # rich 13.9 takes an empty one for a wish, too
    return Console(file=stream, force_terminal=True, no_color=no_color)


def _draw(lines: Iterable[Sequence[ReadBatch]], console: Console) -> None:
    """Print lines as they are: they are never wrapped here, and a terminal wraps what is longer than it is wide."""
    from rich.segment import Segment, Segments

    source = iter(lines)
    known: dict[str, Style | None] = {"": None}
    while some := list(islice(source, AT_ONCE)):
        parts = [part for line in some for part in _ended(line)]
        known |= {style: console.get_style(style) for _, style in parts if style not in known}
        console.print(Segments([Segment(text, known[style]) for text, style in parts]), soft_wrap=True)


def _ended(line: Sequence[ReadBatch]) -> Iterator[ReadBatch]:
    yield from (part for part in line if part[0])
    yield "\n", ""
