"""Several processes of zvol on one machine, on the same volumes or VMs."""

from __future__ import annotations

import random
import time

from tests.crash.world import World, reported
from tests.support.warm import Process

RATE = 8
"""How fast the clock of zvol is in a crowd, whose requests and commits take long: none may look too slow to itself."""


def crowd(
    world: World, chance: random.Random, *, size: int = 8, targets: int = 50, kills: int = 0, rate: float = RATE
) -> None:
    """Start processes at moments of chance on the same targets, kill some of them, and finish what is left."""
    env, chosen, zvol = world.home(), world.targets(targets), world.fast_at(rate)
    processes: list[Process] = []
    for number in range(size):
        time.sleep(chance.uniform(0, 0.25) if number % 4 == 0 else 0)
        mine = chance.sample(chosen, len(chosen))
        resumes = number and chance.random() < 0.25
        arguments = (
            ["resume", "-o", "ndjson"] if resumes else world.recover(mine, "--concurrency", chance.choice("128"))
        )
        processes.append(world.start(env, *arguments, command=zvol))
    for process in chance.sample(processes, kills):
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
    ended = [world.end(process) for process in processes]
    for ran in ended:
        assert ran.code in (0, 6, -9), ran
        assert {one["outcome"] for one in reported(ran)} <= {"recovered", "already", "busy"}, ran
    assert world.run(env, "resume", "-o", "ndjson", command=zvol).code == 0
    assert world.run(env, *world.recover(chosen), command=zvol).code == 0
    assert world.are_back(chosen)
    world.never_two(chosen)
