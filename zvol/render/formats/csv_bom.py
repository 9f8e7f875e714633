"""`-o csv-bom`: CSV that spreadsheets take for UTF-8 without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zvol.render.formats import csv
from zvol.render.values import Table

BOM = "\ufeff"


class Formatter(csv.Formatter):
    help = "the same after a BOM, by which Excel sees that it is UTF-8"

    def table(self, table: Table[Any]) -> Iterator[str]:
        if not self.tty:
            yield BOM
        yield from super().table(table)
