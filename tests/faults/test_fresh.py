"""Between the last look at a volume and its PUT everything takes long, and another user deletes the volume on purpose.

The real program over real sockets, on a clock that jumps ahead where something takes long.  The ledger of the sandbox
tells what was sent.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.authority import Authority
from tests.support.fault_proxy import Rule, proxy
from tests.support.http_messages import exchange
from tests.support.jumping import jump, jumping
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, sandbox, wait_for
from tests.support.tunnel import tunnel
from tests.support.warm import Process, run, start
from tests.support.wire import Raw, raw

LONG, A_BIT_LONG = 16, 12
"""Seconds that are too long."""

Greet = Callable[[socket.socket], bool]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def ahead(tmp_path: Path) -> Path:
    """Return the file of the clock."""
    return tmp_path / "ahead"


def deleted_on_purpose(cloud: Sandbox, ahead: Path) -> None:
    """Somebody brings it back, thinks better of it, and takes their time."""
    cloud.recover(PG_DATA)
    cloud.delete(PG_DATA)
    jump(ahead, LONG)


def held_up(number: int, meanwhile: Callable[[], object]) -> Greet:
    """Let something happen while the connection of this number waits for its handshake."""
    count = 0

    def greet(_client: socket.socket) -> bool:
        nonlocal count
        count += 1
        if count == number:
            meanwhile()
        return True

    return greet


@contextmanager
def front(cloud: Sandbox, context: ssl.SSLContext, greet: Greet | None = None) -> Iterator[Raw]:
    """Stand before the sandbox with TLS, and close after each answer."""

    def behave(client: socket.socket, request: bytes) -> bool:
        client.sendall(exchange(("127.0.0.1", cloud.port), request))
        return False

    with raw(behave, context, greet) as made:
        yield made


def environment_of(tmp_path: Path, cloud: Sandbox, server: Raw, authority: Authority, **more: str) -> dict[str, str]:
    given = {"ZVOL_SESSION": cloud.session, "ZVOL_CA_FILE": authority.ca_file}
    return environment(tmp_path / "home", {**given, "ZVOL_HOST": server.endpoint().base, **more})


def left_as_it_is(code: int, out: str, cloud: Sandbox) -> None:
    """The deletion on purpose stays: nothing but the recovery by hand was ever submitted."""
    [result] = [json.loads(line) for line in out.splitlines()]
    assert (code, result["outcome"], result["error"]["kind"]) == (1, "failed", "changed")
    assert (cloud.status(PG_DATA), cloud.count("accepted", PG_DATA)) == ("Deleted", 1)


def recover(env: dict[str, str], ahead: Path) -> tuple[int, str]:
    ran = run(["recover", PG_DATA, "-o", "ndjson"], env, command=jumping(ahead))
    return ran.code, ran.out


def test_a_slow_handshake(tmp_path: Path, cloud: Sandbox, authority: Authority, ahead: Path) -> None:
    """The read has a connection, and the server closes it; that of the PUT takes sixteen seconds."""
    with front(cloud, authority.server(), held_up(2, lambda: deleted_on_purpose(cloud, ahead))) as server:
        left_as_it_is(*recover(environment_of(tmp_path, cloud, server, authority), ahead), cloud)
        assert [request.split(b" ", 1)[0] for request in server.requests] == [b"GET", b"GET"]


def test_a_slow_proxy(tmp_path: Path, cloud: Sandbox, authority: Authority, ahead: Path) -> None:
    name = "zstack.invalid"
    with front(cloud, authority.server(name)) as server, tunnel(server) as (between, _):
        between.greet = held_up(2, lambda: deleted_on_purpose(cloud, ahead))
        through = {"HTTPS_PROXY": f"http://127.0.0.1:{between.port}", "ZVOL_HOST": server.endpoint(host=name).base}
        left_as_it_is(*recover(environment_of(tmp_path, cloud, server, authority, **through), ahead), cloud)
        assert all(request.startswith(b"CONNECT ") for request in between.requests)


def test_a_slow_handshake_of_a_volume_that_nobody_touched(
    tmp_path: Path, cloud: Sandbox, authority: Authority, ahead: Path
) -> None:
    """It is read again, and its PUT leaves over the connection that took so long: the server closes all others."""
    with front(cloud, authority.server(), held_up(2, lambda: jump(ahead, LONG))) as server:
        code, out = recover(environment_of(tmp_path, cloud, server, authority), ahead)
        assert (code, json.loads(out)["outcome"], cloud.count("accepted", PG_DATA)) == (0, "recovered", 1)
        kinds = [request.split(b" ", 1)[0] for request in server.requests]
        assert kinds[:3] == [b"GET", b"GET", b"PUT"]
        assert server.connections == len(kinds)


def test_connections_that_are_always_too_slow(
    tmp_path: Path, cloud: Sandbox, authority: Authority, ahead: Path
) -> None:
    """Three times, then it is reported, with what was measured; what was opened breaks each time."""
    context, count, slow = authority.server(), 0, True

    def greet(client: socket.socket) -> bool:
        nonlocal count
        count += 1
        if count % 2 or not slow:
            return True
        jump(ahead, A_BIT_LONG)
        context.wrap_socket(client, server_side=True).close()
        return False

    with front(cloud, context, greet) as server:
        env = environment_of(tmp_path, cloud, server, authority)
        code, out = recover(env, ahead)
        error = json.loads(out)["error"]
        assert (code, json.loads(out)["outcome"], error["kind"]) == (5, "not-sent", "stale")
        assert re.search(r"3 times .* too old .*\(1[2-9]\.[0-9] s; 10 s are allowed\)", error["details"])
        assert re.search(r"it took 1[2-9]\.[0-9] s until the request to 127\.0\.0\.1:[0-9]+ could leave", error["hint"])
        assert cloud.count("accepted", PG_DATA) == 0
        slow = False
        ran = run(["resume", "-o", "ndjson"], env, command=jumping(ahead))
        assert (ran.code, json.loads(ran.out)["outcome"], cloud.count("accepted", PG_DATA)) == (0, "recovered", 1)


def recovering(env: dict[str, str], ahead: Path) -> Process:
    return start(["recover", PG_DATA, "-o", "ndjson"], env, command=jumping(ahead))


def ended(process: Process) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out


def test_a_journal_that_another_process_has_locked(tmp_path: Path, cloud: Sandbox, ahead: Path) -> None:
    env = environment(tmp_path / "home", {"ZVOL_SESSION": cloud.session, "ZVOL_HOST": cloud.host})
    assert run(["recover", PG_WAL], env, command=jumping(ahead)).code == 0, "now there is a journal"
    [file] = (tmp_path / "home").rglob("journal.db")
    with proxy(cloud.host, Rule("read", "after")) as (host, between):
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process = recovering({**env, "ZVOL_HOST": host}, ahead)
        wait_for(lambda: any(one.kind == "read" for one in between.seen) and between.idle())
        deleted_on_purpose(cloud, ahead)
        other.execute("ROLLBACK")
        other.close()
        left_as_it_is(*ended(process), cloud)
        assert between.puts() == []


def test_a_process_that_is_stopped_before_its_put_leaves(
    tmp_path: Path, cloud: Sandbox, authority: Authority, ahead: Path
) -> None:
    """The handshake is quick, only zvol sleeps; its clock goes on."""
    running: dict[str, Any] = {}

    def sleeps() -> None:
        wait_for(lambda: "zvol" in running)
        os.kill(running["zvol"].pid, signal.SIGSTOP)
        deleted_on_purpose(cloud, ahead)
        os.kill(running["zvol"].pid, signal.SIGCONT)

    with front(cloud, authority.server(), held_up(2, sleeps)) as server:
        running["zvol"] = recovering(environment_of(tmp_path, cloud, server, authority), ahead)
        left_as_it_is(*ended(running["zvol"]), cloud)
