"""One volume's error is its own, `--timeout` has one meaning, each outcome has its reason: on real sockets."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.http_messages import answer
from tests.support.jumping import jump, jumping
from tests.support.process import PG_DATA, Ran, Sandbox, environment, sandbox, wait_for
from tests.support.profiles import FAST, check_report, profile
from tests.support.terminal import on_terminal
from tests.support.warm import run, start
from tests.support.wire import SECRET, hangs, raw
from zvol.sandbox.names import extra_uuid

VOLUMES = [extra_uuid(number) for number in range(1, 151)]
TWENTY, BAD = VOLUMES[:20], VOLUMES[6]
ALWAYS = 10**6
PAGE_500 = answer("500 Internal Server Error", b"<html>500</html>")
PAGE_414 = answer("414 URI Too Long", b"<html>414 Request-URI Too Large</html>")
URL_LIMIT = Rule(
    "read", "page", 1, ALWAYS, page=PAGE_414, path=".{2034}"
)  # with GET and HTTP/1.1 more than 2,048 bytes


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud", "--extra", "150") as made:
        yield made


def recover(
    tmp_path: Path, cloud: Sandbox, volumes: Sequence[str], *rules: Rule, more: Sequence[str] = ()
) -> tuple[Ran, Proxy, dict[str, dict[str, object]]]:
    """Recover volumes through a proxy; returns how it ended, the proxy, and the results by UUID."""
    with proxy(cloud.host, *rules) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = run(["recover", "-", "-o", "ndjson", *more], env, stdin="\n".join(volumes), command=FAST, timeout=60)
    results = [json.loads(line) for line in ran.out.splitlines()]
    assert sorted(result["uuid"] for result in results) == sorted(volumes)
    check_report(ran, cloud)
    return ran, between, {result["uuid"]: result for result in results}


def outcomes(results: dict[str, dict[str, object]]) -> Counter[object]:
    return Counter(result["outcome"] for result in results.values())


# ---- one spoils none -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [100, 150])
def test_a_front_with_a_limit_of_its_own_for_urls(volumes: int, tmp_path: Path, cloud: Sandbox) -> None:
    ran, between, results = recover(tmp_path, cloud, VOLUMES[:volumes], URL_LIMIT)
    assert ran.code == 0, ran
    assert outcomes(results) == {"recovered": volumes}
    assert len(between.puts()) == volumes
    assert len(between.seen) <= 1.5 * volumes


@pytest.mark.parametrize("action", ["page", "spoil"])
def test_one_volume_that_cannot_be_read_after_its_put(action: str, tmp_path: Path, cloud: Sandbox) -> None:
    rule = Rule("back", action, 1, ALWAYS, page=PAGE_500, volume=BAD)
    ran, _, results = recover(tmp_path, cloud, TWENTY, rule, more=("--timeout", "2m"))
    assert ran.code == 3, ran
    assert outcomes(results) == {"recovered": 19, "unknown": 1}
    assert results[BAD]["outcome"] == "unknown"
    assert all(cloud.status(uuid) == "Ready" for uuid in TWENTY)


@pytest.mark.parametrize("action", ["page", "spoil"])
def test_one_volume_that_could_never_be_read(action: str, tmp_path: Path, cloud: Sandbox) -> None:
    rule = Rule("read", action, 1, ALWAYS, page=PAGE_500, volume=BAD)
    ran, between, results = recover(tmp_path, cloud, TWENTY, rule)
    assert ran.code == 5, ran
    assert outcomes(results) == {"recovered": 19, "not-sent": 1}
    error = results[BAD]["error"]
    assert isinstance(error, dict)
    assert "it could not be read for 1m" in error["details"]
    assert len(between.puts()) == 19


def test_an_odd_volume_and_one_that_cannot_be_read_beside_a_limit(tmp_path: Path, cloud: Sandbox) -> None:
    """The others come back."""
    other = VOLUMES[90]
    odd = Rule("read", "spoil", 1, ALWAYS, volume=BAD)
    unreadable = Rule("read", "page", 1, ALWAYS, page=PAGE_500, volume=other)
    ran, _, results = recover(tmp_path, cloud, VOLUMES, URL_LIMIT, unreadable, odd)
    assert ran.code == 5, ran
    assert outcomes(results) == {"recovered": 148, "not-sent": 2}
    assert {uuid for uuid, result in results.items() if result["outcome"] == "not-sent"} == {BAD, other}


# ---- what was seen last ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["403 Forbidden", "405 Method Not Allowed", "413 Content Too Large"])
def test_a_gateway_that_takes_no_put_is_named(status: str, tmp_path: Path, cloud: Sandbox) -> None:
    page = Rule("put", "page", 1, ALWAYS, page=answer(status, b"<html>not here</html>"))
    ran, between, results = recover(tmp_path, cloud, [PG_DATA], page, more=("--timeout", "1m"))
    assert ran.code == 3, ran
    error = results[PG_DATA]["error"]
    assert isinstance(error, dict)
    whose = f"HTTP {status[:3]} from a web server or a gateway, not from ZStack"
    seen = rf"last seen of the request: {whose} \(\d\d:\d\d:\d\dZ\)"
    assert re.search(seen, error["details"])
    assert re.search(seen, ran.error()["error"]["details"])
    assert len(between.puts()) <= 2
    assert cloud.events() == []


def test_what_came_instead_of_an_answer_is_said_while_it_is_waited_for(tmp_path: Path, cloud: Sandbox) -> None:
    page = answer("405 Method Not Allowed", b"<html>not here</html>")
    with proxy(cloud.host, Rule("put", "page", 1, ALWAYS, page=page)) as (host, _):
        env = profile(tmp_path / "home", host, cloud.session) | {"TERM": "xterm"}
        shown = on_terminal(["recover", PG_DATA, "--timeout", "6s"], env, columns=120)
    assert shown.code == 3
    assert re.search(
        r"no answer since 0:0[0-9] \(HTTP 405 from a web server or a gateway, not from ZStack\)", shown.text
    )


# ---- one meaning of --timeout ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [1, 20])
def test_a_silent_server_is_left_when_time_is_up(volumes: int, tmp_path: Path) -> None:
    with raw(hangs) as server:
        env = environment(tmp_path / "home", {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET})
        began = time.monotonic()
        ran = run(["recover", "-", "--timeout", "2s", "-o", "json"], env, stdin="\n".join(VOLUMES[:volumes]))
        took = time.monotonic() - began
    assert ran.code == 5, ran
    assert 2 <= took < 30
    assert "time is up after 2s, and nothing was sent" in ran.error()["error"]["details"]
    assert "last seen of the volume: " in ran.error()["error"]["details"]


def test_a_put_without_an_answer_ends_when_time_is_up(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("put", "hang")) as (host, _):
        env = profile(tmp_path / "home", host, cloud.session)
        began = time.monotonic()
        ran = run(["recover", PG_DATA, "--timeout", "5s", "-o", "json"], env)
        took = time.monotonic() - began
    assert ran.code == 3, ran
    assert 5 <= took < 30
    seen = r"last seen of the request: (no answer yet|no complete answer within the time allowed) \("
    assert re.search(seen, ran.error()["error"]["details"])


def test_what_waits_behind_a_put_that_hangs_stays_planned(tmp_path: Path, cloud: Sandbox) -> None:
    """The intents of a killed run are settled first; then one PUT keeps the only place until time is up."""
    ten = VOLUMES[:10]
    with proxy(cloud.host, Rule("put", "hang", 1, 11)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        process = start(["recover", *ten], env, command=FAST)
        wait_for(lambda: len(between.puts()) >= 10)
        process.kill()
        process.communicate()
        more = ["--concurrency", "1", "--timeout", "70s"]
        ran = run(["recover", *ten, "-o", "ndjson", *more], env, command=FAST, timeout=60)
        results = [json.loads(line) for line in ran.out.splitlines()]
        runs = run(["runs", "--json"], env).json()
        again = run(["resume", "-o", "ndjson"], env, command=FAST, timeout=60)
    unsent = [result for result in results if result["outcome"] == "not-sent"]
    assert len(unsent) >= 8, ran
    for result in unsent:
        assert result["error"]["kind"] == "time-up"
        assert "refused" not in result["error"]["details"]
    assert sum(one["planned"] for one in runs) == len(unsent)
    assert [f"resume {one['run']}" in ran.err for one in runs if one["planned"]] == [True]
    assert again.code == 0, again
    assert len(again.out.splitlines()) == 10
    assert all(cloud.status(uuid) == "Ready" for uuid in ten)
    cloud.never_two_alive()


# ---- one more read ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [1, 20])
def test_a_process_that_was_stopped_reads_once_more_before_it_says_unknown(volumes: int, tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--extra", "20", "--job-time", "2") as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        ahead = tmp_path / "ahead"
        command = ["recover", *VOLUMES[:volumes], "--timeout", "60s", "-o", "ndjson"]
        process = start(command, env, command=jumping(ahead))
        wait_for(lambda: sum(one["event"] == "accepted" for one in cloud.events()) >= volumes)
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: sum(one["event"] == "finished" for one in cloud.events()) >= volumes)
        jump(ahead, 90)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [json.loads(line)["outcome"] for line in out.splitlines()] == ["recovered"] * volumes
