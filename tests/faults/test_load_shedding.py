"""A gateway that lets only some requests a second pass, over real sockets: all volumes come back, few PUTs are refused.

The gateway counts on the clock that zvol runs on.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.fault_proxy import proxy
from tests.support.http_messages import answer
from tests.support.process import Ran, Sandbox, environment, sandbox
from tests.support.profiles import FAST, RATE, check_report, profile
from tests.support.rate_limit import Bucket, Gateway, Limit, Windows, dated, refusal
from tests.support.warm import run
from zvol.sandbox.names import extra_uuid

VOLUMES = 12
BUSY = b'{"error":{"code":"SYS.1001","description":"busy","details":"busy"}}'
MANY = "429 Too Many Requests"
GATEWAYS: dict[str, tuple[Limit, bytes]] = {
    "429": (Bucket(5.0), refusal()),
    "429 with a burst": (Bucket(5.0, 5.0), refusal()),
    "429 in windows": (Windows(5), refusal()),
    "429 with a body like ZStack's": (Bucket(5.0), answer(MANY, BUSY, kind="application/json")),
    "503 page, as nginx says it": (Bucket(5.0), refusal("503 Service Temporarily Unavailable")),
    "503 of ZStack": (Bucket(5.0), answer("503 Service Unavailable", BUSY, kind="application/json")),
    "503 with Retry-After": (Bucket(5.0), refusal("503 Service Unavailable", "Retry-After: 2")),
    "Retry-After in seconds": (Windows(5), refusal(MANY, "Retry-After: 1")),
    "Retry-After as a date": (Bucket(5.0), dated(MANY, 2)),
    "Retry-After in the past": (Bucket(5.0), dated(MANY, -3600)),
    "Retry-After of a year": (Bucket(5.0, 5.0), refusal(MANY, "Retry-After: 31536000")),
    "Retry-After below zero": (Bucket(5.0), refusal(MANY, "Retry-After: -1")),
    "Retry-After of nothing": (Bucket(5.0), refusal(MANY, "Retry-After: ")),
}


class Cloud:
    """A sandbox whose volumes are used once."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder, self.used, self.runs = sandbox, folder, 0, 0

    def take(self, number: int) -> list[str]:
        self.used += number
        return [extra_uuid(one) for one in range(self.used - number + 1, self.used + 1)]

    def home(self) -> Path:
        self.runs += 1
        return self.folder / f"home-{self.runs}"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("shedding")
    with sandbox(folder / "cloud", "--extra", "400") as made:
        yield Cloud(made, folder)


def fast_time() -> float:
    return time.monotonic() * RATE


def recover(cloud: Cloud, gateway: Gateway, volumes: Sequence[str]) -> Ran:
    with proxy(cloud.sandbox.host) as (host, between):
        gateway.guard(between)
        env = profile(cloud.home(), host, cloud.sandbox.session, settle_wait=5)
        return run(["recover", *volumes, "-o", "ndjson"], env, command=FAST, timeout=60)


@pytest.mark.parametrize("name", GATEWAYS)
def test_all_volumes_come_back_and_few_requests_are_refused(name: str, cloud: Cloud) -> None:
    limit, page = GATEWAYS[name]
    gateway = Gateway(limit, fast_time, page)
    ran = recover(cloud, gateway, cloud.take(VOLUMES))
    assert ran.code == 0, ran
    assert Counter(json.loads(line)["outcome"] for line in ran.out.splitlines()) == {"recovered": VOLUMES}
    passed, refused = Counter(gateway.passed), Counter(gateway.refused)
    assert passed["put"] == VOLUMES
    assert refused["put"] <= VOLUMES
    check_report(ran, cloud.sandbox)


class EverySecond:
    """Lets every second request pass."""

    seen = 0

    def admits(self, _now: float) -> bool:
        self.seen += 1
        return self.seen % 2 == 0


def test_a_login_and_a_list_are_repeated_when_the_gateway_says(cloud: Cloud) -> None:
    gateway = Gateway(EverySecond(), fast_time, refusal(MANY, "Retry-After: 3"))
    env = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    [uuid] = cloud.take(1)
    with proxy(cloud.sandbox.host) as (host, between):
        gateway.guard(between)
        env = environment(cloud.home(), env | {"ZVOL_HOST": host})
        ran = run(["list", "-o", "name"], env, command=FAST, timeout=60)
    assert ran.code == 0, ran
    assert uuid in ran.out
    assert gateway.refused[:2] == gateway.passed[:2] == ["login", "read"]


def test_a_login_that_is_asked_to_wait_for_long_ends(cloud: Cloud) -> None:
    gateway = Gateway(Bucket(0.0, 0.0), fast_time, refusal(MANY, "Retry-After: 3600"))
    env = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    with proxy(cloud.sandbox.host) as (host, between):
        gateway.guard(between)
        ran = run(["list"], environment(cloud.home(), env | {"ZVOL_HOST": host}), command=FAST, timeout=60)
    assert ran.code == 5, ran
    assert "asks for fewer requests (HTTP 429)" in ran.err
    assert "Try again in 60 s." in ran.err
    assert gateway.refused == ["login"]
