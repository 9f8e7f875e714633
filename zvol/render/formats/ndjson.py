"""`-o ndjson`: one JSON document per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zvol.render.formats.interface import Format
from zvol.render.formats.json import line
from zvol.render.values import Table


class Formatter(Format):
    help = "one result per line, as soon as it is known"
    for_programs = True
    whole = True
    streams = True

    def table(self, table: Table[Any]) -> Iterator[str]:
        return (line(table.to_json(row)) for row in table.rows)
