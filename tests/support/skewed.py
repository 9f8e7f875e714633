"""zvol on a machine whose clock is wrong: `python -m tests.support.skewed SECONDS ARGUMENTS...`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from zvol.clock import SystemClock


class SkewedClock(SystemClock):
    """This machine's clock, a number of seconds ahead of the real one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wall(self) -> float:
        return super().wall() + self._seconds


def main(arguments: Sequence[str]) -> NoReturn:
    from zvol import cli

    cli.main(arguments[1:], clock=SkewedClock(float(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
