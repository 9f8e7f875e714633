"""zvol on a machine whose clock is wrong: `python -m tests.support.skewed SECONDS ARGUMENTS...`."""

from __future__ import annotations

import sys

from zvol.clock import SystemClock


class SkewedClock(SystemClock):
    """This machine's clock, so many seconds ahead of the real one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wall(self) -> float:
        return super().wall() + self._seconds


if __name__ == "__main__":
    from zvol.cli import main

    main(sys.argv[2:], clock=SkewedClock(float(sys.argv[1])))
