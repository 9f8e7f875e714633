"""Tables in a pipe: the same columns as on a terminal, no colour, nothing cut, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from zvol.text import display_width, pad

GAP: Final = "  "


class Cells:
    """Rows of cells that are made each time they are gone through, for a long list is shorter than its texts."""

    def __init__(self, source: Iterable[Any], make: Callable[[Any], list[str]]) -> None:
        self._source, self._make = source, make

    def __iter__(self) -> Iterator[list[str]]:
        return map(self._make, self._source)


def widths(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[int]:
    """Return how wide each column is."""
    found = [display_width(header) for header in headers]
    for row in rows:
        for place, cell in enumerate(row):
            width = display_width(cell)
            if width > found[place]:
                found[place] = width
    return found


def line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row with its cells below each other."""
    return GAP.join([pad(cell, width) for cell, width in zip(row, widths, strict=True)]).rstrip()


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; all cells are safe texts, and `rows` are gone through twice."""
    wide = widths(headers, rows)
    for row in chain([headers], rows):
        yield line(row, wide)


def records(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield each row as lines of `Header: value`, with an empty line between rows."""
    width = max((display_width(header) for header in headers), default=0) + 1
    labels = [pad(header + ":", width) for header in headers]
    for number, row in enumerate(rows):
        if number:
            yield ""
        for label, cell in zip(labels, row, strict=True):
            yield f"{label} {cell}"
