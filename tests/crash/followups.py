"""Runs that tag and attach what they brought back, killed at every point and resumed: each change is made once."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from tests.crash.points import Point
from tests.crash.world import SHIM, World, reported
from tests.support.fault_proxy import Proxy, proxy
from tests.support.process import wait_for
from tests.support.shim import KINDS
from zvol.sandbox.names import DB_1

ASKED = ("--user-tag", "incident-42", "--reattach", "--strict", "-o", "ndjson")


def points(world: World) -> list[Point]:
    """Return the points of an undisturbed run."""
    env, file = world.home(), world.folder / "counts"
    ran = world.run(env, "recover", *world.volumes(1), *ASKED, command=(*SHIM, f"count:{file}"))
    assert ran.code == 0, ran
    counts: dict[str, int] = json.loads(Path(file).read_text())
    moments = [(kind, n + 1) for kind in KINDS for n in range(counts[kind])]
    return [Point(kind, number, when) for kind, number in moments for when in ("before", "after")]


def case(world: World, point: Point) -> bool:
    """Kill a run at a point and resume it; returns whether it came to the point at all."""
    with proxy(world.cloud.host) as (host, between):
        env, [volume] = world.home(host), world.volumes(1)
        ran = world.run(env, "recover", volume, *ASKED, command=(*SHIM, str(point)))
        if ran.code == 0:
            return False
        kinds = ("planned", "pending", "followUps", "finished")
        # whose recovery it was is only known once its job has ended; on the fast clock resume does not wait long for it
        wait_for(lambda: world.jobs_ended([volume]))
        claimed = sum(one[kind] for one in world.run_list(env) for kind in kinds)
        resumed = world.run(env, "resume", "-o", "ndjson")
        if not claimed:
            assert not world.submitted([volume])
            resumed = world.run(env, "recover", volume, *ASKED)
        again = world.run(env, "resume")
    assert resumed.code == 0, (ran, resumed)
    assert not [one for one in reported(resumed) if one["warnings"]], resumed
    assert (again.code, again.err) == (0, "zvol: nothing is open\n")
    finished(world, volume)
    assert max(posts(between).values()) == 1, posts(between)
    world.never_two([volume])
    return True


def finished(world: World, volume: str) -> None:
    """The volume has its tag once, and its VM."""
    tags = world.cloud.call("GET", f"/v1/user-tags?q=resourceUuid={volume}")[1]["inventories"]
    [now] = world.cloud.call("GET", f"/v1/volumes/{volume}")[1]["inventories"]
    assert ([tag["tag"] for tag in tags], now.get("vmInstanceUuid")) == (["incident-42"], DB_1)


def posts(between: Proxy) -> Counter[str]:
    """Return how often each change came to the proxy."""
    paths = [re.sub(r".*/v1/", "", one.path) for one in between.seen if one.method == "POST"]
    return Counter(paths)
