"""The output formats; this registry is the only list of them.

A format is a module of its own name (with _ for -) in this package, with a class `Formatter`.  It is imported when it
is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zvol.render.formats.interface import Format

TABLE: Final = "table"
JSON: Final = "json"
FORMATS: Final = (
    TABLE,
    "wide",
    JSON,
    "ndjson",
    "csv",
    "csv-bom",
    "name",
)
DEFAULT: Final = TABLE


def load(name: str) -> type[Format]:
    """Return the class of a format."""
    found: type[Format] = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").Formatter
    return found


def enumerated(names: Sequence[str] = FORMATS, conjunction: str = "or") -> str:
    """Return names as part of a sentence, such as `table, json, ndjson, csv or name`."""
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last
