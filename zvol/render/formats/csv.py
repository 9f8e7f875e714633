"""`-o csv`: CSV with a header, and without values that a spreadsheet would run as formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any, Final

from zvol.render.formats.interface import Format
from zvol.render.values import Table
from zvol.text import escape_terminal

FORMULA: Final = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@＝＋－＠])")
"""The places where a formula can begin for a spreadsheet: in a cell, or after a separator of another locale."""


class Formatter(Format):
    help = "with a header; a value that a spreadsheet would run as a formula\nbegins with an apostrophe"
    picks_columns = True

    def table(self, table: Table[Any]) -> Iterator[str]:
        returns = any("\r" in cell for row in table.rows for cell in self._cells(table, row))
        # the csv module does not quote a carriage return by itself
        writer = csv.writer(_Echo(), lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL)
        yield _written(writer, [column.key for column in table.columns])
        for row in table.rows:
            yield _written(writer, [FORMULA.sub("'", cell) for cell in self._cells(table, row)])

    def _cells(self, table: Table[Any], row: Any) -> list[str]:
        """Return the exact values; on a terminal, control characters are escaped."""
        cells = [column.csv(row) for column in table.columns]
        return [escape_terminal(cell) for cell in cells] if self.tty else cells


class _Echo:
    """A file for the csv module; `write` returns its text, so that `writerow` does too."""

    def write(self, text: str) -> str:
        return text


def _written(writer: Any, cells: list[str]) -> str:
    text: str = writer.writerow(cells)
    return text
