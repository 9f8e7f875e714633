"""Every scenario against every version of the server: `python -m tests.matrix [--version V] [--scenario S]`.

Prints a table of versions and scenarios with the seconds that each took; the exit code is 1 when one failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.cells import SCENARIOS, run_cell
from tests.matrix.expectations import VERSIONS
from tests.matrix.losses import lost_put_at_full_length
from tests.matrix.site import site


@dataclass(frozen=True, slots=True)
class Done:
    """One scenario against one version; `failure` is empty when it is ok."""

    version: str
    scenario: str
    seconds: float
    failure: str


def try_cell(version: str, scenario: str, folder: Path) -> Done:
    began, failure = time.monotonic(), ""
    try:
        run_cell(VERSIONS[version], scenario, folder)
    except Exception:
        failure = traceback.format_exc(limit=-2)
    return Done(version, scenario, time.monotonic() - began, failure)


def table(done: Sequence[Done], versions: Sequence[str], scenarios: Sequence[str]) -> str:
    """Return a line for each scenario and a column for each version."""
    cells = {(one.scenario, one.version): f"{'FAILED' if one.failure else 'ok'} {one.seconds:.1f}" for one in done}
    width = max(map(len, scenarios))
    lines = [" " * width + "".join(f"  {version:>14}" for version in versions)]
    for name in scenarios:
        lines.append(f"{name:{width}}" + "".join(f"  {cells[name, version]:>14}" for version in versions))
    return "\n".join(lines)


def full_times(versions: Sequence[str], folder: Path) -> bool:
    """Lose a PUT of each version with the default waits, all at the same time; returns whether that went well."""

    def one(version: str) -> tuple[bool, str]:
        try:
            with site(folder / f"full-{version}", VERSIONS[version]) as made:
                return True, lost_put_at_full_length(made)
        except Exception:
            return False, f"FAILED\n{traceback.format_exc(limit=-2)}"

    print("a lost PUT with the default settle_wait and api_timeout:", flush=True)
    well = True
    with ThreadPoolExecutor(len(versions)) as pool:
        for version, (ok, text) in zip(versions, pool.map(one, versions), strict=True):
            print(f"  {version}: {text}", flush=True)
            well = well and ok
    return well


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--version", action="append", choices=VERSIONS, help="only this one; repeatable")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one; repeatable")
    parser.add_argument("--full-times", action="store_true", help="also lose a PUT with the default waits (4 minutes)")
    parser.add_argument("-n", "--at-once", type=int, default=4, help="how many run at the same time")
    given = parser.parse_args(arguments)
    versions, scenarios = given.version or list(VERSIONS), given.scenario or list(SCENARIOS)
    pairs = [(version, scenario) for scenario in scenarios for version in versions]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(given.at_once) as pool:
        folder = Path(place)
        done = list(pool.map(lambda pair: try_cell(pair[0], pair[1], folder / "-".join(pair)), pairs))
        for one in done:
            if one.failure:
                print(f"FAILED {one.scenario} on {one.version}\n{one.failure}", flush=True)
        print(table(done, versions, scenarios))
        failed = sum(bool(one.failure) for one in done)
        print(f"{len(done)} cells, {failed} failed, {time.monotonic() - began:.0f} s", flush=True)
        well = not given.full_times or full_times(versions, folder)
    return 0 if well and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
