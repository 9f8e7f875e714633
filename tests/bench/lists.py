"""What long lists take: `python -m tests.bench.lists`.

A list of 10,000 on a terminal against the same in a pipe, in turns (CPU seconds of the child), and how large a list of
100,000 becomes (`ru_maxrss`).
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import struct
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.bench.tools import ZVOL, Report, cloud, run


def on_terminal(arguments: Sequence[str], env: Mapping[str, str], columns: int) -> float:
    """Return the CPU seconds of zvol on a terminal with the given number of columns."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        os.execve(ZVOL, [ZVOL, *arguments], dict(env))
    with suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass
    os.close(terminal)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"zvol ended with {os.waitstatus_to_exitcode(status)} on a terminal")
    return usage.ru_utime + usage.ru_stime


def terminal(report: Report, directory: Path, rounds: int, count: int = 10_000) -> None:
    with cloud(directory, count) as server:
        turns = [
            (
                run((ZVOL, "list"), server.env).cpu,
                on_terminal(["list"], server.env, 200),
                on_terminal(["list"], server.env, 80),
            )
            for _ in range(rounds)
        ]
    piped, wide, narrow = (min(each) for each in zip(*turns, strict=True))
    for what, cpu in (("a table of", wide), ("records of", narrow)):
        report.add(f"{what} {count} / pipe (CPU)", cpu / piped, f"{cpu:.2f} / {piped:.2f} s", "<= 2.00")


def memory(report: Report, directory: Path, rounds: int, count: int = 100_000) -> None:
    del rounds
    with cloud(directory, count) as server:
        for format in ("json", "ndjson", "csv", "table"):
            done = run((ZVOL, "list", "-o", format), server.env)
            report.add(f"MB for {count} as {format}", done.size / 1e6, f"{done.cpu:.1f} s", "<= 250")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each comparison (3)")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="zvol-bench-") as directory:
        for part in (terminal, memory):
            part(report, Path(directory) / part.__name__, options.rounds)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
