"""`-o json`: one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from zvol.render.formats.interface import Format
from zvol.render.values import Table


class Formatter(Format):
    help = (
        "one VOLUME: the inventory itself, with the API's field names, and\n"
        "`recovery` (outcome, changed, by, jobUuid, warnings), when it is\n"
        "recovered or already back;\n"
        "several, `-`, or --dry-run: an array of results, in the order of the\narguments"
    )
    for_programs = True
    whole = True

    def table(self, table: Table[Any]) -> Iterator[str]:
        values = map(table.to_json, table.rows)
        return map(document, values) if table.single else array(values)


def document(value: Any) -> str:
    """Return one JSON document on several lines."""
    return _ascii(json.dumps(value, indent=2, allow_nan=False)) + "\n"


def array(values: Iterable[Any]) -> Iterator[str]:
    """Yield the pieces of a JSON array, formatted like `document`; only one value is held at a time."""
    begun = False
    for value in values:
        text = _ascii(json.dumps(value, indent=2, allow_nan=False)).replace("\n", "\n  ")
        yield f",\n  {text}" if begun else f"[\n  {text}"
        begun = True
    yield "\n]\n" if begun else "[]\n"


def line(value: Any) -> str:
    """Return one JSON document on one line."""
    return _ascii(json.dumps(value, allow_nan=False, separators=(",", ":"))) + "\n"


def _ascii(text: str) -> str:
    """Escape DEL, the only control character that `json` leaves unchanged."""
    return text.replace("\x7f", "\\u007f")
