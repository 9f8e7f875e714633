"""A window that keeps its size: with the best one it is the bound of what any search can reach.

`python -m tests.support.fixed_window 20 recover - -o ndjson` is zvol with such a window.
"""

from __future__ import annotations

import sys

from zvol.recovery import engine
from zvol.recovery.window import Window


class FixedWindow(Window):
    """A window of one size, which spreads its PUTs as one that has settled does."""

    def __init__(self, size: int) -> None:
        super().__init__(size, size)
        self._sizes._straight = False
        for change in ("measured", "restart", "double", "halve"):
            setattr(self._sizes, change, lambda *_args, **_options: None)


def main() -> None:
    from zvol.cli import main as zvol

    size = int(sys.argv.pop(1))
    engine.Window = lambda *_args: FixedWindow(size)  # type: ignore[assignment, attr-defined]
    sys.argv[0] = "zvol"
    zvol()


if __name__ == "__main__":
    main()
