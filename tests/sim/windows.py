"""Runs of many volumes on servers that take their time; `python -m tests.sim.windows` prints the pace of windows."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

from tests.sim.clock import SimClock
from tests.sim.paces import Pace, Serial, Shared, all_at_once, curve, paced
from tests.sim.world import World
from tests.support.fixed_window import FixedWindow
from zvol.journal.journal import Journal
from zvol.recovery.window import Window
from zvol.recovery.window_size import FIRST, LARGEST

Make = Callable[[SimClock], Shared | Serial]


def noisy(pace: Pace, sigma: float, seed: int) -> Make:
    """Return a server on which volumes take different times, by a log-normal distribution."""

    def make(clock: SimClock) -> Shared:
        work = random.Random(seed)
        return Shared(clock, pace, lambda: work.lognormvariate(-(sigma**2) / 2, sigma))

    return make


SERVERS: Final[dict[str, Make]] = {
    "curve": lambda clock: Shared(clock, curve),
    "at once": lambda clock: Shared(clock, all_at_once),
    "one": Serial,
    "best with 4": lambda clock: Shared(clock, paced({1: 40, 4: 90, 8: 60, 16: 35, 32: 25, 64: 20})),
    "best with 64": lambda clock: Shared(clock, paced({1: 10, 16: 120, 64: 300, 128: 200, 256: 120})),
    "noise": noisy(curve, 0.5, 1),
}


@dataclass(frozen=True)
class Run:
    """What a run needed; `pace` is the volumes a second of the part of them that was back last, without the end."""

    world: World
    pace: float
    commits: int
    sizes: tuple[int, ...]

    @property
    def requests(self) -> float:
        """Requests a volume."""
        return len(self.world.server.requests) / len(self.world.uuids)


@contextmanager
def commits() -> Iterator[list[int]]:
    """Count the commits of intents, and yield the number of intents in each."""
    groups, record = list[int](), Journal.record_intents

    def counted(self: Journal, intents: list[object], wall: float) -> None:
        groups.append(len(intents))
        record(self, intents, wall)  # type: ignore[arg-type]

    with mock.patch.object(Journal, "record_intents", counted):
        yield groups


def run(
    server: str | Make,
    volumes: int,
    later: tuple[float, str] | None = None,
    *,
    first: int = FIRST,
    fixed: int | None = None,
    most: int = LARGEST,
    prepare: Callable[[World], None] = lambda _world: None,
    part: float = 0.5,
) -> Run:
    """Recover volumes; `later` is after how many seconds the server becomes another one, and which."""
    windows, back, sizes = list[Window](), list[float](), list[int]()

    def window(at_most: int) -> Window:
        windows.append(FixedWindow(fixed) if fixed else Window(at_most, first))
        return windows[0]

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("zvol.recovery.engine.Window", window),
        commits() as groups,
    ):
        world = World(Path(folder), volumes=volumes)
        server_of = world.server
        server_of.shared = (SERVERS[server] if isinstance(server, str) else server)(world.clock)
        server_of.on_submit = lambda _uuid: sizes.append(windows[0].size)
        if later is not None:
            seconds, other = later
            world.clock.at(world.clock.now + seconds, lambda: setattr(server_of, "shared", SERVERS[other](world.clock)))
        prepare(world)
        results = world.recover(
            timeout=7200.0, most_under_way=most, on_result=lambda _result: back.append(world.clock.now)
        )
    assert {result.outcome for result in results} == {"recovered"}
    start, end = int(volumes * part), int(volumes * 0.95)
    return Run(world, (end - start) / (back[end] - back[start]), len(groups), tuple(sizes))


def main() -> None:
    """Print the pace of fixed windows, and of the one that searches."""
    for name in SERVERS:
        fixed = {size: run(name, 600, fixed=size).pace for size in (4, 6, 8, 11, 16, 19, 23, 32, 64, 90, 128, 256)}
        best = max(fixed, key=lambda size: fixed[size])
        found = run(name, 2000)
        print(f"{name:12} fixed {best:3}: {fixed[best]:6.1f}/s   found: {found.pace:6.1f}/s, {found.requests:.2f}")


if __name__ == "__main__":
    main()
