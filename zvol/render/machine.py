"""What programs read: JSON that is exact, CSV that a spreadsheet cannot run, and bare UUIDs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TextIO

FORMULA: Final = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@＝＋－＠])")
"""Where a spreadsheet sees a formula begin: in a cell, or after what ends one for a spreadsheet of another country."""


def document(value: Any) -> str:
    """Return one JSON document on several lines."""
    return _ascii(json.dumps(value, indent=2, allow_nan=False)) + "\n"


def array(values: Iterable[Any]) -> Iterator[str]:
    """Yield the pieces of one JSON array, as `document` writes it; no more than one value is held at a time."""
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
    """Write the one control character that `json` leaves as it is like the others."""
    return text.replace("\x7f", "\\u007f")


def rows(headers: Sequence[str], values: Iterable[Sequence[str]], stream: TextIO) -> None:
    """Write CSV with a header; what a spreadsheet would run gets an apostrophe before it.

    `values` are gone through twice.
    """
    returns = any("\r" in cell for row in values for cell in row)  # csv does not quote it by itself
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL)
    writer.writerow(headers)
    writer.writerows([FORMULA.sub("'", cell) for cell in row] for row in values)
