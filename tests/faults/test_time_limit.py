"""`--timeout` for commands that only read: whatever is silent, they end by then, and say why."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.jumping import JumpingClock
from tests.support.process import PG_DATA, Ran, environment
from tests.support.warm import run
from tests.support.wire import OK, SECRET, Behaviour, auth, drips, hangs, raw, says
from zvol.clock import CommandDeadline, SystemClock
from zvol.errors import MaybeSent, NeverSent
from zvol.zstack.transport import Transport
from zvol.zstack.transport.deadline import MIN_BYTES_PER_SECOND

SOON = 30
"""Seconds: much less than what does not end, and more than a busy machine takes for two."""
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The first run starts the warm interpreter, which takes a while."""
    run(["--version"], environment(tmp_path_factory.mktemp("warm")))


def silent(arguments: Sequence[str], home: Path, behave: Behaviour = hangs) -> tuple[Ran, float]:
    """Run a command with two seconds against a server that behaves so; returns how it ended, and after how long."""
    with raw(behave) as server:
        env = environment(home, {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET})
        began = time.monotonic()
        ran = run([*arguments, "--timeout", "2s"], env)
        return ran, time.monotonic() - began


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--status", "any"], ["show", PG_DATA], ["show", "some name"], ["whoami"], ["attach", PG_DATA]],
    ids=" ".join,
)
def test_a_silent_server(arguments: list[str], tmp_path: Path) -> None:
    ran, took = silent(arguments, tmp_path / "home")
    assert (ran.code, ran.out) == (5, "")
    assert "time is up after 2s (--timeout)" in ran.err
    assert 1.9 < took < SOON


def test_a_silent_server_in_the_middle(tmp_path: Path) -> None:
    """The list is there, and all that follows is silent: what is not known is null, and the time is one for all."""
    found = {"uuid": PG_DATA, "name": "a", "status": "Deleted", "type": "Data", "lastVmInstanceUuid": "c" * 32}
    body = json.dumps({"inventories": [found], "total": 1}).encode()
    page = says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, alive=True)

    def behave(client: socket.socket, request: bytes) -> bool:
        return (page if b"/volumes?" in request else hangs)(client, request)

    ran, took = silent(["list", "--json"], tmp_path / "home", behave)
    assert ran.code == 0
    assert [row["recycle"]["secondsLeft"] for row in ran.json()] == [None]
    assert 1.9 < took < SOON


def test_a_server_that_says_a_byte_a_second(tmp_path: Path) -> None:
    ran, took = silent(["list"], tmp_path / "home", drips(LONG, every=0.3))
    assert ran.code == 5
    assert took < SOON


def test_login_and_doctor_end_too(tmp_path: Path) -> None:
    with raw(hangs) as server:
        env = environment(tmp_path / "home", {"ZVOL_HOST": server.endpoint().base})
        began = time.monotonic()
        ran = run(["login", "--account", "admin", "--password-stdin", "--timeout", "1s"], env, stdin="password\n")
        assert ran.code == 5
        assert "time is up after 1s" in ran.err
        ran = run(["doctor", "--timeout", "1s"], env)
        assert ran.code == 1
        assert "time is up after 1s" in ran.out
        assert time.monotonic() - began < SOON


def test_a_program_that_does_not_end(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("profiles: {p: {host: 'http://127.0.0.1:9', session_command: [sleep, '60']}}\n")
    config.chmod(0o600)
    began = time.monotonic()
    ran = run(["list", "--config", str(config), "-p", "p", "--timeout", "1s"], environment(tmp_path / "home"))
    assert ran.code == 4
    assert "did not end within 1 s" in ran.err
    assert time.monotonic() - began < SOON


def test_a_recovery_looks_names_up_within_its_time(tmp_path: Path) -> None:
    ran, took = silent(["recover", "some name"], tmp_path / "home")
    assert ran.code == 5
    assert "time is up after 2s" in ran.err
    assert took < SOON
    ran, took = silent(["recover", "--all", "--yes"], tmp_path / "home")
    assert (ran.code, ran.out) == (5, "")
    assert took < SOON


# ---- one request -----------------------------------------------------------------------------------------------------
def test_nothing_is_sent_when_time_is_up_and_what_is_lifted_does_not_count() -> None:
    limit = CommandDeadline(SystemClock(), 5.0, SystemClock().monotonic() - 6)
    with raw(says(OK)) as server:
        transport = Transport(server.endpoint(), deadline=limit)
        with pytest.raises(NeverSent, match="time is up after 5s") as caught:
            transport.send("GET", "/v1/x", auth=auth)
        assert (caught.value.reason, server.connections) == ("time", 0)
        limit.lift()
        assert transport.send("GET", "/v1/x", auth=auth).status == 200
        transport.close()


def test_a_question_does_not_count() -> None:
    clock = JumpingClock()
    limit = CommandDeadline(clock, 1000.0)
    clock.jump(100)
    with limit.paused():
        clock.jump(500)
    assert 100 < 1000 - limit.remaining() < 500


def test_a_pause_ends_with_the_time() -> None:
    began = time.monotonic()
    CommandDeadline(SystemClock(), 0.2).sleep(60)
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(("longest", "whole"), [(0.0, False), (2.5, False), (60.0, True)])
def test_an_answer_that_keeps_coming_has_more_time(longest: float, whole: bool) -> None:
    """20 pieces of 5 KB in three seconds, of which the time allowed is two."""

    def pieces(client: socket.socket, _request: bytes) -> bool:
        client.sendall(LONG)
        for _ in range(20):
            client.sendall(b"x" * 5000)
            time.sleep(0.15)
        return True

    with raw(pieces) as server:
        transport = Transport(server.endpoint())
        if whole:
            assert len(transport.send("GET", "/v1/x", auth=auth, timeout=2.0, max_seconds=longest).body) == 100_000
        else:
            with pytest.raises(MaybeSent) as caught:
                transport.send("GET", "/v1/x", auth=auth, timeout=2.0, max_seconds=longest)
            assert (caught.value.begun, caught.value.late) == (True, True)
        transport.close()


@pytest.mark.parametrize(("before", "begun"), [(LONG + b"x" * 20 * MIN_BYTES_PER_SECOND, True), (b"", False)])
def test_silence_is_never_longer_than_the_time_allowed(before: bytes, begun: bool) -> None:
    """What has come buys many seconds, and then nothing more comes."""

    def stops(client: socket.socket, request: bytes) -> bool:
        client.sendall(before)
        return hangs(client, request)

    with raw(stops) as server:
        transport = Transport(server.endpoint())
        began = time.monotonic()
        with pytest.raises(MaybeSent) as caught:
            transport.send("GET", "/v1/x", auth=auth, timeout=1.5, max_seconds=30)
        assert time.monotonic() - began < SOON
        assert (caught.value.begun, caught.value.late) == (begun, True)
        transport.close()


def test_a_drip_buys_nothing() -> None:
    with raw(drips(LONG, every=0.05)) as server:
        transport = Transport(server.endpoint())
        began = time.monotonic()
        with pytest.raises(MaybeSent):
            transport.send("GET", "/v1/x", auth=auth, timeout=1.5, max_seconds=30)
        assert time.monotonic() - began < SOON
        transport.close()
