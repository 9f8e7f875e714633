"""Tables in a pipe: the same columns as on a terminal, no colour, nothing cut, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zvol.text import display_width, pad


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; all cells are safe texts."""
    widths = [max(display_width(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        yield "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def records(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as lines of `Header: value`, with an empty line between rows."""
    width = max((display_width(header) for header in headers), default=0) + 1
    for number, row in enumerate(rows):
        if number:
            yield ""
        for header, cell in zip(headers, row, strict=True):
            yield f"{pad(header + ':', width)} {cell}"
