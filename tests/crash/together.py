"""Several processes of zvol on one machine, on the same volumes."""

from __future__ import annotations

import random
import time

from tests.crash.world import World, reported
from tests.support.warm import Process


def crowd(world: World, chance: random.Random, *, size: int = 8, volumes: int = 50, kills: int = 0) -> None:
    """Start processes at moments of chance on the same volumes, kill some of them, and finish what is left."""
    env, chosen = world.home(), world.volumes(volumes)
    processes: list[Process] = []
    for number in range(size):
        time.sleep(chance.uniform(0, 0.25) if number % 4 == 0 else 0)
        mine = chance.sample(chosen, len(chosen))
        arguments = (
            ["resume"]
            if number and chance.random() < 0.25
            else ["recover", *mine, "--concurrency", chance.choice("128")]
        )
        processes.append(world.start(env, *arguments, "-o", "ndjson"))
    for process in chance.sample(processes, kills):
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
    ended = [world.end(process) for process in processes]
    for ran in ended:
        assert ran.code in (0, 6, -9), ran
        assert {one["outcome"] for one in reported(ran)} <= {"recovered", "already", "busy"}, ran
    assert world.run(env, "resume", "-o", "ndjson").code == 0
    assert world.run(env, "recover", *chosen, "-o", "ndjson").code == 0
    assert all(world.cloud.status(one) == "Ready" for one in chosen)
    world.never_two(chosen)
