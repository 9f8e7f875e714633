"""Tables on a terminal, drawn by rich; the only importer of it, and imported only to draw."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from zvol.render import plain


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[Sequence[str]], stream: TextIO, width: int
) -> None:
    """Draw a table of safe texts, or records when it is wider than the terminal: nothing is ever cut.

    `styles` has one rich style for each cell, empty for none.
    """
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    console = Console(
        file=stream,
        width=width,
        height=100,  # without it rich takes 80 columns for a dumb terminal, and cuts UUIDs
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=True,
        no_color=bool(os.environ.get("NO_COLOR")),  # rich 13.9 takes an empty one for a wish, too
    )
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        drawn.add_column(Text(header), no_wrap=True)
    for row, row_styles in zip(rows, styles, strict=True):
        drawn.add_row(*(Text(cell, style) for cell, style in zip(row, row_styles, strict=True)))
    natural = Measurement.get(console, console.options.update(width=100_000), drawn).maximum
    if natural <= width:
        console.print(drawn)
        return
    for line in plain.records(headers, rows):
        header, colon, value = line.partition(":")
        console.print(Text.assemble((header + colon, "bold"), value), soft_wrap=True)
