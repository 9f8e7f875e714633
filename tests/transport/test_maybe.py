"""Everything after the first byte may have arrived: sent once, reported so, and never more than that."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.wire import OK, SECRET, Behaviour, hangs, put, raw, resets, says
from zvol.errors import MaybeSent


def answer(*headers: bytes, body: bytes = b"{}", status: bytes = b"HTTP/1.1 200 OK") -> Behaviour:
    return says(b"\r\n".join([status, *headers]) + b"\r\n\r\n" + body)


MAYBE: dict[str, Behaviour] = {
    "closed without an answer": lambda _client, _request: False,
    "reset": resets,
    "hangs": hangs,
    "garbage": says(b"this is not HTTP\r\n\r\n"),
    "HTTP/0.9": says(b"{}"),
    "HTTP/2": says(b"HTTP/2 200\r\n\r\n{}"),
    "no status": says(b"HTTP/1.1 \r\n\r\n"),
    "a status in letters": says(b"HTTP/1.1 yes OK\r\n\r\n"),
    "half a status line": says(b"HTTP/1.1 20"),
    "half a head": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a head without its end": says(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n"),
    "a head that ends in its first line": says(b"HTTP/1.1 202 "),
    "half a body": answer(b"Content-Length: 50", body=b"{"),
    "a broken chunk": answer(b"Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n"),
    "half a chunk": answer(b"Transfer-Encoding: chunked", body=b"ff\r\n{}"),
    "no last chunk": answer(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n"),
    "a negative chunk": answer(b"Transfer-Encoding: chunked", body=b"-2\r\n{}\r\n0\r\n\r\n"),
    "gzip": answer(b"Content-Encoding: gzip", b"Content-Length: 2"),
    "two lengths": answer(b"Content-Length: 2", b"Content-Length: 3"),
    "a negative length": answer(b"Content-Length: -2"),
    "a length in letters": answer(b"Content-Length: two"),
    "length and chunks": answer(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "a thousand headers": answer(*[b"X-A: b"] * 1000),
    "a header without end": answer(b"X-A: " + b"b" * 100_000),
    "other protocols": answer(b"Upgrade: h2c", status=b"HTTP/1.1 101 Switching Protocols", body=b""),
    "informational answers without end": says(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    "only an informational answer": says(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("name", MAYBE)
def test_one_request_that_may_have_arrived(name: str) -> None:
    with raw(MAYBE[name]) as server:
        with pytest.raises(MaybeSent) as caught:
            put(server.endpoint(), timeout=2.0 if MAYBE[name] is hangs else 60.0)
        assert len(server.requests) == 1
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("informational", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nLink: </x>; a=b"])
@pytest.mark.parametrize("times", [1, 5])
def test_informational_answers_are_not_the_answer(informational: bytes, times: int) -> None:
    with raw(says((b"HTTP/1.1 " + informational + b"\r\n\r\n") * times + OK)) as server:
        assert put(server.endpoint()) == (200, b"{}")
        assert len(server.requests) == 1


def breaks_tls(client: socket.socket, _request: bytes) -> bool:
    plain = socket.socket(fileno=client.detach())
    plain.sendall(b"\x15\x03\x03\x00\x02 this is no TLS record")
    plain.close()
    return False


def cuts_tls(client: socket.socket, _request: bytes) -> bool:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
    socket.socket(fileno=client.detach()).close()
    return False


@pytest.mark.parametrize("behave", [breaks_tls, cuts_tls, resets, hangs])
def test_tls_that_breaks_after_the_request(behave: Behaviour, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with raw(behave, context) as server:
        with pytest.raises(MaybeSent):
            put(server.endpoint(), ca_file=str(tmp_path / "ca.pem"), timeout=2.0 if behave is hangs else 60.0)
        assert len(server.requests) == 1
