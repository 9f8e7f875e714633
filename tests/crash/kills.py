"""SIGKILLs at moments of chance: of a run, and of those that resume it, until it is finished."""

from __future__ import annotations

import random
import time

from tests.crash.world import World

EARLIEST, LATEST = 0.01, 0.4
"""Seconds after the start between which the kill comes; an undisturbed run takes about 0.3."""


def kill(world: World, chance: random.Random) -> int:
    """Kill a run over some targets, and up to three that resume it, then finish it; returns the kills that hit."""
    env, targets = world.home(), world.targets(chance.choice((1, 2, 5, 20)))
    before = world.counts["kill"]
    commands = [world.recover(targets)] + [["resume", "-o", "ndjson"]] * chance.randint(0, 3)
    for command in commands:
        process = world.start(env, *command)
        time.sleep(chance.uniform(EARLIEST, LATEST))
        process.kill()
        world.end(process)
    world.finish(env, targets)
    return world.counts["kill"] - before
