"""zvol on a clock that others move forward: `python -m tests.support.jumping FILE ARGUMENTS...`.

It is this machine's clock, and ahead of it by a second for each byte of the file, which may not exist yet.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from zvol.clock import SystemClock


def jumping(file: Path) -> tuple[str, ...]:
    """Return the command of a zvol with such a clock."""
    return (sys.executable, "-m", __name__, str(file))


def jump(file: Path, seconds: int) -> None:
    """Move the clock of a file forward."""
    with file.open("ab") as ahead:
        ahead.write(b"." * seconds)


class JumpingClock(SystemClock):
    """Only what asks for the time sees the jumps; waits and timeouts of sockets take as long as they do."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def wall(self) -> float:
        return super().wall() + self.ahead

    def jump(self, seconds: float) -> None:
        self.ahead += seconds


class ClockOfFile(JumpingClock):
    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def ahead(self) -> float:  # type: ignore[override]
        return self._file.stat().st_size if self._file.exists() else 0.0


def main(arguments: Sequence[str]) -> NoReturn:
    from zvol import cli

    cli.main(arguments[1:], clock=ClockOfFile(Path(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
