"""How wide a terminal is."""

from __future__ import annotations

import os
from typing import Final

USUAL: Final = 80


def terminal_width(descriptor: int, columns: str | None = None) -> int:
    """Return how many columns the terminal behind a file descriptor has, 80 where that is not known.

    `columns` is the variable COLUMNS where it counts.  `shutil` has such a function, and imports all compressions.
    """
    if columns is not None and columns.isascii() and columns.isdigit() and int(columns[:6]):
        return int(columns[:6])
    try:
        return os.get_terminal_size(descriptor).columns or USUAL
    except (OSError, ValueError):
        return USUAL
