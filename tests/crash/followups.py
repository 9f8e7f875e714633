"""Runs that tag and attach what they brought back, killed at every point and resumed: each change is made once."""

from __future__ import annotations

import re
from collections import Counter

from tests.crash import points as crash_points
from tests.crash.points import Point
from tests.crash.world import World, reported
from tests.support.fault_proxy import Proxy, proxy
from tests.support.kinds import VOLUMES, deleted_with, kept_with
from tests.support.process import wait_for
from zvol.sandbox.names import DB_1

OPTIONS = {"volume": ("--user-tag", "incident-42", "--reattach", "--strict"), "vm": ("--reattach",)}
TAG, VM = "user-tags$", "volumes/[0-9a-f]+/vm-instances/[0-9a-f]+$"
"""The paths of the changes."""


def asked(world: World, target: str) -> list[str]:
    """Return the command that recovers a target with its follow-ups."""
    return world.recover([target], *OPTIONS[world.kind.name])


def points(world: World) -> list[Point]:
    """Return the points of undisturbed runs."""
    return crash_points.points(crash_points.least_count(world, 1, *OPTIONS[world.kind.name]))


def case(world: World, point: Point) -> bool:
    """Kill a run at a point and resume it; returns whether it came to the point at all."""
    with proxy(world.cloud.host) as (host, between):
        env, [target] = world.home(host), world.targets(1)
        ran = world.run(env, *asked(world, target), command=world.shim(point))
        if ran.code == 0:
            return False
        kinds = ("planned", "pending", "followUps", "finished")
        # whose recovery it was is only known once its job has ended; on the fast clock resume does not wait long for it
        wait_for(lambda: world.jobs_ended([target]))
        claimed = sum(one[kind] for one in world.run_list(env) for kind in kinds)
        resumed = world.run(env, "resume", "-o", "ndjson")
        if not claimed:
            assert not world.submitted([target])
            resumed = world.run(env, *asked(world, target))
        again = world.run(env, "resume")
    assert resumed.code == 0, (ran, resumed)
    assert not [one for one in reported(resumed) if one["warnings"]], resumed
    assert (again.code, again.err) == (0, "zvol: nothing to resume\n")
    assert claimed in (0, 1 if world.kind is VOLUMES else 3), "all of it is in the journal, or nothing"
    finished(world, target)
    assert max(posts(between).values()) == 1, posts(between)
    world.never_two([target])
    return True


def finished(world: World, target: str) -> None:
    """A volume has its tag once, and its VM; a VM has the volumes that were on it."""
    if world.kind is VOLUMES:
        tags = world.cloud.call("GET", f"/v1/user-tags?q=resourceUuid={target}")[1]["inventories"]
        assert [tag["tag"] for tag in tags] == ["incident-42"]
        assert vm_of(world, target) == DB_1
    else:
        assert world.are_back([target])
        assert [vm_of(world, one) for one in (kept_with(target), deleted_with(target))] == [target, target]


def vm_of(world: World, volume: str) -> str | None:
    """Return the VM that a volume is on."""
    [now] = world.cloud.call("GET", f"/v1/volumes/{volume}")[1]["inventories"]
    assert now["status"] == "Ready"
    vm: str | None = now.get("vmInstanceUuid")
    return vm


def posts(between: Proxy) -> Counter[str]:
    """Return how often each change came to the proxy."""
    paths = [re.sub(r".*/v1/", "", one.path) for one in between.seen if one.method == "POST"]
    return Counter(paths)
