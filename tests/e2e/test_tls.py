"""Real certificates and real handshakes: what is not trusted is 9, says what repairs it, and gets nothing from us."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.authority import DAY, Authority, only_old
from tests.support.process import Ran, environment
from tests.support.warm import run
from tests.support.wire import SECRET, UUID, Raw, raw, says

NOTHING = b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"schema":{},"inventories":[]}\n'


@dataclass(frozen=True)
class Case:
    """A server's certificate, whether the profile knows its authority, and what must be reported."""

    make: Callable[[Authority, Authority], ssl.SSLContext]
    known: bool
    reason: str
    repair: str


CASES = {
    "expired": Case(lambda ours, _: ours.server(starts=-3 * DAY, ends=-DAY), True, "has expired", "Renew"),
    "not yet valid": Case(lambda ours, _: ours.server(starts=DAY, ends=3 * DAY), True, "not yet valid", "clock"),
    "another name": Case(lambda ours, _: ours.server("zstack.example.com"), True, "mismatch", "`host`"),
    "another address": Case(lambda ours, _: ours.server("127.0.0.2"), True, "mismatch", "`host`"),
    "the authority is not known": Case(lambda ours, _: ours.server(), False, "not trusted", "`ca_file`"),
    "another authority": Case(lambda _, theirs: theirs.server(), True, "not trusted", "`ca_file`"),
    "an old protocol": Case(lambda ours, _: only_old(ours.server()), True, "only outdated TLS", "TLS 1.2"),
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


def zvol(server: Raw, home: Path, ca_file: str | None, *arguments: str, **more: str) -> Ran:
    given = {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET} | more
    if ca_file is not None:
        given["ZVOL_CA_FILE"] = ca_file
    return run(arguments or ("recover", UUID), environment(home, given))


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_trusted_gets_not_a_byte(name: str, ours: Authority, theirs: Authority, tmp_path: Path) -> None:
    case = CASES[name]
    with raw(says(NOTHING), case.make(ours, theirs)) as server:
        ended = zvol(server, tmp_path / "home", ours.ca_file if case.known else None)
        assert ended.code == 9, ended.err
        assert server.connections == 1
        assert server.received == b""
    assert case.reason in ended.out + ended.err
    assert case.repair in ended.out + ended.err
    assert SECRET not in ended.out + ended.err


@pytest.mark.parametrize("arguments", [("list",), ("show", UUID), ("attach", UUID, UUID), ("whoami",)])
def test_so_it_is_for_every_command(arguments: tuple[str, ...], ours: Authority, tmp_path: Path) -> None:
    with raw(says(NOTHING), ours.server()) as server:
        ended = zvol(server, tmp_path / "home", None, *arguments)
        assert (ended.code, server.received) == (9, b""), ended.err
    assert "`ca_file`" in ended.err


def test_a_self_signed_certificate_can_be_the_ca_file(ours: Authority, tmp_path: Path) -> None:
    """Also a server's own certificate, which is no authority's."""
    made = ours.authority.issue_cert("127.0.0.1")
    leaf = tmp_path / "leaf.pem"
    made.cert_chain_pems[0].write_to_path(str(leaf))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.configure_cert(context)
    with raw(says(NOTHING), context) as server:
        assert "there is no such volume" in zvol(server, tmp_path / "home", str(leaf)).err
        assert server.received.count(f"OAuth {SECRET}".encode()) == len(server.requests)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_adds_no_authority(variable: str, ours: Authority, tmp_path: Path) -> None:
    with raw(says(NOTHING), ours.server()) as server:
        ended = zvol(server, tmp_path / "home", None, **{variable: ours.ca_file})
        assert (ended.code, server.received) == (9, b"")


def test_plain_http_on_the_tls_port(tmp_path: Path) -> None:
    def answers_at_once(client: object, _request: bytes = b"") -> bool:
        assert hasattr(client, "recv")
        client.recv(65536)
        return says(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")(client, b"")  # type: ignore[arg-type]

    with raw(says(NOTHING), greet=answers_at_once) as server:
        https = server.endpoint().base.replace("http:", "https:")
        ended = zvol(server, tmp_path / "home", None, ZVOL_HOST=https)
        assert ended.code == 9
        assert server.received == b""
    assert "does not speak TLS" in ended.out + ended.err
    assert "`host`" in ended.out + ended.err


def test_a_handshake_that_breaks_is_unreachable_and_not_untrusted(ours: Authority, tmp_path: Path) -> None:
    with raw(says(NOTHING), ours.server(), greet=lambda _client: False) as server:
        ended = zvol(server, tmp_path / "home", ours.ca_file, "list")
        assert (ended.code, server.received) == (5, b"")
    assert "broke in the TLS handshake" in ended.err


@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"], ids=["missing", "empty", "something else"])
def test_a_ca_file_of_no_use_is_a_mistake_in_the_configuration(
    content: bytes | None, ours: Authority, tmp_path: Path
) -> None:
    path = tmp_path / "my ca.pem"
    if content is not None:
        path.write_bytes(content)
    with raw(says(NOTHING), ours.server()) as server:
        for arguments in (("recover", UUID), ("list",)):
            ended = zvol(server, tmp_path / "home", str(path), *arguments)
            assert (ended.code, ended.out, server.connections) == (2, "", 0)
            assert f"{path}: the CA file " in ended.err
            assert "PEM" in ended.err
        assert "the CA file" in zvol(server, tmp_path / "home", str(path), "doctor").out
        assert server.connections == 0
