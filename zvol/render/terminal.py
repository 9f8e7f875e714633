"""The size and the colours of a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, TextIO

USUAL: Final = 80
LINES: Final = 24
ERROR: Final = "error:"
PLAIN: Final = ("dumb", "unknown")
"""Values of TERM for which rich draws no colours either."""


def terminal_width(descriptor: int, columns: str | None = None) -> int:
    """Return the columns of the terminal of a file descriptor, 80 if unknown.

    `columns` is the variable COLUMNS, which takes precedence. The function of `shutil` would import all compression
    modules.
    """
    if columns is not None and columns.isascii() and columns.isdigit() and int(columns[:6]):
        return int(columns[:6])
    try:
        return os.get_terminal_size(descriptor).columns or USUAL
    except (OSError, ValueError):
        return USUAL


def terminal_height(descriptor: int) -> int:
    """Return the lines of the terminal of a file descriptor, 24 if unknown."""
    try:
        return os.get_terminal_size(descriptor).lines or LINES
    except (OSError, ValueError):
        return LINES


def message_width(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    """Return the columns at which messages wrap, None if the stream is not a terminal."""
    return terminal_width(stream.fileno(), environ.get("COLUMNS")) if stream.isatty() else None


def error_mark(stream: TextIO, environ: Mapping[str, str]) -> str:
    """Return the prefix of an error, red if the stream is a terminal with colours."""
    if stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "").lower() not in PLAIN:
        return f"\x1b[1;31m{ERROR}\x1b[0m"
    return ERROR
