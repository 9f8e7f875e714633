"""Hundreds of volumes in real processes: requests, when each result is printed, and a server that is killed."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.network_faults import FaultInjector, network_faults
from tests.support.process import ZVOL, Sandbox, sandbox
from tests.support.profiles import fast, profile
from zvol.sandbox.names import extra_uuid

VOLUMES = [extra_uuid(number) for number in range(1, 401)]
RATE = 10
API_TIMEOUT = 25
QUIET_AFTER_202 = (API_TIMEOUT + 15) / RATE
"""Seconds of real time."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Sandbox, FaultInjector, dict[str, str]]]:
    with (
        sandbox(tmp_path / "cloud", "--extra", str(len(VOLUMES))) as cloud,
        network_faults(cloud.port, seed=0, share=0.0) as between,
    ):
        host = cloud.host.replace(f":{cloud.port}/", f":{between.port}/")
        yield cloud, between, profile(tmp_path / "home", host, cloud.session, api_timeout=API_TIMEOUT)


def start(env: dict[str, str], *command: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*command, "recover", "-", "-o", "ndjson"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write("\n".join(VOLUMES))
    process.stdin.close()
    return process


def test_few_requests_and_each_result_is_printed_when_it_ends(
    world: tuple[Sandbox, FaultInjector, dict[str, str]],
) -> None:
    cloud, between, env = world
    process = start(env, *ZVOL)
    assert process.stdout is not None
    results = [json.loads(process.stdout.readline())]
    open_then = len(VOLUMES) - sum(one["event"] == "ended" for one in cloud.events())
    results += map(json.loads, process.stdout)
    process.stdout.close()
    assert process.wait(60) == 0
    assert open_then > 0, "the first line came after the last volume was back"
    assert Counter(one["uuid"] for one in results) == Counter(VOLUMES)
    assert {one["outcome"] for one in results} == {"recovered"}
    assert sum(between.requests.values()) <= 1.2 * len(VOLUMES)
    assert between.peak <= 16
    cloud.never_two_alive()


def test_a_server_that_is_killed_and_restarted(world: tuple[Sandbox, FaultInjector, dict[str, str]]) -> None:
    """Some are recovered with jobs that stay at 202 and are reported at once, the others after one quiet period."""
    cloud, _between, env = world
    cloud.end()
    cloud.options = ("--job-time", "0.6")
    cloud.start()
    process = start(env, *fast(RATE))
    assert process.stdout is not None
    results = [(time.time(), json.loads(process.stdout.readline()))]
    cloud.end()
    cloud.note_crash()
    dead = {one["volume"] for one in cloud.events() if one["event"] == "crashed"}
    done = {one["volume"] for one in cloud.events() if one["event"] == "ended"}
    cloud.start()
    restarted = time.time()
    results += [(time.time(), json.loads(line)) for line in process.stdout]
    process.stdout.close()
    assert process.wait(60) == 0
    assert Counter(one["uuid"] for _, one in results) == Counter(VOLUMES)
    assert {one["outcome"] for _, one in results} == {"recovered"}
    lost = dead - done
    assert lost, "the crash came too late to lose anything"
    assert max(when for when, one in results if one["uuid"] in done) - restarted < QUIET_AFTER_202
    accepted = Counter(one["volume"] for one in cloud.events() if one["event"] == "accepted")
    assert all(accepted[uuid] == (2 if uuid in lost else 1) for uuid in VOLUMES)
    cloud.never_two_alive()
