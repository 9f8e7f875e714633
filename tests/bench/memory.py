"""How much memory zvol takes for many volumes (`ru_maxrss`): `python -m tests.bench.memory`, or `memory` of speed.

A list, a dry run and a recovery of 10,000; with `--all` also of 100,000, which takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.tools import ZVOL, Report, cloud, run

SIZES = {10_000: "<= 100", 100_000: "<= 250"}
"""Volumes, and the target in MB."""

LIST = (ZVOL, "list", "-o", "ndjson")
RECOVER = (ZVOL, "recover", "-", "-o", "ndjson")


def memory(report: Report, directory: Path, rounds: int = 1, count: int = 10_000) -> None:
    """Measure one process of each kind."""
    del rounds
    with cloud(directory, count, ("--job-time", "0")) as server:
        uuids = "\n".join(server.added())
        for what, argv in (("list", LIST), ("dry run", (*RECOVER, "--dry-run")), ("recover", RECOVER)):
            done = run(argv, server.env, uuids)
            detail = f"{done.wall:.0f} s, {count / done.wall:.0f} a second, {done.cpu:.0f} s CPU"
            report.add(f"MB for {what} of {count}", done.size / 1e6, detail, SIZES[count])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="also 100,000 volumes")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="zvol-bench-") as directory:
        for count in SIZES if options.all else list(SIZES)[:1]:
            memory(report, Path(directory) / str(count), count=count)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
