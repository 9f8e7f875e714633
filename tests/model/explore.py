"""Walks through everything that can happen, breadth first, and keeps the shortest way to what must not."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from tests.model.world import Model, World, beginning, broken


@dataclass
class Found:
    """How many states there are, and the shortest trace to each broken promise."""

    states: int
    broken: dict[str, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {name[:2] for name in self.broken}


def explore(model: Model, *, first_only: bool = False) -> Found:
    """Visit every state; with `first_only`, stop at the first broken promise."""
    start = beginning(model.setting)
    states, number = [start], {start: 0}
    parent: list[tuple[int, str] | None] = [None]
    edges, offsets = array("i"), array("i", [0])
    found = Found(0)
    for at, world in enumerate(states):  # the list grows while it is walked
        for label, after in model.next(world):
            to = number.setdefault(after, len(states))
            if to == len(states):
                states.append(after)
                parent.append((at, label))
            edges.append(to)
            for name in broken(world, label, after):
                found.broken.setdefault(name, trace(parent, at, label))
        offsets.append(len(edges))
        if first_only and found.broken:
            break
    found.states = len(states)
    if not found.broken:
        stuck = no_report(states, edges, offsets)
        if stuck is not None:
            found.broken["I5 no report can be reached"] = trace(parent, stuck, "")
    return found


def no_report(states: list[World], edges: array[int], offsets: array[int]) -> int | None:
    """Return a state from which zvol can never say its last word; None when there is none."""
    said = bytearray(finished(world) for world in states)
    changed = True
    while changed:
        changed = False
        for at in range(len(states) - 1, -1, -1):
            if not said[at] and any(said[to] for to in edges[offsets[at] : offsets[at + 1]]):
                said[at] = changed = True
    return said.index(0) if 0 in said else None


def finished(world: World) -> bool:
    """The last word is said; or the model, unlike zvol, has no more sends to give."""
    return world.zvol == "over" or world.todo == "exhausted"


def trace(parent: list[tuple[int, str] | None], at: int, last: str) -> list[str]:
    steps = [last]
    while (step := parent[at]) is not None:
        at, label = step
        steps.append(label)
    return steps[::-1]
