"""The transport against real sockets: what was never sent, what may have been, and that nothing is sent twice."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from zvol.errors import MaybeSent, NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "5ec4e75ec4e75ec4e75ec4e75ec4e75e"
Behaviour = Callable[[socket.socket, bytes], bool]


@dataclass
class Raw:
    """A server made of a socket: `behave` answers each request and says whether the connection lives on."""

    behave: Behaviour
    context: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            wrapped = self.context.wrap_socket(client, server_side=True) if self.context else client
            with wrapped:
                while request := read(wrapped):
                    self.requests.append(request)
                    if not self.behave(wrapped, request):
                        return


def read(source: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        if not part:
            return b""
        data += part
    return data


@contextmanager
def raw(behave: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[Raw]:
    server = Raw(behave, context)
    try:
        yield server
    finally:
        server.listener.close()


def auth(_method: str, _path: str) -> dict[str, str]:
    return {"Authorization": f"OAuth {SECRET}"}


def put(port: int, *, scheme: str = "http", deadline: float = 2.0, **options: str) -> tuple[int, bytes]:
    """Send one PUT and return status and body."""
    transport = Transport(Endpoint(scheme, "127.0.0.1", port, "/zstack"), **options)  # type: ignore[arg-type]
    try:
        answer = transport.send("PUT", "/v1/volumes/x/actions", body={"a": 1}, auth=auth, deadline=deadline, fresh=True)
    finally:
        transport.close()
    return answer.status, answer.body


def says(data: bytes, alive: bool = False) -> Behaviour:
    def behave(client: socket.socket, _request: bytes) -> bool:
        client.sendall(data)
        return alive

    return behave


def resets(client: socket.socket, _request: bytes) -> bool:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hangs(_client: socket.socket, _request: bytes) -> bool:
    time.sleep(5)
    return False


def drips(client: socket.socket, _request: bytes) -> bool:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"x" * 999:
        client.sendall(bytes([byte]))
        time.sleep(0.1)
    return False


# ---- never sent --------------------------------------------------------------------------------------------------
def never(port: int, **options: str) -> NeverSent:
    with pytest.raises(NeverSent) as caught:
        put(port, **options)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)
    return caught.value


def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert never(port).reason == "refused"


def test_a_name_that_does_not_resolve() -> None:
    transport = Transport(Endpoint("http", "no-such-host.invalid", 80, ""))
    with pytest.raises(NeverSent) as caught:
        transport.send("GET", "/v1/volumes")
    assert caught.value.reason == "dns"


def test_a_listener_that_accepts_nobody() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        with pytest.raises(NeverSent) as caught:
            put(port, deadline=0.6)
        assert caught.value.reason == "connect-timeout"
        assert time.monotonic() - began < 3
        for filler in fillers:
            filler.close()


def test_plain_http_on_the_tls_port() -> None:
    with raw(says(OK)) as server:
        found = never(server.port, scheme="https")
        assert (found.reason, found.untrusted) == ("tls", True)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_a_certificate_of_the_profiles_authority_is_trusted(authority: trustme.CA, ca_file: str) -> None:
    with raw(says(OK, alive=True), tls(authority)) as server:
        assert put(server.port, scheme="https", ca_file=ca_file) == (200, b"{}")


def test_an_unknown_authority(authority: trustme.CA) -> None:
    with raw(says(OK), tls(authority)) as server:
        found = never(server.port, scheme="https")
        assert (found.reason, server.requests) == ("certificate", [])


def test_a_certificate_for_another_name(authority: trustme.CA, ca_file: str) -> None:
    with raw(says(OK), tls(authority, "zstack.example.com")) as server:
        assert never(server.port, scheme="https", ca_file=ca_file).reason == "certificate"
        assert server.requests == []


def test_environment_authorities_decide_nothing(
    authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_file)
    monkeypatch.setenv("CURL_CA_BUNDLE", ca_file)
    with raw(says(OK), tls(authority)) as server:
        assert never(server.port, scheme="https").reason == "certificate"


def test_a_missing_ca_file(authority: trustme.CA, tmp_path: Path) -> None:
    with raw(says(OK), tls(authority)) as server:
        assert never(server.port, scheme="https", ca_file=str(tmp_path / "none.pem")).reason == "certificate"


def test_a_dead_proxy(authority: trustme.CA) -> None:
    with raw(says(OK), tls(authority)) as server:
        found = never(server.port, scheme="https", proxy="http://127.0.0.1:1")
        assert (found.reason, server.connections) == ("proxy", 0)


# ---- may have been sent ------------------------------------------------------------------------------------------
MAYBE: dict[str, Behaviour] = {
    "closed without an answer": lambda _client, _request: False,
    "reset": resets,
    "hangs": hangs,
    "a byte at a time": drips,
    "garbage": says(b"this is not HTTP\r\n\r\n"),
    "half a body": says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
    "a broken chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "compressed": says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
    "a thousand headers": says(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n"),
    "a header without end": says(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("name", MAYBE)
def test_one_request_that_may_have_arrived(name: str) -> None:
    with raw(MAYBE[name]) as server:
        began = time.monotonic()
        with pytest.raises(MaybeSent) as caught:
            put(server.port, deadline=0.7)
        assert time.monotonic() - began < 2.5
        assert len(server.requests) == 1
        assert SECRET not in str(caught.value)


def test_tls_that_breaks_after_the_request(authority: trustme.CA, ca_file: str) -> None:
    def breaks(client: socket.socket, _request: bytes) -> bool:
        raw_socket = socket.socket(fileno=client.detach())
        raw_socket.sendall(b"\x15\x03\x03\x00\x02 this is no TLS record")
        raw_socket.close()
        return False

    with raw(breaks, tls(authority)) as server:
        with pytest.raises(MaybeSent):
            put(server.port, scheme="https", ca_file=ca_file)
        assert len(server.requests) == 1


def test_an_endless_body_is_cut_off() -> None:
    def endless(client: socket.socket, _request: bytes) -> bool:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            client.sendall(b"x" * 65536)

    with raw(endless) as server:
        transport = Transport(Endpoint("http", "127.0.0.1", server.port, ""))
        with pytest.raises(MaybeSent, match="more than 100000 bytes"):
            transport.send("GET", "/v1/volumes", deadline=5, limit=100_000)


# ---- answers are answers, once -----------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["200", "301", "302", "303", "307", "308", "401", "404", "429", "500", "502", "503"])
def test_every_status_is_one_request_and_one_answer(status: str) -> None:
    head = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n"
    with raw(says(head.encode() + b"{}", alive=True)) as server:
        assert put(server.port) == (int(status), b"{}")
        assert len(server.requests) == 1


def test_what_is_on_the_wire(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login evil password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=x; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    with raw(says(cookie, alive=True)) as server:
        transport = Transport(Endpoint("http", "127.0.0.1", server.port, "/zstack"))
        for _ in range(2):
            transport.send("PUT", "/v1/volumes/x/actions", body={"name": "卷"}, auth=auth)
        transport.close()
        assert server.connections == 1
        first, second = (request.decode().lower() for request in server.requests)
    assert first.startswith("put /zstack/v1/volumes/x/actions http/1.1")
    assert f"authorization: oauth {SECRET}" in first
    assert "accept-encoding: identity" in first
    assert "content-type: application/json;charset=utf-8" in first
    assert "user-agent: zvol/" in first
    assert "cookie" not in second


def test_an_idle_connection_is_not_used_for_a_put() -> None:
    class Later:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def real(self, seconds: float) -> float:
            return seconds

    clock = Later()
    with raw(says(OK, alive=True)) as server:
        transport = Transport(Endpoint("http", "127.0.0.1", server.port, ""), clock=clock)  # type: ignore[arg-type]
        transport.send("GET", "/v1/volumes")
        transport.send("PUT", "/v1/x", body={}, fresh=True)
        assert server.connections == 1
        clock.now += 6
        transport.send("PUT", "/v1/x", body={}, fresh=True)
        assert server.connections == 2
        transport.close()


def test_many_threads_share_one_transport() -> None:
    with raw(says(OK, alive=True)) as server:
        transport = Transport(Endpoint("http", "127.0.0.1", server.port, ""), concurrency=8)
        done: list[int] = []

        def work() -> None:
            done.extend(transport.send("GET", "/v1/volumes").status for _ in range(20))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        transport.close()
        assert done == [200] * 160
        assert server.connections <= 8


def test_the_trace_tells_requests_and_no_secrets() -> None:
    lines: list[str] = []
    with raw(says(OK, alive=True)) as server:
        transport = Transport(Endpoint("http", "127.0.0.1", server.port, ""), trace=lines.append)
        transport.send("GET", "/v1/volumes", query=[("q", "a=b")], auth=auth)
        transport.close()
    assert lines[0].startswith("GET /v1/volumes?q=a=b 200 ")
    assert SECRET not in lines[0]
