"""The size and the colour of a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, TextIO

USUAL: Final = 80
LINES: Final = 24
ERROR: Final = "error:"


def terminal_width(descriptor: int, columns: str | None = None) -> int:
    """Return the number of columns of the terminal behind a file descriptor, 80 if that is unknown.

    `columns` is the variable COLUMNS, which overrides it.  `shutil` has such a function, but imports all compression
    modules.
    """
    if columns is not None and columns.isascii() and columns.isdigit() and int(columns[:6]):
        return int(columns[:6])
    try:
        return os.get_terminal_size(descriptor).columns or USUAL
    except (OSError, ValueError):
        return USUAL


def terminal_height(descriptor: int) -> int:
    """Return the number of lines of the terminal behind a file descriptor, 24 if that is unknown."""
    try:
        return os.get_terminal_size(descriptor).lines or LINES
    except (OSError, ValueError):
        return LINES


def message_width(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    """Return the number of columns that messages are wrapped to; None for a stream that is not a terminal."""
    return terminal_width(stream.fileno(), environ.get("COLUMNS")) if stream.isatty() else None


def error_mark(stream: TextIO, environ: Mapping[str, str]) -> str:
    """Return what an error begins with, red where the stream is a terminal that shows colours."""
    if stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb":
        return f"\x1b[1;31m{ERROR}\x1b[0m"
    return ERROR
