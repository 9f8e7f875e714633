"""Walks through everything that can happen, breadth first, and keeps the shortest way to what must not."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.model.client import Client, Move
from tests.model.promises import broken
from tests.model.server import Server
from tests.model.world import Rules, Setting, Step, World, beginning

Way = list[tuple[int, str] | None]
"""For each state the one it was first reached from, and by what; None for the first."""


class Model:
    """zvol and the world around it."""

    def __init__(self, setting: Setting, rules: Rules | None = None) -> None:
        self.setting = setting
        self.client = Client(setting, rules or Rules())
        self.server = Server(setting, self.client.receive)

    def steps(self, w: World) -> Iterator[Step]:
        yield from self.server.steps(w)
        yield from self.client.steps(w)


@dataclass
class Found:
    """How many states there are, the shortest trace to each broken promise, and what of the table was used."""

    states: int
    broken: dict[str, list[str]] = field(default_factory=dict)
    moves: set[Move] = field(default_factory=set)

    @property
    def verdict(self) -> str:
        return ", ".join(f"{name} breaks after {len(steps)} steps" for name, steps in self.broken.items()) or "holds"


@contextmanager
def uncollected() -> Iterator[None]:
    """Search for no cycles among the states, which have none: that would take a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@uncollected()
def explore(setting: Setting, rules: Rules | None = None, *, until: str | None = None) -> Found:
    """Visit every state, or stop where the promise `until` is broken first."""
    model, start = Model(setting, rules), beginning(setting)
    states, numbers, way = [start], {start: 0}, Way([None])
    edges, offsets = array("i"), array("i", [0])
    found = Found(0, moves=model.client.moves)
    for at, world in enumerate(states):  # the list grows while it is walked
        for label, after in model.steps(world):
            to = numbers.setdefault(after, len(states))
            if to == len(states):
                states.append(after)
                way.append((at, label))
            edges.append(to)
            for name in broken(world, label, after):
                if name not in found.broken:
                    found.broken[name] = trace(way, at, label)
        offsets.append(len(edges))
        if until in found.broken:
            break
    else:
        stuck = without_outcome(states, edges, offsets)
        if stuck is not None:
            found.broken["I5"] = trace(way, stuck)
    found.states = len(states)
    return found


def without_outcome(states: list[World], edges: array[int], offsets: array[int]) -> int | None:
    """Return a state from which no outcome can be reached; None when there is none."""
    reaches = bytearray(world.outcome is not None or world.step == "exhausted" for world in states)
    changed = True
    while changed:
        changed = False
        for at in range(len(states) - 1, -1, -1):
            if not reaches[at] and any(reaches[to] for to in edges[offsets[at] : offsets[at + 1]]):
                reaches[at] = changed = True
    return reaches.index(0) if 0 in reaches else None


def trace(way: Way, at: int, *last: str) -> list[str]:
    steps = list(last)
    while (step := way[at]) is not None:
        at, label = step
        steps.append(label)
    return [*reversed(steps)]
