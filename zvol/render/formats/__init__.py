"""The output formats; this registry is the only list of them.

A format is a module of this package with the name of the format (with _ for -) and a class `Formatter`. It is imported
when first used.
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
    """Return names as an enumeration, such as `table, json, ndjson, csv or name`."""
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last
