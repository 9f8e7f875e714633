"""Fits a table to a terminal: which columns are shown, and their widths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from zvol.render.values import Column, Fit, Span
from zvol.text import cut, display_width, wrap

GAP: Final = "  "
NARROW: Final = 72
"""A terminal with fewer columns shows records instead of a table."""
LEAST: Final = 12
"""Minimum width of a column that is cut."""
READABLE: Final = 40
"""Minimum width for a text that wraps; in a narrower space it is put below its row."""
INDENT: Final = "  "
BELOW: Final = "    "


def lines(
    columns: Sequence[Column[Any]], rows: Iterable[Sequence[str]], styles: Iterable[Sequence[str]], width: int
) -> Iterator[list[Span]]:
    """Yield the lines of a table on a terminal, none without a row.

    `rows` are iterated over twice, and all cells are escaped.
    """
    natural, empty = [display_width(column.header) for column in columns], True
    for row in rows:
        empty = False
        natural = [max(size, display_width(cell)) for size, cell in zip(natural, row, strict=True)]
    if empty:
        return
    widths = fitted(columns, natural, width)
    below = _stands_below(columns, natural, widths, width)
    if below:
        widths = [*fitted(columns[:-1], natural[:-1], width), None]
    shown = [(place, size) for place, size in enumerate(widths) if size is not None]
    kept, sizes = [columns[place] for place, _ in shown], [size for _, size in shown]
    wraps = any(columns[place].fit is Fit.WRAP and natural[place] > size for place, size in shown)
    yield _spans([column.header for column in kept], ["bold"] * len(kept), kept, sizes)
    for row, row_styles in zip(rows, styles, strict=True):
        cells, style = [row[place] for place, _ in shown], [row_styles[place] for place, _ in shown]
        for part in _parts(cells, kept, sizes) if wraps else (cells,):
            yield _spans(part, style, kept, sizes)
        if below and row[-1]:
            yield from ([(BELOW + text, "")] for text in wrap(row[-1], max(LEAST, width - len(BELOW))))


def _stands_below(
    columns: Sequence[Column[Any]], natural: Sequence[int], widths: Sequence[int | None], width: int
) -> bool:
    """Tell whether too few columns are left for a text at the end of the rows."""
    last = widths[-1] if widths else None
    if last is None or columns[-1].fit is not Fit.WRAP:
        return False
    return last < min(natural[-1], READABLE) or _total([size for size in widths if size is not None]) > width


def fitted(columns: Sequence[Column[Any]], natural: Sequence[int], width: int) -> list[int | None]:
    """Return the width of each column, None for those left out, the last first; `natural` are the widths of the cells.

    If that is not enough, all columns keep their natural width, and the terminal wraps the lines.
    """
    shown = list(range(len(columns)))
    rigid = [column.fit is Fit.WHOLE for column in columns]
    least = [size if whole else min(size, LEAST) for size, whole in zip(natural, rigid, strict=True)]
    while _total([least[place] for place in shown]) > width:
        optional = [place for place in shown if columns[place].least]
        if not optional:
            return list(natural)
        shown.remove(max(optional, key=lambda place: columns[place].least))
    found = [size if place in shown else None for place, size in enumerate(natural)]
    flexible = sorted((place for place in shown if not rigid[place]), key=lambda place: natural[place])
    room = width - _total([0 if place in flexible else natural[place] for place in shown])
    for number, place in enumerate(flexible):
        given = min(natural[place], room // (len(flexible) - number))
        found[place] = given
        room -= given
    return found


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + len(GAP) * max(0, len(sizes) - 1)


def _spans(
    cells: Sequence[str], styles: Sequence[str], columns: Sequence[Column[Any]], widths: Sequence[int]
) -> list[Span]:
    """Return a line; cells that are too wide are cut."""
    found: list[Span] = []
    for cell, style, column, width in zip(cells, styles, columns, widths, strict=True):
        size = display_width(cell)
        if size > width and column.fit is Fit.CUT:
            cell = cut(cell, width)
            size = display_width(cell)
        blanks = " " * (width - size)
        found += [(blanks, ""), (cell, style), (GAP, "")] if column.right else [(cell, style), (blanks + GAP, "")]
    while found and not found[-1][0].strip():
        found.pop()
    return found


def _parts(cells: Sequence[str], columns: Sequence[Column[Any]], widths: Sequence[int]) -> Iterator[list[str]]:
    """Yield the lines of a row whose cells wrap, each line with all cells."""
    split = [
        wrap(cell, width) if column.fit is Fit.WRAP else [cell]
        for cell, column, width in zip(cells, columns, widths, strict=True)
    ]
    for number in range(max(map(len, split))):
        yield [part[number] if number < len(part) else "" for part in split]
