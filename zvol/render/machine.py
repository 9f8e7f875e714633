"""What programs read: JSON that is exact, CSV that a spreadsheet cannot run, and bare UUIDs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

FORMULA: Final = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@＝＋－＠])")
"""Where a spreadsheet sees a formula begin: in a cell, or after what ends one for a spreadsheet of another country."""


def document(value: Any) -> str:
    """Return one JSON document on several lines."""
    return _ascii(json.dumps(value, indent=2, allow_nan=False)) + "\n"


def line(value: Any) -> str:
    """Return one JSON document on one line."""
    return _ascii(json.dumps(value, allow_nan=False, separators=(",", ":"))) + "\n"


def _ascii(text: str) -> str:
    """Write the one control character that `json` leaves as it is like the others."""
    return text.replace("\x7f", "\\u007f")


def rows(headers: Sequence[str], values: Iterable[Sequence[str]]) -> str:
    """Return CSV with a header; what a spreadsheet would run gets an apostrophe before it."""
    table = [[FORMULA.sub("'", cell) for cell in row] for row in values]
    returns = any("\r" in cell for row in table for cell in row)  # csv does not quote it by itself
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL)
    writer.writerows([headers, *table])
    return stream.getvalue()
