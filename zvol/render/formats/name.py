"""`-o name`: UUIDs only, or names for rows without a UUID."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zvol.render.formats.interface import Format
from zvol.render.values import Table


class Formatter(Format):
    help = "UUIDs only"
    has_failures = False

    def table(self, table: Table[Any]) -> Iterator[str]:
        return (f"{name}\n" for name in map(table.to_name, table.rows) if name is not None)
