"""What is on the wire: one request for one call, ours alone, over a connection that is fit for it (style 7.3)."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from tests.support.authority import Authority
from tests.support.jumping import JumpingClock
from tests.support.process import wait_for
from tests.support.wire import OK, SECRET, Raw, auth, hangs, put, raw, resets, says
from zvol.errors import MaybeSent, NeverSent
from zvol.zstack import answers
from zvol.zstack.answers import Answer, Unrecognized
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.transport import Transport, connections, deadline, happy_eyeballs

STATUSES = [200, 301, 302, 303, 307, 308, 400, 401, 403, 404, 407, 408, 413, 421, 425, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_one_request_and_one_answer(status: int) -> None:
    """Rows 3, 5 and 7: neither a redirect, nor a retry, nor a Retry-After is followed."""
    head = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n"
    with raw(says(head.encode() + b"{}", alive=True)) as server:
        assert put(server.endpoint()) == (status, b"{}")
        assert len(server.requests) == 1


def test_netrc_adds_nothing_and_replaces_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows 1 and 2."""
    home = tmp_path / "home"
    home.mkdir()
    for netrc in (home / ".netrc", home / "_netrc", tmp_path / "named"):
        netrc.write_text("machine 127.0.0.1 login evil password evil\ndefault login evil password evil\n")
        netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "named"))
    redirect = b"HTTP/1.1 307 X\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n"
    with raw(says(redirect, alive=True)) as server:
        transport = Transport(server.endpoint())
        transport.send("PUT", "/v1/x", body={}, auth=auth)
        transport.send("PUT", "/v1/x", body={})
        transport.close()
        first, second = server.requests
    assert f"Authorization: OAuth {SECRET}".encode() in first
    assert b"uthorization" not in second
    assert base64.b64encode(b"evil:evil") not in first + second


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_of_the_environment_decide_nothing(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Row 4: what they name is not trusted without `ca_file`, and takes nothing from what is trusted with it."""
    ours, theirs = trustme.CA(), trustme.CA()
    for name, authority in (("ours", ours), ("theirs", theirs)):
        authority.cert_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    monkeypatch.setenv(variable, str(tmp_path if variable.endswith("DIR") else tmp_path / "theirs.pem"))
    for authority, trusted in ((theirs, None), (theirs, "ours.pem"), (ours, "ours.pem")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        with raw(says(OK), context) as server:
            ca_file = str(tmp_path / trusted) if trusted else None
            if authority is ours:
                assert put(server.endpoint(), ca_file=ca_file) == (200, b"{}")
                continue
            with pytest.raises(NeverSent) as caught:
                put(server.endpoint(), ca_file=ca_file)
            assert (caught.value.reason, server.requests) == ("certificate", [])


def test_a_time_out_is_told_from_a_broken_connection() -> None:
    """Rows 6 and 8."""
    for behave, message, timeout in (
        (resets, "reset", 60.0),
        (lambda _client, _request: False, "closed", 60.0),
        (hangs, "time", 2.0),
    ):
        with raw(behave) as server, pytest.raises(MaybeSent, match=message):
            put(server.endpoint(), timeout=timeout)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_not_looked_at(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 11: what counts is handed in."""
    with raw(says(OK)) as proxy, raw(says(OK)) as server:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        assert put(server.endpoint()) == (200, b"{}")
        assert proxy.connections == 0


def test_a_page_is_an_answer_that_says_nothing() -> None:
    """Row 12."""
    page = b"<html>log in first</html>"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
    with raw(says(head + page)) as server:
        assert isinstance(answers.classify_put(Answer(*put(server.endpoint())), DATA_VOLUME), Unrecognized)


def test_what_is_on_the_wire() -> None:
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=x; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    with raw(says(cookie, alive=True)) as server:
        transport = Transport(server.endpoint())
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


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_an_address_of_the_sixth_version(secure: bool, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = Raw(says(OK), authority.server("::1") if secure else None, address="::1")
    assert put(server.endpoint(), ca_file=authority.ca_file) == (200, b"{}")
    assert f"\r\nHost: [::1]:{server.port}\r\n".encode() in server.requests[0]
    server.close()


# ---- the connection is fit for the request (row 13) ------------------------------------------------------------------
@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> JumpingClock:
    """Return the clock that connections are idle by."""
    made = JumpingClock()
    for module in (connections, deadline, happy_eyeballs):
        monkeypatch.setattr(module, "real_now", made.monotonic)
    return made


def test_no_connection_that_was_idle_for_five_seconds_is_used(clock: JumpingClock) -> None:
    with raw(says(OK, alive=True)) as server:
        transport = Transport(server.endpoint())
        for pause, opened in ((0.0, 1), (1.0, 1), (5.1, 2), (1.0, 2), (5.1, 3)):
            clock.jump(pause)
            transport.send("PUT", "/v1/x", body={}, timeout=100)
            assert server.connections == opened
        transport.close()


def test_it_is_the_connection_that_must_not_have_been_idle_not_the_transport(clock: JumpingClock) -> None:
    """One connection is busy all the time; the other one has not been used for long when both are needed again."""
    hold = threading.Event()
    served: list[tuple[bytes, int]] = []

    def behave(client: socket.socket, request: bytes) -> bool:
        served.append((request.split(b" ")[1], client.getpeername()[1]))
        if b"/slow" in request:
            hold.wait(60)
        client.sendall(OK)
        return True

    with raw(behave) as server:
        transport = Transport(server.endpoint(""))
        slow = threading.Thread(target=transport.send, args=("GET", "/v1/slow"), kwargs={"timeout": 300})
        slow.start()
        wait_for(lambda: len(served) == 1)
        transport.send("GET", "/v1/first", timeout=100)
        clock.jump(4)
        hold.set()
        slow.join()  # the transport was in use until now
        clock.jump(2)
        hold.clear()
        again = threading.Thread(target=transport.send, args=("GET", "/v1/slow"), kwargs={"timeout": 300})
        again.start()
        wait_for(lambda: len(served) == 3)
        transport.send("PUT", "/v1/put", body={}, timeout=100)
        hold.set()
        again.join()
        transport.close()
    ports = dict(served)
    assert ports[b"/v1/put"] != ports[b"/v1/first"]


def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    with raw(says(OK)) as server:
        transport = Transport(server.endpoint())
        for _ in range(3):
            assert transport.send("PUT", "/v1/x", body={}).status == 200
            wait_for(lambda: server.closed == server.connections)
        transport.close()
        assert server.connections == 3


def test_a_connection_with_an_answer_too_many_is_not_used() -> None:
    """A proxy that doubled a request answers twice: the second answer is not that of the next request."""
    other = b'HTTP/1.1 202 Accepted\r\nContent-Length: 13\r\n\r\n{"other": 1} '
    with raw(says(OK + other, alive=True)) as server:
        transport = Transport(server.endpoint())
        for _ in range(3):
            try:
                assert transport.send("GET", "/v1/x").body == b"{}"
            except MaybeSent:
                continue
        transport.close()


def test_many_threads_share_one_transport() -> None:
    with raw(says(OK, alive=True)) as server:
        transport = Transport(server.endpoint(), concurrency=8)
        done: list[int] = []

        def work() -> None:
            done.extend(transport.send("GET", "/v1/volumes").status for _ in range(20))

        before = threading.active_count()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert threading.active_count() <= before + 8 + 1 + server.connections
        for thread in threads:
            thread.join()
        transport.close()
        assert done == [200] * 160
        assert server.connections <= 8


def test_the_trace_tells_requests_and_no_secrets() -> None:
    lines: list[str] = []
    with raw(says(OK, alive=True)) as server:
        transport = Transport(server.endpoint(), trace=lines.append)
        transport.send("GET", "/v1/volumes", query=[("q", "a=b")], auth=auth)
        transport.send("GET", f"/v1/accounts/sessions/{SECRET}/valid")
        transport.close()
    assert lines[0].startswith("GET /v1/volumes?q=a=b 200 ")
    assert SECRET not in "".join(lines)
