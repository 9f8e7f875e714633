"""What was never sent is reported so, and whether the server was not trusted: one test for each way."""

from __future__ import annotations

import gc
import os
import select
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.ports import CLOSED, accepting_nobody
from tests.support.wire import OK, SECRET, hangs, put, raw, resets, says
from zvol.errors import ConfigError, NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport import Transport
from zvol.zstack.transport.dial import Dialer


def never(endpoint: Endpoint, proxy: str | None = None, *, silent: bool = False) -> NeverSent:
    """Send to where nothing can be sent; with `silent` it is not waited for long."""
    with pytest.raises(NeverSent) as caught:
        put(endpoint, timeout=1.0 if silent else 60.0, proxy=proxy)
    assert SECRET not in str(caught.value) + caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


# ---- name and connection ---------------------------------------------------------------------------------------------
def test_refused() -> None:
    assert never(Endpoint("http", "127.0.0.1", CLOSED)).reason == "refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".example"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    assert never(Endpoint("http", host, 80)).reason in ("dns", "address")


def test_a_listener_that_accepts_nobody() -> None:
    with accepting_nobody("127.0.0.1") as port:
        assert never(Endpoint("http", "127.0.0.1", port), silent=True).reason == "connect-timeout"


# ---- the handshake breaks: a transient error -------------------------------------------------------------------------
def half(client: socket.socket) -> bool:
    client.recv(65536)
    client.sendall(b"\x16\x03\x03\x10\x00\x02\x00")
    return False


def alert(number: int) -> Callable[[socket.socket], bool]:
    def behave(client: socket.socket) -> bool:
        client.recv(65536)
        client.sendall(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))
        client.recv(65536)
        return False

    return behave


BREAKS: dict[str, Callable[[socket.socket], bool]] = {
    "closed at once": lambda _client: False,
    "closed after the hello": lambda client: not client.recv(65536),
    "reset": resets,
    "reset after the hello": lambda client: bool(client.recv(65536)) and resets(client),
    "half a hello": half,
    "time": hangs,
    "the server's own fault": alert(80),
    "the user's cancel": alert(90),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_handshake_that_breaks_is_transient(name: str, tls: ssl.SSLContext) -> None:
    with raw(says(OK), tls, BREAKS[name]) as server:
        found = never(server.endpoint(), silent=BREAKS[name] is hangs)
        assert (found.reason in ("unreachable", "connect-timeout"), found.untrusted) == (True, False)
        assert server.requests == []


class Patient(Dialer):
    """Connects, and waits for what the other side does."""

    def dial(self, *about: Any) -> Any:
        sock = super().dial(*about)
        assert select.select([sock], [], [], 60)[0]
        return sock


def test_a_reset_before_the_handshake_leaves_no_socket_open(tls: ssl.SSLContext) -> None:
    with raw(says(OK), tls, resets) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        transport = Transport(server.endpoint(), dialer=Patient())
        with pytest.raises(NeverSent):
            transport.send("GET", "/v1/volumes")
        transport.close()
        gc.collect()
    assert [str(one.message) for one in caught if "TlsSocket" in str(one.message)] == []


# ---- the handshake is refused: trust ---------------------------------------------------------------------------------
LANGUAGES: dict[str, Callable[[socket.socket], bool]] = {
    "plain http": lambda client: bool(client.recv(65536)) and says(b"HTTP/1.1 400 Bad Request\r\n\r\n")(client, b""),
    "ssh": lambda client: says(b"SSH-2.0-OpenSSH_9.9\r\n")(client, b""),
    "mail": lambda client: says(b"220 mail.example ESMTP\r\n")(client, b""),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_another_language_on_the_tls_port_is_a_matter_of_trust(name: str, tls: ssl.SSLContext) -> None:
    with raw(says(OK), tls, LANGUAGES[name]) as server:
        found = never(server.endpoint())
        assert (found.reason, found.untrusted) == ("tls", True)
        assert "https" in found.hint


@pytest.mark.parametrize("number", [40, 70, 71])
def test_no_protocol_in_common_is_a_matter_of_trust(number: int, tls: ssl.SSLContext) -> None:
    with raw(says(OK), tls, alert(number)) as server:
        found = never(server.endpoint())
        assert (found.reason, found.untrusted) == ("tls", True)
        assert "TLS 1.2" in found.hint


# ---- a CA file that is of no use -------------------------------------------------------------------------------------
def unusable(tmp_path: Path) -> dict[str, Path]:
    key = trustme.CA().private_key_pem.bytes()
    files = {
        "empty": b"",
        "no PEM": b"this is no certificate\n",
        "a key": key,
        "half a certificate": trustme.CA().cert_pem.bytes()[:200],
        "DER": b"\x30\x82\x01\x00" + b"\x00" * 256,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    names = [*files, "folder", "pipe", "missing"]
    return {name: tmp_path / name for name in names}


def test_a_ca_file_that_is_of_no_use_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    for name, path in unusable(tmp_path).items():
        with pytest.raises(ConfigError) as caught:
            Transport(Endpoint("https", "127.0.0.1", 443), ca_file=str(path))
        assert caught.value.message.startswith(f"{path}: the CA file "), name
        assert "PEM" in caught.value.hint


# ---- the proxy -------------------------------------------------------------------------------------------------------
FAR = Endpoint("https", "zstack.invalid", 443)
PROXIES = {
    "closes": lambda _client, _request: False,
    "resets": resets,
    "hangs": hangs,
    "garbage": says(b"this is no HTTP\r\n\r\n"),
    "403": says(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
    "407": says(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"),
    "502": says(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello"),
    "a redirect": says(b"HTTP/1.1 302 Found\r\nLocation: http://evil.invalid/\r\n\r\n"),
    "headers without end": says(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 100_000),
}


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_that_does_not_let_us_through(name: str) -> None:
    with raw(PROXIES[name]) as proxy:
        found = never(FAR, f"http://user:pa55word@127.0.0.1:{proxy.port}", silent=PROXIES[name] is hangs)
        assert (found.reason, found.untrusted) == ("proxy", False)
        assert "pa55word" not in found.message + found.hint
        assert proxy.requests[0].startswith(b"CONNECT zstack.invalid:443 HTTP/1.")
        assert SECRET.encode() not in b"".join(proxy.requests)
    if name.isdigit():
        assert name in found.message


@pytest.mark.parametrize("where", ["127.0.0.1", "no-such-proxy.invalid"])
def test_a_dead_proxy(where: str) -> None:
    found = never(FAR, proxy=f"http://{where}:{CLOSED}")
    assert (found.reason, found.untrusted) == ("proxy", False)


def test_a_tunnel_that_ends_nowhere_is_transient() -> None:
    with raw(says(b"HTTP/1.1 200 OK\r\n\r\n")) as proxy:
        found = never(FAR, proxy=f"http://127.0.0.1:{proxy.port}")
        assert (found.reason, found.untrusted) == ("unreachable", False)
