"""A sample of the points at which a run that tags and attaches is killed; `python -m tests.crash` has all of them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import followups
from tests.crash.world import World
from tests.support.fault_proxy import Rule, proxy
from tests.support.kinds import VMS, VOLUMES, Kind
from tests.support.process import wait_for


@pytest.mark.parametrize(("kind", "step"), [(VOLUMES, 5), (VMS, 40)])
def test_killed_at_some_of_the_points(kind: Kind, step: int, world_of: Callable[[Kind], World]) -> None:
    world = world_of(kind)
    chosen = followups.points(world)[3::step]
    hit = [followups.case(world, point) for point in chosen]
    assert sum(hit) >= 0.6 * len(chosen)  # how often something is looked at depends on the machine


@pytest.mark.parametrize("path", ["user-tags", "vm-instances"])
@pytest.mark.parametrize("action", ["hold", "hold-answer"])
def test_killed_while_a_change_is_out(action: str, path: str, cloud: World, tmp_path: Path) -> None:
    """It arrives after all, or has arrived: it is not sent again."""
    release_file = tmp_path / "go"
    with proxy(
        cloud.cloud.host, Rule("other", action, path=f"^POST .*{path}|{path}(/[0-9a-f]+)?$", file=release_file)
    ) as (
        host,
        between,
    ):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start(env, *followups.asked(cloud, volume))
        wait_for(lambda: between.held.is_set())
        process.kill()
        cloud.end(process)
        resumed = cloud.start(env, "resume", "-o", "ndjson")
        release_file.touch()
        assert cloud.end(resumed).code == 0
    followups.finished(cloud, volume)
    assert set(followups.posts(between).values()) == {1}


def test_a_change_that_never_arrived_is_sent_once_more_when_it_can_no_longer_arrive(cloud: World) -> None:
    with proxy(cloud.cloud.host, Rule("other", "hang", path=r"vm-instances/[0-9a-f]+$")) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start(env, *followups.asked(cloud, volume))
        wait_for(lambda: sum(one.method == "POST" for one in between.seen) == 2)
        process.kill()
        cloud.end(process)
        assert cloud.run(env, "resume", "-o", "ndjson").code == 0
    followups.finished(cloud, volume)
    first, second = (one.time for one in between.seen if "vm-instances" in one.path)
    assert second - first >= (6 + 12) / 25, "the first one could still act"


def test_a_signal_while_a_change_is_out(cloud: World, tmp_path: Path) -> None:
    """The tag is polled to its end, the VM is left to resume."""
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("other", "hold", path="user-tags$", file=release_file)) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start(env, *followups.asked(cloud, volume))
        wait_for(lambda: between.held.is_set())
        process.send_signal(signal.SIGINT)
        release_file.touch()
        ran = cloud.end(process)
        assert ran.code == 130, ran
        assert "`zvol resume`" in ran.out
        assert "resume" in ran.err
        assert not [one for one in between.seen if "vm-instances" in one.path]
        assert cloud.run(env, "resume", "-o", "ndjson").code == 0
    followups.finished(cloud, volume)
    assert set(followups.posts(between).values()) == {1}
