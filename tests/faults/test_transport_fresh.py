"""A request that must be fresh leaves in time or not at all, whatever took the time before its first byte."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.authority import Authority
from tests.support.ports import CLOSED
from tests.support.tunnel import tunnel
from tests.support.wire import OK, UUID, Raw, auth, raw, says
from zvol.clock import SystemClock
from zvol.errors import NeverSent
from zvol.model import Endpoint
from zvol.zstack.answers import Answer
from zvol.zstack.transport import Transport

CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
clock = SystemClock()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def slowly(seconds: float, *numbers: int) -> Callable[[socket.socket], bool]:
    """Let the handshake of these connections (all without any) wait; they are counted from 1."""
    count = 0

    def greet(_client: socket.socket) -> bool:
        nonlocal count
        count += 1
        if not numbers or count in numbers:
            time.sleep(seconds)
        return True

    return greet


@contextmanager
def transport(server: Raw, authority: Authority | None = None, **more: Any) -> Iterator[Transport]:
    made = Transport(server.endpoint(), ca_file=authority.ca_file if authority else None, **more)
    try:
        yield made
    finally:
        made.close()


def put(made: Transport, fresh_for: float, **more: Any) -> Answer:
    until = clock.monotonic() + fresh_for
    return made.send("PUT", f"/v1/volumes/{UUID}/actions", body={"a": 1}, auth=auth, fresh_until=until, **more)


def stale(made: Transport, fresh_for: float, **more: Any) -> NeverSent:
    with pytest.raises(NeverSent) as caught:
        put(made, fresh_for, **more)
    assert (caught.value.reason, caught.value.untrusted) == ("stale", False)
    return caught.value


def test_what_a_slow_handshake_made_too_old_does_not_leave_and_its_connection_is_used_next(
    authority: Authority,
) -> None:
    with raw(says(OK, alive=True), authority.server(), slowly(0.5, 1)) as server, transport(server, authority) as made:
        found = stale(made, 0.2)
        assert "it took 0." in found.message
        assert server.received == b""
        began = clock.monotonic()
        answer = put(made, 0.2)
        assert (answer.status, server.connections, len(server.requests)) == (200, 1, 1)
        assert answer.sent_at is not None
        assert began <= answer.sent_at <= began + 0.2


def test_the_read_in_between_does_not_use_up_the_connection_of_a_server_that_closes(authority: Authority) -> None:
    with raw(says(CLOSING), authority.server(), slowly(0.5)) as server, transport(server, authority) as made:
        stale(made, 0.2)
        made.send("GET", "/v1/volumes")
        put(made, 0.2)
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
        put(made, 1.0)
        assert (server.connections, len(server.requests)) == (1, 1)


def test_a_slow_proxy(authority: Authority) -> None:
    with raw(says(OK, alive=True), authority.server("127.0.0.1")) as server, tunnel(server) as (proxy, carried):
        proxy.greet = slowly(0.5, 1)
        with transport(server, authority, proxy=f"http://127.0.0.1:{proxy.port}") as made:
            stale(made, 0.2)
            assert len(proxy.requests) == 1
            assert (server.received, len(carried) > 0) == (b"", True)
            put(made, 0.2)
            assert (proxy.connections, len(server.requests)) == (1, 1)


def test_a_proxy_that_speaks_tls(authority: Authority) -> None:
    """TLS within TLS cannot be asked whether it lives, so that connection is not kept apart."""
    context = authority.server("127.0.0.1")
    with raw(says(OK, alive=True), context) as server, tunnel(server, context) as (proxy, _):
        with transport(server, authority, proxy=f"https://127.0.0.1:{proxy.port}") as made:
            stale(made, -1.0)
            assert put(made, 1.0).status == 200
        assert len(server.requests) == 1


def test_a_slow_look_up_and_slow_headers_count_too() -> None:
    def slow_auth(_method: str, _path: str) -> dict[str, str]:
        time.sleep(0.3)
        return {}

    with raw(says(OK, alive=True)) as server, transport(server) as made:
        until = clock.monotonic() + 0.2
        with pytest.raises(NeverSent, match="until the request to"):
            made.send("PUT", "/v1/x", body={}, auth=slow_auth, fresh_until=until)
        assert server.received == b""


def test_a_connection_in_use_is_used_again_after_a_request_that_came_too_late() -> None:
    with raw(says(OK, alive=True)) as server, transport(server) as made:
        made.send("GET", "/v1/volumes")
        stale(made, -1.0)
        made.send("GET", "/v1/volumes")
        put(made, 1.0)
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
                time.sleep(0.05)
                closes[-1].sendall(last_words)
                closes[-1].shutdown(socket.SHUT_RDWR)
                time.sleep(0.05)
                assert put(made, 1.0).status == 200
        assert (server.connections, len(server.requests)) == (4, 2)


def test_a_connection_is_not_kept_for_longer_than_a_read_takes() -> None:
    class Quick(SystemClock):
        def real(self, seconds: float) -> float:
            return seconds / 50

    with raw(says(OK, alive=True)) as server, transport(server, clock=Quick()) as made:
        for pause, connections in ((0.2, 1), (0.4, 3)):  # 15 s are 0.3 s
            stale(made, -1.0)
            time.sleep(pause)
            put(made, 1.0, timeout=100)
            assert server.connections == connections
            time.sleep(0.2)  # what was used is idle for too long now


def test_a_request_whose_whole_time_is_over_before_it_leaves_was_never_sent() -> None:
    def slow_auth(_method: str, _path: str) -> dict[str, str]:
        time.sleep(0.3)
        return {}

    with raw(says(OK, alive=True)) as server, transport(server) as made:
        made.send("GET", "/v1/volumes")
        with pytest.raises(NeverSent) as caught:
            made.send("PUT", "/v1/x", body={}, auth=slow_auth, timeout=0.2)
        assert caught.value.reason == "connect-timeout"
        assert len(server.requests) == 1


def test_head_and_body_of_a_request_leave_together(tmp_path: Path) -> None:
    """Between them nothing can come, so its first byte tells when it left."""
    first: list[bytes] = []

    def greet(client: socket.socket) -> bool:
        first.append(client.recv(65536, socket.MSG_PEEK))
        return True

    with raw(says(OK), greet=greet) as server, transport(server) as made:
        put(made, 1.0)
        assert first == server.requests


def test_a_read_says_when_it_left(authority: Authority) -> None:
    with raw(says(OK), authority.server(), slowly(0.4)) as server, transport(server, authority) as made:
        began = clock.monotonic()
        answer = made.send("GET", "/v1/volumes")
        assert answer.sent_at is not None
        assert began + 0.4 <= answer.sent_at <= clock.monotonic()


def test_nobody_sends_to_an_endpoint_that_refuses(authority: Authority) -> None:
    """A connection that cannot be made is network error, however late it is."""
    made = Transport(Endpoint("http", "127.0.0.1", CLOSED))
    with pytest.raises(NeverSent) as caught:
        put(made, -1.0)
    assert caught.value.reason == "refused"
    made.close()
