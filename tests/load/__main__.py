"""Runs the load test: `python -m tests.load [--kind vm] [--number 10000] [--seeds 1,2,3] [--share 0.05]`.

For each seed: a sandbox with a ledger in a process of its own, a proxy that injects a fault into a share of
the requests, two kills and restarts of the server, three SIGKILLs of zvol with `zvol resume` after each.  Ends with 1
when a volume or VM was lost, executed twice or reported wrongly, or a volume is not on its VM again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.load.long_run import Figures, Plan, run_plan
from tests.support.kinds import KINDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, default="volume")
    parser.add_argument("--number", type=int, default=10_000, help="how many volumes or VMs (10000)")
    parser.add_argument("--seeds", default="1,2,3", help="separated by commas (1,2,3)")
    parser.add_argument("--share", type=float, default=0.05, help="share of the requests that get a fault (0.05)")
    options = parser.parse_args()
    good = True
    for seed in map(int, options.seeds.split(",")):
        plan = Plan(options.number, seed, options.share, KINDS[options.kind])
        with tempfile.TemporaryDirectory(prefix="zvol-load-") as folder:
            figures = run_plan(plan, Path(folder))
        good = good and not figures.wrong
        show(plan, figures)
    return 0 if good else 1


def show(plan: Plan, figures: Figures) -> None:
    print(
        f"seed {plan.seed}: {'BROKEN' if figures.wrong else 'ok'}; {plan.number} {plan.kind.name}s in "
        f"{figures.seconds:.0f} s, {figures.runs} runs, {figures.requests / plan.number:.2f} requests each, "
        f"{figures.faults} of them with a fault, at most {figures.in_flight} at a time, {figures.megabytes:.0f} MB, "
        f"journal {figures.journal_megabytes:.1f} MB; lost {len(figures.lost)}, twice {len(figures.twice)}, "
        f"false {len(figures.false)}, apart {len(figures.apart)}; outcomes {dict(figures.outcomes)}",
        flush=True,
    )
    for text in figures.wrong:
        print("   ", text)


if __name__ == "__main__":
    sys.exit(main())
