"""How fast many volumes are recovered: `python -m tests.bench.bulk`, or `bulk` and `after` of tests.bench.speed.

zvol against closed loops of 4, 8, 16 and 32 clients, in turns, on servers that a relay in front of the sandbox
imitates; the medians are compared.  zvol with a window of a good size from the start shows what a search can reach.
See README.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.relay import relay
from tests.bench.tools import PYTHON, ZVOL, Cloud, Report, cloud, run
from tests.support.server_pace import AT_ONCE, FEW_PROCESSORS, ONE_AT_A_TIME, Law, ServerPace

COUNT = 1000
ROUNDS = 3
CLIENTS = (4, 8, 16, 32)
NO_TIME = Law([(0, 0), (1, 1e6)])

SERVERS: Mapping[str, Callable[[int], ServerPace[str]]] = {
    "few-processors": lambda _: ServerPace(FEW_PROCESSORS),
    "at-once": lambda _: ServerPace(AT_ONCE),
    "one-at-a-time": lambda _: ServerPace(ONE_AT_A_TIME),
    "changing": lambda count: ServerPace(FEW_PROCESSORS, then=ONE_AT_A_TIME, after=count // 2),
}
"""The servers by name, with the pace for a number of jobs; the third change is that the first becomes the third."""

GOOD_SIZES = {"few-processors": 20, "at-once": 64, "one-at-a-time": 8}
"""A good size of the window, by server."""

FIXED = "a window of a good size"

CURL = """
while read -r uuid; do
  job=$(curl -s -X PUT -H "Authorization: OAuth $ZVOL_SESSION" -d '{"recoverDataVolume":{}}' \
    "$ZVOL_HOST/v1/volumes/$uuid/actions" | jq -r .location)
  code=202
  while [ "$code" = 202 ]; do
    sleep 0.03
    code=$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: OAuth $ZVOL_SESSION" "$job")
  done
