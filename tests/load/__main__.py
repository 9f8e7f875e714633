"""Runs the load test: `python -m tests.load [--volumes 10000] [--seeds 1,2,3] [--share 0.05]`.

For each seed: a sandbox with a ledger in a process of its own, a proxy that injects a fault into a share of
the requests, two kills and restarts of the server, three SIGKILLs of zvol with `zvol resume` after each.  Ends with 1
when a volume was lost, executed twice or reported wrongly.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.load.long_run import Figures, Plan, run_plan


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--volumes", type=int, default=10_000)
    parser.add_argument("--seeds", default="1,2,3", help="separated by commas (1,2,3)")
    parser.add_argument("--share", type=float, default=0.05, help="share of the requests that get a fault (0.05)")
    options = parser.parse_args()
    good = True
    for seed in map(int, options.seeds.split(",")):
        with tempfile.TemporaryDirectory(prefix="zvol-load-") as folder:
            figures = run_plan(Plan(options.volumes, seed, options.share), Path(folder))
        good = good and figures.good
        show(seed, options.volumes, figures)
    return 0 if good else 1


def show(seed: int, volumes: int, figures: Figures) -> None:
    print(
        f"seed {seed}: {'ok' if figures.good else 'BROKEN'}; {volumes} volumes in {figures.seconds:.0f} s, "
        f"{figures.runs} runs, {figures.requests / volumes:.2f} requests a volume, {figures.faults} of them with a "
        f"fault, at most {figures.in_flight} at a time, {figures.megabytes:.0f} MB, "
        f"journal {figures.journal_megabytes:.1f} MB; lost {len(figures.lost)}, twice {len(figures.twice)}, "
        f"false {len(figures.false)}; outcomes {dict(figures.outcomes)}",
        flush=True,
    )
    for text in (*figures.lost[:5], *figures.twice[:5], *figures.false[:5]):
        print("   ", text)


if __name__ == "__main__":
    sys.exit(main())
