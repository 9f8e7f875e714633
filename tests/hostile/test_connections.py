"""The corpora of connections that do not work: each is a real server, and is said to be what it is."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.corpus_addresses import HOSTS, PROXIES, Proxied, Typed
from tests.hostile.corpus_answers import ANSWERS, Foreign
from tests.hostile.corpus_connections import LANGUAGES, TLS, Authorities, Language, Tls
from tests.support.ports import CLOSED
from tests.support.process import environment
from tests.support.warm import run
from tests.support.wire import OK, SECRET, Raw, hangs, raw, says
from zvol.config.hosts import parse_host
from zvol.config.proxies import environment_proxy
from zvol.errors import InvalidValue, MaybeSent, NeverSent, ZvolError
from zvol.model import Endpoint
from zvol.zstack.answer_errors import error_of
from zvol.zstack.answers import Answer, Redirected, Unrecognized, classify_job, classify_put, classify_read
from zvol.zstack.foreign import bars_changes
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.transport import Transport
from zvol.zstack.transport.dial import Dialer


def test_the_size_of_the_corpus_of_answers() -> None:
    assert len({one.sent for one in ANSWERS}) == len(ANSWERS) >= 80


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Raw]:
    """A server that sends the answer whose number is in the path."""

    def behave(client: socket.socket, request: bytes) -> bool:
        found = re.search(rb"/v1/([0-9]+) ", request)
        assert found is not None
        client.sendall(ANSWERS[int(found[1])].sent)
        return True

    with raw(behave) as server:
        yield server


@pytest.fixture(scope="module")
def transport(elsewhere: Raw) -> Iterator[Transport]:
    made = Transport(elsewhere.endpoint())
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_whose_answer_it_is(number: int, transport: Transport) -> None:
    entry = ANSWERS[number]
    answer = transport.send("GET", f"/v1/{number}")
    for found in (classify_read(answer), classify_put(answer, DATA_VOLUME), classify_job(answer, DATA_VOLUME)):
        assert isinstance(found, Unrecognized)
        error: ZvolError = error_of(found)
        assert entry.says in error.message
        assert entry.hint in error.hint
        assert len(error.message) < 100


REDIRECTS = {
    "http://x/": "http://x/",
    "https://sso.example/login?state=5ec4e7&nonce=1": "https://sso.example/login",
    "https://sso.example/login;jsessionid=5ec4e7#token=5ec4e7": "https://sso.example/login",
    "https://me:pw@sso.example/a@b": "https://sso.example/a@b",
    "//me@sso.example/": "//sso.example/",
    "/login?rd=https://me:pw@x/": "/login",
}


def test_where_a_redirect_leads_is_said_without_what_may_be_a_secret() -> None:
    for location, shown in REDIRECTS.items():
        assert classify_read(Answer(302, b"", {"location": location})) == Redirected(shown)


def test_what_may_pass_is_no_refusal_of_every_change() -> None:
    statuses = (200, 400, 401, 404, 405, 408, 425, 429, 451, 500, 501, 502, 503, 504, 520)
    assert [one for one in statuses if bars_changes(one)] == [200, 400, 401, 404, 405, 451, 501]


# ---- a sample through the command ------------------------------------------------------------------------------------
CHOSEN = ("ZStack", "zstack", "kubectl issues", "chef")
SAMPLE = [one for one in ANSWERS if one.report.startswith(CHOSEN)]


@pytest.mark.parametrize("command", ["list", "whoami", "doctor"])
@pytest.mark.parametrize("entry", SAMPLE, ids=lambda one: one.report)
def test_so_the_command_says(entry: Foreign, command: str, tmp_path: Path) -> None:
    with raw(says(entry.sent, alive=True)) as server:
        base = server.endpoint().base
        ended = run([command], environment(tmp_path / "home", {"ZVOL_HOST": base, "ZVOL_SESSION": SECRET}))
        assert ended.code == (1 if command == "doctor" else 5)
    shown = " ".join((ended.out + ended.err).split())
    assert entry.says in shown
    assert entry.hint in shown
    if command == "list":
        assert f"error: {base} answered HTTP " in ended.err


# ---- TLS, and ports of other services --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities(tmp_path_factory.mktemp("authorities"))


@pytest.mark.parametrize("entry", TLS, ids=lambda one: one.report)
def test_what_is_wrong_with_the_tls_of_a_server(entry: Tls, ours: Authorities) -> None:
    with raw(says(OK), entry.server(ours)) as server:
        transport = Transport(server.endpoint(host=entry.host), ca_file=entry.ca(ours))
        try:
            transport.send("GET", "/v1/volumes", timeout=5)
            found = None
        except NeverSent as error:
            found = error
        transport.close()
        assert (found is None, server.received == b"") == (not entry.says, bool(entry.says))
    if found is not None:
        assert found.untrusted
        assert entry.says in found.message
        assert entry.hint in found.hint


@pytest.mark.parametrize("entry", LANGUAGES, ids=lambda one: f"{one.report} {one.sends[:4]!r}")
def test_a_port_of_another_service(entry: Language, ours: Authorities) -> None:
    def behave(client: socket.socket, _request: bytes = b"") -> bool:
        client.recv(65536)
        client.sendall(entry.sends)
        client.shutdown(socket.SHUT_WR)
        return bool(client.recv(65536))

    with raw(says(OK), None, behave) as server:
        scheme = "http" if entry.plain else "https"
        transport = Transport(Endpoint(scheme, "127.0.0.1", server.port), ca_file=ours.ca_file)
        with pytest.raises(MaybeSent if entry.plain else NeverSent) as caught:
            transport.send("GET", "/v1/volumes", timeout=5)
        transport.close()
    assert entry.says in caught.value.message
    assert entry.hint in caught.value.hint


# ---- hosts and proxies -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("entry", HOSTS, ids=lambda one: one.text)
def test_a_host_as_it_was_typed(entry: Typed) -> None:
    if entry.means:
        assert parse_host(entry.text).base == entry.means
        return
    with pytest.raises(InvalidValue) as caught:
        parse_host(entry.text)
    assert entry.says in str(caught.value)


FAR = Endpoint("https", "zs.invalid", 8443)


@pytest.mark.parametrize("entry", PROXIES, ids=lambda one: f"{one.report} {one.url[:12]}")
def test_a_proxy_as_it_was_set(entry: Proxied) -> None:
    def greet(client: socket.socket) -> bool:
        assert entry.behave is not None
        return not entry.url.startswith("https:") or (bool(client.recv(65536)) and entry.behave(client, b""))

    with raw(entry.behave or hangs, None, greet) as proxy:
        environ = {"HTTPS_PROXY": entry.url.format(port=CLOSED if entry.behave is None else proxy.port)}
        if not (entry.hint or entry.user):
            with pytest.raises(InvalidValue) as invalid:
                environment_proxy(FAR, environ)
            assert entry.says in str(invalid.value)
            return
        found = environment_proxy(FAR, environ)
        assert found is not None
        transport = Transport(FAR, proxy=found[0], proxy_from=f"environment {found[1]}")
        with pytest.raises(NeverSent) as caught:
            transport.send("GET", "/v1/volumes", timeout=5)
        transport.close()
        assert entry.says in caught.value.message
        assert entry.hint in caught.value.hint
        if entry.user:
            sent = base64.b64encode(entry.user.encode())
            assert b"\r\nProxy-Authorization: Basic " + sent + b"\r\n" in proxy.requests[0]


@pytest.mark.parametrize("dead", [("192.0.2.1",), ("::1",), ("2001:db8::1", "192.0.2.1"), ("127.0.0.2",)])
def test_an_address_that_is_dead_before_one_that_lives(dead: tuple[str, ...]) -> None:
    with raw(says(OK)) as server:

        def lookup(_host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
            families = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in (*dead, "127.0.0.1")]
            return [(family, socket.SOCK_STREAM, 6, "", (one, port)) for family, one in families]

        endpoint = server.endpoint(host="zs.example")
        transport = Transport(endpoint, dialer=Dialer(lookup))
        assert transport.send("GET", "/v1/volumes", timeout=5).status == 200
        transport.close()


def test_the_sizes_of_the_other_corpora() -> None:
    assert len(TLS) + len(LANGUAGES) >= 40
    assert len(HOSTS) + len(PROXIES) >= 70