done
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender's run: its seconds; seconds of CPU and requests a volume; the most jobs under way.

    `relay` is the part of a processor that the relay took.
    """

    wall: float
    cpu: float
    requests: float
    peak: int
    relay: float


class Race:
    """Contenders in turns on one server; `jobs` are the jobs of each volume."""

    def __init__(self, server: Cloud, directory: Path, pace: Callable[[int], ServerPace[str]], jobs: int = 1) -> None:
        self._server, self._directory, self._pace, self._jobs = server, directory, pace, jobs
        self.turns: dict[str, list[Turn]] = {}

    def turn(self, name: str, argv: Sequence[str], lines: Sequence[str]) -> None:
        """Let a contender recover volumes; they are deleted again."""
        pace = self._pace(self._jobs * len(lines))
        with relay(self._server.env["ZVOL_HOST"], pace) as between:
            # each run has a journal of its own: what another one left open there would be polled first
            home = tempfile.mkdtemp(dir=self._directory)
            env = {**self._server.env, "HOME": home, "ZVOL_HOST": between.host}
            done = run(argv, env, "".join(f"{line}\n" for line in lines))
        requests = between.requests.total() / len(lines)
        self.turns.setdefault(name, []).append(
            Turn(done.wall, done.cpu / len(lines), requests, pace.peak, between.cpu / done.wall)
        )
        self._server.delete(*(line.split()[0] for line in lines))

    def seconds(self, name: str) -> float:
        return median(turn.wall for turn in self.turns[name])

    def best(self) -> str:
        """Return the fastest of the closed loops."""
        return min((name for name in self.turns if name.startswith("loop")), key=self.seconds)

    def table(self, report: Report, counts: Mapping[str, int]) -> None:
        """Show the median of each contender, in volumes a second."""
        for name, turns in self.turns.items():
            paces = sorted(counts[name] / turn.wall for turn in turns)
            requests, peak = median(turn.requests for turn in turns), median(turn.peak for turn in turns)
            detail = f"{paces[0]:.0f}-{paces[-1]:.0f} a second, {requests:.2f} requests a volume, {peak:.0f} under way"
            cpu, of_relay = median(turn.cpu for turn in turns), max(turn.relay for turn in turns)
            report.add(f"  {name}", median(paces), f"{detail}; CPU: {cpu * 1e3:.1f} ms a volume, relay {of_relay:.0%}")


def bulk(
    report: Report, directory: Path, rounds: int, count: int = COUNT, servers: Sequence[str] = tuple(SERVERS)
) -> None:
    """How fast many volumes are recovered, against the fastest of the closed loops."""
    with cloud(directory, count, ("--job-time", "0")) as server:
        uuids = server.added()
        for name in servers:
            print(f"{name}, {count} volumes", flush=True)
            race = Race(server, directory, SERVERS[name])
            contenders = {f"loop of {clients}": _loop(clients) for clients in CLIENTS} | {"zvol": _ZVOL}
            if name in GOOD_SIZES:
                contenders[FIXED] = _fixed(GOOD_SIZES[name])
            for number in range(rounds):
                for contender in _rotated(list(contenders), number):
                    race.turn(contender, contenders[contender], uuids)
            few = uuids[: max(1, count // 20)]
            race.turn("curl and jq", ("bash", "-c", CURL), few)
            race.table(report, dict.fromkeys(contenders, count) | {"curl and jq": len(few)})
            best = race.best()
            report.add(f"{name}: pace / best loop", race.seconds(best) / race.seconds("zvol"), best, ">= 0.95")
            requests = median(turn.requests for turn in race.turns["zvol"])
            report.add(f"{name}: requests a volume", requests, "", "<= 1.30")
            if name in GOOD_SIZES:
                bound = race.seconds(best) / race.seconds(FIXED)
                report.add(f"{name}: with {GOOD_SIZES[name]} from the start", bound, "what a search can reach")


_ZVOL = (ZVOL, "recover", "-", "-o", "ndjson")


def _fixed(size: int) -> tuple[str, ...]:
    return (PYTHON, "-m", "tests.support.fixed_window", str(size), *_ZVOL[1:])


def _loop(clients: int, *more: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "tests.bench.loops", "--clients", str(clients), *more)


def _rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def after(report: Report, directory: Path, rounds: int, count: int = COUNT // 4) -> None:
    """How fast volumes are recovered, tagged and attached again, against loops that make the same three changes."""
    with cloud(directory, count, ("--job-time", "0")) as server:
        uuids = server.added()
        vm = server.request("GET", f"/v1/volumes/{uuids[0]}", [])["inventories"][0]["lastVmInstanceUuid"]
        print(f"recovered, tagged and attached, {count} volumes", flush=True)
        race = Race(server, directory, SERVERS["few-processors"], jobs=3)
        names = [*(f"loop of {clients}" for clients in CLIENTS), "zvol"]
        for number in range(rounds):
            tag = f"turn-{number}"
            for name in _rotated(names, number):
                if name == "zvol":
                    race.turn(name, (*_ZVOL, "--reattach", "--user-tag", f"{tag}-zvol"), uuids)
                else:
                    clients = int(name.split()[-1])
                    race.turn(name, _loop(clients, "--tag", f"{tag}-{clients}"), [f"{uuid} {vm}" for uuid in uuids])
        race.table(report, dict.fromkeys(names, count))
        best = race.best()
        report.add("pace with a tag and a VM / best loop", race.seconds(best) / race.seconds("zvol"), best, ">= 0.80")


def limit(report: Report, directory: Path, rounds: int, count: int = COUNT) -> None:
    """How fast the relay and the sandbox are where jobs take no time: the bench cannot tell faster clients apart."""
    del rounds
    with cloud(directory, count, ("--job-time", "0")) as server:
        race = Race(server, directory, lambda _: ServerPace(NO_TIME))
        race.turn("loop of 32", _loop(32), server.added())
        race.table(report, {"loop of 32": count})


PARTS = {"bulk": bulk, "after": after, "limit": limit}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; bulk by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns of each contender ({ROUNDS})")
    parser.add_argument("--count", type=int, default=COUNT, help=f"volumes ({COUNT})")
    parser.add_argument("--server", action="append", choices=SERVERS, help="only this server; may be repeated")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="zvol-bench-") as directory:
        for name in options.parts or ["bulk"]:
            more = {"servers": options.server} if name == "bulk" and options.server else {}
            PARTS[name](report, Path(directory) / name, options.rounds, options.count, **more)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
