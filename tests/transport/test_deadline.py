"""One deadline for the whole of a request, whatever the server, a name or an address does with the time."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import trustme

from tests.support.ports import accepting_nobody
from tests.support.wire import OK, Raw, drips, hangs, put, raw, says
from zvol.errors import MaybeSent, NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport import Transport
from zvol.zstack.transport.dial import Dialer

DEADLINE, GRACE = 1.5, 30
"""Seconds: on a busy machine a request takes a while to leave, and its end a while to be seen."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

DRIPS = {
    "status line": drips(b"HTTP/1.1 200 O", then=b"K"),
    "header": drips(b"", before=b"HTTP/1.1 200 OK\r\nX-A: "),
    "header, connection: close": drips(b"", before=b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: "),
    "headers without end": drips(b"", before=b"HTTP/1.1 200 OK\r\n", then=b"X-A: b\r\n"),
    "body": drips(b"", before=HEAD),
    "body, connection: close": drips(b"", before=HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")),
    "body without a length": drips(b"", before=b"HTTP/1.1 200 OK\r\n\r\n"),
    "body of HTTP/1.0": drips(b"", before=b"HTTP/1.0 200 OK\r\n\r\n"),
    "body of HTTP/1.0 with a length": drips(b"", before=HEAD.replace(b"1.1", b"1.0")),
    "chunk size": drips(b"", before=CHUNKED, then=b"0"),
    "chunk extension": drips(b"", before=CHUNKED + b"2;a="),
    "chunk": drips(b"", before=CHUNKED + b"ffff\r\n"),
    "chunks without end": drips(b"", before=CHUNKED, then=b"1\r\nx\r\n"),
    "chunks, connection: close": drips(
        b"", before=CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), then=b"1\r\nx\r\n"
    ),
    "trailers": drips(b"", before=CHUNKED + b"2\r\n{}\r\n0\r\n", then=b"X-A: b\r\n"),
    "a trailer": drips(b"", before=CHUNKED + b"2\r\n{}\r\n0\r\nX-A: "),
    "informational answers": drips(b"", every=0.4, then=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the head of an informational answer": drips(b"", before=b"HTTP/1.1 103 Early Hints\r\n", then=b"Link: x\r\n"),
    "nothing": hangs,
}


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds + GRACE


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_byte_at_a_time(secure: bool, tls: ssl.SSLContext, ca_file: str) -> None:
    """All at the same time, for each takes as long as it may."""

    def ended(name: str) -> tuple[str, int]:
        with raw(DRIPS[name], tls if secure else None) as server:
            try:
                put(server.endpoint(), timeout=2 * DEADLINE, ca_file=ca_file)
            except (MaybeSent, NeverSent) as error:
                return f"{type(error).__name__}: {error.message}", len(server.requests)
        return "answered", len(server.requests)

    with within(2 * DEADLINE), ThreadPoolExecutor(len(DRIPS)) as pool:
        found = dict(zip(DRIPS, pool.map(ended, DRIPS), strict=True))
    assert found == dict.fromkeys(DRIPS, ("MaybeSent: no complete answer within the time allowed", 1))


def test_a_server_that_reads_nothing() -> None:
    """A body larger than what the kernel takes is never sent to its end, and some of it may have arrived."""

    ended = threading.Event()

    def sleeps(_client: socket.socket) -> bool:
        ended.wait(60)
        return False

    with raw(says(OK), greet=sleeps) as server, within(DEADLINE):
        transport = Transport(server.endpoint())
        with pytest.raises(MaybeSent):
            transport.send("PUT", "/v1/x", body="x" * (12 << 20), timeout=DEADLINE)
        ended.set()
        transport.close()


# ---- before the request ----------------------------------------------------------------------------------------------
def handshake_record(length: int) -> bytes:
    return b"\x16\x03\x03" + length.to_bytes(2, "big")


def drip_handshake(client: socket.socket) -> bool:
    client.recv(65536)
    client.sendall(handshake_record(16000) + b"\x02\x00\x3e\x00")
    return drips(b"", then=b"\x00")(client, b"")


@pytest.mark.parametrize("greet", [hangs, drip_handshake], ids=["nothing", "a byte at a time"])
def test_a_tls_handshake_that_does_not_end(
    greet: Callable[[socket.socket], bool], tls: ssl.SSLContext, ca_file: str
) -> None:
    with raw(says(OK), tls, greet) as server, within(DEADLINE):
        with pytest.raises(NeverSent) as caught:
            put(server.endpoint(), timeout=DEADLINE, ca_file=ca_file)
        assert server.requests == []
    assert (caught.value.reason, caught.value.untrusted) == ("connect-timeout", False)


def test_a_proxy_that_drips_its_answer(tls: ssl.SSLContext, ca_file: str) -> None:
    for behave in (hangs, drips(b"", before=b"HTTP/1.1 200 OK\r\n", then=b"X-A: b\r\n")):
        with raw(behave) as proxy, within(DEADLINE):
            far = Endpoint("https", "zstack.invalid", 443, "")
            with pytest.raises(NeverSent) as caught:
                put(far, timeout=DEADLINE, ca_file=ca_file, proxy=f"http://127.0.0.1:{proxy.port}")
            assert caught.value.reason == "proxy"


@pytest.mark.parametrize("greet", [hangs, drip_handshake], ids=["nothing", "a byte at a time"])
def test_a_proxy_whose_tls_handshake_does_not_end(
    greet: Callable[[socket.socket], bool], tls: ssl.SSLContext, ca_file: str
) -> None:
    far = Endpoint("https", "zstack.invalid", 443, "")
    with raw(says(OK), tls, greet) as proxy, within(DEADLINE):
        with pytest.raises(NeverSent) as caught:
            put(far, timeout=DEADLINE, ca_file=ca_file, proxy=f"https://127.0.0.1:{proxy.port}")
        assert (caught.value.reason, proxy.requests) == ("proxy", [])


class Directory:
    """A name service for tests: it answers with the addresses it was given, after it may."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.may_answer = threading.Event()
        self.asked = 0

    def __call__(self, host: str, port: int, **_options: Any) -> Sequence[tuple[Any, ...]]:
        self.asked += 1
        self.may_answer.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.addresses]


def never(endpoint: Endpoint, directory: Directory, deadline: float = DEADLINE) -> NeverSent:
    transport = Transport(endpoint, dialer=Dialer(directory))
    with pytest.raises(NeverSent) as caught:
        transport.send("GET", "/v1/volumes", timeout=deadline)
    transport.close()
    return caught.value


def test_a_name_service_that_does_not_answer() -> None:
    directory = Directory("127.0.0.1")
    with within(DEADLINE):
        assert never(Endpoint("http", "zstack.example", 80, ""), directory).reason == "dns"
    directory.may_answer.set()


def test_who_asks_again_waits_for_the_same_look_up() -> None:
    directory, threads = Directory("127.0.0.1"), threading.active_count()
    transport = Transport(Endpoint("http", "zstack.example", 80, ""), dialer=Dialer(directory))
    for _ in range(5):
        with pytest.raises(NeverSent):
            transport.send("GET", "/v1/volumes", timeout=0.05)
    assert directory.asked == 1
    assert threading.active_count() <= threads + 1
    directory.may_answer.set()


def test_a_name_that_is_found_late_is_used_and_asked_for_again() -> None:
    directory = Directory("127.0.0.1")
    with raw(says(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))) as server:
        transport = Transport(server.endpoint(host="zstack.example"), dialer=Dialer(directory))
        threading.Timer(0.2, directory.may_answer.set).start()
        assert transport.send("GET", "/v1/volumes", timeout=60).status == 200
        assert transport.send("GET", "/v1/volumes", timeout=60).status == 200
        transport.close()
    assert directory.asked == 2


needs_addresses = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has all of 127.0.0.0/8")


@needs_addresses
def test_several_addresses_share_the_time() -> None:
    addresses = [f"127.0.0.{last}" for last in range(2, 8)]
    directory = Directory(*addresses)
    directory.may_answer.set()
    with accepting_nobody(*addresses) as port, within(DEADLINE):
        assert never(Endpoint("http", "zstack.example", port, ""), directory).reason == "connect-timeout"


@needs_addresses
def test_a_later_address_has_its_turn() -> None:
    directory = Directory("127.0.0.2", "127.0.0.3", "127.0.0.1")
    directory.may_answer.set()
    with accepting_nobody("127.0.0.2", "127.0.0.3") as port:
        server = Raw(says(OK), port=port)
        transport = Transport(server.endpoint(host="zstack.example"), dialer=Dialer(directory))
        assert transport.send("GET", "/v1/volumes", timeout=60).status == 200
        transport.close()
        server.close()


def test_a_refused_address_does_not_hide_the_next() -> None:
    directory = Directory("127.0.0.2", "127.0.0.1")
    directory.may_answer.set()
    with raw(says(OK)) as server:
        transport = Transport(server.endpoint(host="zstack.example"), dialer=Dialer(directory))
        assert transport.send("GET", "/v1/volumes", timeout=60).status == 200
        transport.close()
