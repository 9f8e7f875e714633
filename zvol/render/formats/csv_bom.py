"""`-o csv-bom`: CSV with a BOM, which spreadsheets read as UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zvol.render.formats import csv
from zvol.render.values import Table

BOM = "\ufeff"


class Formatter(csv.Formatter):
    help = "csv with a BOM, so that Excel reads it as UTF-8"

    def table(self, table: Table[Any]) -> Iterator[str]:
        if not self.tty:
            yield BOM
        yield from super().table(table)
