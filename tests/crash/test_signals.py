"""A signal in each phase, and each signal in two of them; `python -m tests.crash signals` sends all in all."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import points, signals
from tests.crash.world import World
from tests.support.fault_proxy import Rule, proxy
from tests.support.kinds import VMS, Kind
from tests.support.process import wait_for
from tests.support.profiles import FAST


@pytest.mark.parametrize("phase", signals.PHASES)
def test_sigint_in_each_phase(phase: str, cloud: World) -> None:
    signals.case(cloud, phase, "INT")


@pytest.mark.parametrize("number", [name for name in signals.SIGNALS if name != "INT"])
def test_each_signal_while_the_server_has_the_put(number: str, cloud: World) -> None:
    signals.case(cloud, "PUT answer held", number)


@pytest.mark.parametrize("number", ["INT", "KILL"])
def test_a_signal_while_the_server_has_the_put_of_a_vm(number: str, world_of: Callable[[Kind], World]) -> None:
    signals.case(world_of(VMS), "PUT answer held", number)


@pytest.mark.parametrize("prompt", signals.PROMPTS)
@pytest.mark.parametrize("number", ["INT", "TERM"])
def test_a_signal_while_somebody_is_asked(prompt: str, number: str, cloud: World) -> None:
    signals.prompted(cloud, prompt, number)


@pytest.mark.parametrize(("number", "when", "name"), [(4, "before", "SIGINT"), (5, "before", "SIGTERM")])
def test_a_signal_in_the_middle_of_a_commit(number: int, when: str, name: str, cloud: World) -> None:
    points.crash(cloud, 3, points.Point("commit", number, when, name))


def test_nohup_stays_nohup(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold-answer", file=release_file)) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        command = ["nohup", *FAST, "recover", volume, "-o", "ndjson"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(between.held.is_set)
        process.send_signal(signal.SIGHUP)
        release_file.touch()
        ran = cloud.end(process)
    assert ran.code == 0, ran


def test_a_signal_leaves_the_other_open_runs_for_later(cloud: World, tmp_path: Path) -> None:
    """`resume` is stopped in the first of two runs: the second is not even begun, and stays open."""
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hang", 1, 2), Rule("job", "hold", 1, 999, file=release_file)) as (
        host,
        between,
    ):
        env, volumes = cloud.home(host), cloud.targets(2)
        for number, volume in enumerate(volumes):
            process = cloud.start(env, "recover", volume)
            wait_for(lambda n=number: len(between.puts()) == n + 1)  # type: ignore[misc]
            process.kill()
            process.communicate()
        process = cloud.start(env, "resume", "-o", "ndjson")
        wait_for(between.held.is_set)
        process.send_signal(signal.SIGTERM)
        ran = cloud.end(process)
        release_file.touch()
        assert ran.code == 143
        assert [one["pending"] for one in cloud.run_list(env)] == [1, 1]
        assert "finish with: zvol resume\n" in ran.err
        cloud.finish(env, volumes)
