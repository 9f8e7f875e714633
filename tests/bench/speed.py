"""Measures zvol's targets of speed, as ratios within one run: see README.md beside this file.

What is compared runs in turns, and the best of all turns counts: that is the one the machine disturbed least.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench import bulk
from tests.bench.memory import memory
from tests.bench.tools import PYTHON, ZVOL, Cloud, Report, Run, cloud, environment, run

BARE = (PYTHON, str(Path(__file__).with_name("bare.py")))
ONE = "d0a7a5e0c0de4b1e8a5efeedbead0001"
JOB_TIMES = (0.0, 0.04, 0.15, 3.0)  # seconds that the server takes for one recovery: a quiet 5.2.1 some 40 ms


def start(report: Report, directory: Path, rounds: int) -> None:
    """How long a command without a server takes, against importing click; CPU time, because nothing waits."""
    env = environment(directory)
    complete = {"_ZVOL_COMPLETE": "bash_complete", "COMP_LINE": "zvol re"}
    commands = {
        "click": ([PYTHON, "-c", "import click"], env),
        "--help": ([ZVOL, "--help"], env),
        "--version": ([ZVOL, "--version"], env),
        "completion": ([ZVOL], env | complete),
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, (argv, variables) in commands.items():
            best[name] = min(best[name], run(argv, variables).cpu)
    base = best.pop("click")
    for name, cpu in best.items():
        report.add(f"{name} / import click (CPU)", cpu / base, f"{cpu * 1e3:.0f} / {base * 1e3:.0f} ms", "<= 1.25")


def _one(server: Cloud, argv: Sequence[str]) -> Run:
    """Run one recovery, and delete the volume again."""
    ran = run(argv, server.env)
    server.delete(ONE)
    return ran


def _modules(server: Cloud) -> list[str]:
    """Return zvol's own modules that a recovery imports, in their order."""
    shown = run((ZVOL, "recover", ONE, "--json"), server.env | {"PYTHONPROFILEIMPORTTIME": "1"}).stderr
    server.delete(ONE)
    modules = re.findall(r"^import time:.*\| +(zvol[.\w]*)$", shown, re.MULTILINE)
    assert modules, shown[-500:]
    return modules


def single(report: Report, directory: Path, rounds: int) -> None:
    """How long one recovery takes, against the bare client in turns, by how long its job takes; medians of ratios.

    The bare client that also imports zvol's modules shows what these cost; it also unloads them, which zvol does not.
    """
    bare, ours, loop = (*BARE, ONE), (ZVOL, "recover", ONE, "--json"), (*BARE, ONE, "--every", "1")
    for seconds in JOB_TIMES:
        with cloud(directory / str(seconds), options=("--job-time", str(seconds))) as server:
            bound = [*bare, *(f"--import={name}" for name in _modules(server))]
            turns = [(_one(server, ours), _one(server, bare), _one(server, bound)) for _ in range(rounds)]
            pairs = [(one, other) for one, other, _ in turns]
            once = _one(server, loop).wall if seconds == JOB_TIMES[1] else 0.0
        ratio = median(one.wall / other.wall for one, other in pairs)
        zvol, other = (median(one.wall for one in each) for each in zip(*pairs, strict=True))
        what = f"recover U / bare, a job of {seconds * 1e3:.0f} ms"
        report.add(what, ratio, f"{zvol * 1e3:.0f} / {other * 1e3:.0f} ms", "<= 1.05")
        imports = median(one.wall / other.wall for _, other, one in turns)
        report.add("  bare with zvol's imports / bare", imports, "")
        if once:
            cpu, least = median(one.cpu / other.cpu for one, other in pairs), min(one.cpu for one, _ in pairs)
            report.add("the same (CPU)", cpu, f"{least * 1e3:.0f} / {min(one.cpu for _, one in pairs) * 1e3:.0f} ms")
            report.add("loop of one look a second / zvol", once / zvol, f"{once * 1e3:.0f} ms", ">= 3.50")


PARTS = {"start": start, "single": single, "bulk": bulk.bulk, "after": bulk.after, "memory": memory}
ROUNDS = 15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; all by default")
    parser.add_argument(
        "--rounds", type=int, help=f"turns of each comparison ({ROUNDS}; {bulk.ROUNDS} for bulk and after)"
    )
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="zvol-bench-") as directory:
        for name in options.parts or PARTS:
            usual = bulk.ROUNDS if name in bulk.PARTS else ROUNDS
            PARTS[name](report, Path(directory) / name, options.rounds or usual)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
