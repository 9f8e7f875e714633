"""A request that must be fresh leaves in time or not at all, whatever took the time before its first byte."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.authority import Authority
from tests.support.jumping import JumpingClock
from tests.support.ports import CLOSED
from tests.support.process import wait_for
from tests.support.tunnel import tunnel
from tests.support.wire import OK, UUID, Raw, auth, raw, says
from zvol.clock import Clock
from zvol.errors import NeverSent
from zvol.model import Endpoint
from zvol.zstack.answers import Answer
from zvol.zstack.transport import Transport, connections, deadline, happy_eyeballs

FRESH, LONG = 60.0, 90.0
"""Seconds for which a request is fresh, and that are too long."""
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def slowly(clock: JumpingClock, *numbers: int) -> Callable[[socket.socket], bool]:
    """Let the handshake of these connections (all without any) take too long; they are counted from 1."""
    count = 0

    def greet(_client: socket.socket) -> bool:
        nonlocal count
        count += 1
        if not numbers or count in numbers:
            clock.jump(LONG)
        return True

    return greet


@contextmanager
def transport(
    server: Raw, authority: Authority | None = None, clock: Clock | None = None, **more: Any
) -> Iterator[Transport]:
    made = Transport(server.endpoint(), ca_file=authority.ca_file if authority else None, clock=clock, **more)
    try:
        yield made
    finally:
        made.close()


def put(made: Transport, fresh_for: float = FRESH, **more: Any) -> Answer:
    until = made._clock.monotonic() + fresh_for
    return made.send("PUT", f"/v1/volumes/{UUID}/actions", body={"a": 1}, auth=auth, fresh_until=until, **more)


def stale(made: Transport, fresh_for: float = FRESH, **more: Any) -> NeverSent:
    with pytest.raises(NeverSent) as caught:
        put(made, fresh_for, **more)
    assert (caught.value.reason, caught.value.untrusted) == ("stale", False)
    return caught.value


def test_what_a_slow_handshake_made_too_old_does_not_leave_and_its_connection_is_used_next(
    authority: Authority, clock: JumpingClock
) -> None:
    slow = slowly(clock, 1)
    with raw(says(OK, alive=True), authority.server(), slow) as server, transport(server, authority, clock) as made:
        found = stale(made)
        assert re.search(r"it took (90|9[1-9]|1[0-4][0-9])\.[0-9] s until the request to", found.message)
        assert server.received == b""
        began = clock.monotonic()
        answer = put(made)
        assert (answer.status, server.connections, len(server.requests)) == (200, 1, 1)
        assert answer.sent_at is not None
        assert began <= answer.sent_at <= clock.monotonic()


def test_the_read_in_between_does_not_use_up_the_connection_of_a_server_that_closes(
    authority: Authority, clock: JumpingClock
) -> None:
    slow = slowly(clock)
    with raw(says(CLOSING), authority.server(), slow) as server, transport(server, authority, clock) as made:
        stale(made)
        made.send("GET", "/v1/volumes")
        put(made)
        assert server.connections == 2
        assert [request.split()[0] for request in server.requests] == [b"GET", b"PUT"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_each_request_that_came_too_late_leaves_its_connection_behind(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    """TLS 1.3 sends tickets on a connection that carries nothing: it lives."""
    context = authority.server()
    context.minimum_version = context.maximum_version = version
    with raw(says(OK, alive=True), context) as server, transport(server, authority) as made:
        for _ in range(3):
            stale(made, -1.0)
        put(made)
        assert (server.connections, len(server.requests)) == (1, 1)


def test_a_slow_proxy(authority: Authority, clock: JumpingClock) -> None:
    with raw(says(OK, alive=True), authority.server("127.0.0.1")) as server, tunnel(server) as (proxy, carried):
        proxy.greet = slowly(clock, 1)
        with transport(server, authority, clock, proxy=f"http://127.0.0.1:{proxy.port}") as made:
            stale(made)
            assert len(proxy.requests) == 1
            assert (server.received, len(carried) > 0) == (b"", True)
            put(made)
            assert (proxy.connections, len(server.requests)) == (1, 1)


def test_a_proxy_that_speaks_tls(authority: Authority) -> None:
    """TLS within TLS cannot be asked whether it lives, so that connection is not kept apart."""
    context = authority.server("127.0.0.1")
    with raw(says(OK, alive=True), context) as server, tunnel(server, context) as (proxy, _):
        with transport(server, authority, proxy=f"https://127.0.0.1:{proxy.port}") as made:
            stale(made, -1.0)
            assert put(made).status == 200
        assert len(server.requests) == 1


def test_a_slow_look_up_and_slow_headers_count_too(clock: JumpingClock) -> None:
    def slow_auth(_method: str, _path: str) -> dict[str, str]:
        clock.jump(LONG)
        return {}

    with raw(says(OK, alive=True)) as server, transport(server, clock=clock) as made:
        until = clock.monotonic() + FRESH
        with pytest.raises(NeverSent, match="until the request to"):
            made.send("PUT", "/v1/x", body={}, auth=slow_auth, fresh_until=until)
        assert server.received == b""


def test_a_connection_in_use_is_used_again_after_a_request_that_came_too_late() -> None:
    with raw(says(OK, alive=True)) as server, transport(server) as made:
        made.send("GET", "/v1/volumes")
        stale(made, -1.0)
        made.send("GET", "/v1/volumes")
        put(made)
        assert (server.connections, len(server.requests)) == (1, 3)


def test_what_was_kept_and_has_died_is_not_used() -> None:
    """The server closes what is idle, or says that it does; neither is mistaken for a connection."""
    closes: list[socket.socket] = []

    def greet(client: socket.socket) -> bool:
        closes.append(client)
        return True

    with raw(says(OK, alive=True), greet=greet) as server:
        for last_words in (b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"):
            with transport(server) as made:
                stale(made, -1.0)
                wait_for(lambda: len(closes) % 2 == 1)
                closes[-1].sendall(last_words)
                closes[-1].shutdown(socket.SHUT_RDWR)
                assert put(made).status == 200
        assert (server.connections, len(server.requests)) == (4, 2)


def test_a_connection_is_not_kept_for_longer_than_a_read_takes(
    clock: JumpingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connections, deadline, happy_eyeballs):
        monkeypatch.setattr(module, "real_now", clock.monotonic)
    with raw(says(OK, alive=True)) as server, transport(server) as made:
        for pause, opened in ((10, 1), (20, 3)):  # 15 s are allowed
            stale(made, -1.0)
            clock.jump(pause)
            put(made)
            assert server.connections == opened
            clock.jump(10)  # what was used is idle for too long now


def test_a_request_whose_whole_time_is_over_before_it_leaves_was_never_sent(
    clock: JumpingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_auth(_method: str, _path: str) -> dict[str, str]:
        clock.jump(LONG)
        return {}

    monkeypatch.setattr(deadline, "real_now", clock.monotonic)
    with raw(says(OK, alive=True)) as server, transport(server) as made:
        made.send("GET", "/v1/volumes")
        with pytest.raises(NeverSent) as caught:
            made.send("PUT", "/v1/x", body={}, auth=slow_auth, timeout=FRESH)
        assert caught.value.reason == "connect-timeout"
        assert len(server.requests) == 1


def test_head_and_body_of_a_request_leave_together(tmp_path: Path) -> None:
    """Between them nothing can come, so its first byte tells when it left."""
    first: list[bytes] = []

    def greet(client: socket.socket) -> bool:
        first.append(client.recv(65536, socket.MSG_PEEK))
        return True

    with raw(says(OK), greet=greet) as server, transport(server) as made:
        put(made)
        assert first == server.requests


def test_a_read_says_when_it_left(authority: Authority, clock: JumpingClock) -> None:
    slow = slowly(clock)
    with raw(says(OK), authority.server(), slow) as server, transport(server, authority, clock) as made:
        began = clock.monotonic()
        answer = made.send("GET", "/v1/volumes")
        assert answer.sent_at is not None
        assert began + LONG <= answer.sent_at <= clock.monotonic()


def test_nobody_sends_to_an_endpoint_that_refuses(authority: Authority) -> None:
    """A connection that cannot be made is network error, however late it is."""
    made = Transport(Endpoint("http", "127.0.0.1", CLOSED))
    with pytest.raises(NeverSent) as caught:
        put(made, -1.0)
    assert caught.value.reason == "refused"
    made.close()
