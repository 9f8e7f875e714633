"""All of it: `python -m tests.crash points`, `followups`, `kills --kills 300 --seed 1`, `signals` and `crowds`.

Of volumes, or of VMs with `--kind vm`.
Prints what was done and what was wrong; the exit code is the number of wrong cases (at most 99).
"""

from __future__ import annotations

import argparse
import functools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.crash import followups, kills, points, signals, together
from tests.crash.world import World, world
from tests.support.kinds import KINDS, VOLUMES
from tests.support.profiles import RATE


def passes(name: str, case: Callable[[], object]) -> bool:
    """Run a case; a wrong one is reported and does not stop the others."""
    try:
        case()
    except (AssertionError, subprocess.TimeoutExpired) as wrong:
        print(f"WRONG {name}: {wrong}", flush=True)
        return False
    return True


def all_points(cloud: World, numbers: Iterable[int], chance: random.Random, signal: str) -> tuple[int, int]:
    """End a run at every point, each time with a resume that runs through and with one that is killed too."""
    done = wrong = 0
    for number in numbers:
        every = points.points(points.count(cloud, number), signal)
        print(f"{number} at once: {len(every)} points", flush=True)
        for point in every:
            for again in (None, chance):
                name = f"{number} at once, {point}, resume {'killed too' if again else 'undisturbed'}"
                wrong += not passes(name, functools.partial(points.crash, cloud, number, point, again=again))
                done += 1
        print(f"{done} cases, {wrong} wrong", flush=True)
    return done, wrong


def many_kills(cloud: World, number_of_kills: int, chance: random.Random) -> tuple[int, int]:
    done = wrong = 0
    while cloud.counts["kill"] < number_of_kills:
        wrong += not passes(f"random case {done}", lambda: kills.kill(cloud, chance))
        done += 1
        if done % 20 == 0:
            print(f"{cloud.counts['kill']} kills in {done} cases, {wrong} wrong", flush=True)
    return done, wrong


def every_signal(cloud: World) -> tuple[int, int]:
    """Send every signal in every phase."""
    cases = [(signals.case, name, number) for name in signals.PHASES for number in signals.SIGNALS]
    if cloud.kind is VOLUMES:
        cases += [(signals.prompted, name, number) for name in signals.PROMPTS for number in signals.SIGNALS]
    return len(cases), sum(not passes(f"{n}, {s}", functools.partial(do, cloud, n, s)) for do, n, s in cases)


def crowds(cloud: World, number_of_crowds: int, chance: random.Random, rate: float) -> tuple[int, int]:
    """Processes on the same targets, some of them killed."""
    wrong = 0
    for number in range(number_of_crowds):
        case = functools.partial(together.crowd, cloud, chance, kills=number % 2 * 3, rate=rate)
        wrong += not passes(f"crowd {number}", case)
    return number_of_crowds, wrong


def all_followups(cloud: World) -> tuple[int, int]:
    """End a run that tags and attaches at every point."""
    every = followups.points(cloud)
    print(f"{len(every)} points", flush=True)
    return len(every), sum(not passes(str(point), functools.partial(followups.case, cloud, point)) for point in every)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("what", choices=("points", "followups", "kills", "signals", "crowds"))
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--crowds", type=int, default=20)
    parser.add_argument("--kind", choices=KINDS, default="volume")
    parser.add_argument("--at-once", type=int, nargs="*", default=[1, 6], help="how many targets a run has")
    parser.add_argument("--rate", type=float, help=f"how fast zvol's clock is ({RATE}; of crowds {together.RATE})")
    parser.add_argument("--server", default="--job-time 0.3", help="options of the sandbox")
    parser.add_argument("--signal", default="SIGKILL")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance, began = random.Random(given.seed), time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        world(
            Path(folder) / "world", *given.server.split(), kind=KINDS[given.kind], extra=40_000, rate=given.rate or RATE
        ) as cloud,
    ):
        match given.what:
            case "points":
                done, wrong = all_points(cloud, given.at_once, chance, given.signal)
            case "followups":
                done, wrong = all_followups(cloud)
            case "kills":
                done, wrong = many_kills(cloud, given.kills, chance)
            case "signals":
                done, wrong = every_signal(cloud)
            case _:
                done, wrong = crowds(cloud, given.crowds, chance, given.rate or together.RATE)
        counts = (
            f"{cloud.used} {given.kind}s, {cloud.counts['kill']} kills, {cloud.counts['process']} processes of zvol"
        )
    print(f"{given.what}, seed {given.seed}: {done} cases, {counts}, {wrong} wrong, {time.monotonic() - began:.0f} s")
    return min(wrong, 99)


if __name__ == "__main__":
    sys.exit(main())
