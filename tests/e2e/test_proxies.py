"""Through a real CONNECT proxy: where it counts, where it does not, and what it gets to see."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.authority import Authority
from tests.support.process import Ran, environment
from tests.support.tunnel import tunnel
from tests.support.warm import run
from tests.support.wire import SECRET, UUID, Raw, raw, says

NAME = "zstack.invalid"
HOST = f"https://{NAME}:8443"
FOUND = b'{"inventories":[{"uuid":"%s","status":"Ready","type":"Data"}]}' % UUID.encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FOUND) + FOUND
PASSWORD = "pa55word-of-the-proxy"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[Raw]:
    with raw(says(ANSWER, alive=True), authority.server(NAME)) as one:
        yield one


def by_environment(home: Path, authority: Authority, **more: str) -> Ran:
    given = {"ZVOL_HOST": HOST, "ZVOL_SESSION": SECRET, "ZVOL_CA_FILE": authority.ca_file}
    return run(["recover", UUID, "--json"], environment(home, given | more))


def by_profile(home: Path, authority: Authority, proxy: str, **more: str) -> Ran:
    env = environment(home, more)
    folder = home / ".config" / "zvol"
    folder.mkdir(parents=True)
    lines = [f"host: {HOST}", f"ca_file: {authority.ca_file}", f"session: '{SECRET}'", f"proxy: {proxy}"]
    (folder / "config.yaml").write_text("current: p\nprofiles:\n  p:\n" + "".join(f"    {line}\n" for line in lines))
    (folder / "config.yaml").chmod(0o600)
    return run(["recover", UUID, "--json"], env)


def went_through(ended: Ran, server: Raw, proxy: Raw, carried: bytearray) -> None:
    assert ended.code == 0, ended.err
    assert ended.json()["status"] == "Ready"
    assert proxy.requests
    for request in proxy.requests:
        assert request.startswith(f"CONNECT {NAME}:8443 HTTP/1.".encode())
        assert b"\r\nAuthorization" not in request
    assert SECRET.encode() not in b"".join(proxy.requests) + bytes(carried)
    assert f"Authorization: OAuth {SECRET}".encode() in server.received
    assert b"roxy-" not in server.received


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_proxy_of_the_environment(variable: str, server: Raw, authority: Authority, tmp_path: Path) -> None:
    with tunnel(server) as (proxy, carried):
        ended = by_environment(tmp_path / "home", authority, **{variable: f"http://127.0.0.1:{proxy.port}"})
        went_through(ended, server, proxy, carried)


def test_a_proxy_that_is_spoken_to_over_tls(server: Raw, authority: Authority, tmp_path: Path) -> None:
    with tunnel(server, authority.server()) as (proxy, carried):
        ended = by_environment(tmp_path / "home", authority, HTTPS_PROXY=f"https://127.0.0.1:{proxy.port}")
        went_through(ended, server, proxy, carried)


def test_the_proxy_of_the_profile_counts_more(server: Raw, authority: Authority, tmp_path: Path) -> None:
    with tunnel(server) as (proxy, carried), raw(says(b"")) as other:
        elsewhere = f"http://127.0.0.1:{other.port}"
        ours = f"http://127.0.0.1:{proxy.port}"
        ended = by_profile(tmp_path / "home", authority, ours, HTTPS_PROXY=elsewhere, NO_PROXY=NAME)
        went_through(ended, server, proxy, carried)
        assert other.connections == 0


def test_a_proxy_with_a_password_gets_it_and_nobody_else_does(
    server: Raw, authority: Authority, tmp_path: Path
) -> None:
    with tunnel(server) as (proxy, carried):
        url = f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}"
        ended = by_environment(tmp_path / "home", authority, HTTPS_PROXY=url)
        went_through(ended, server, proxy, carried)
        known = base64.b64encode(f"me:{PASSWORD}".encode())
        assert b"Proxy-Authorization: Basic " + known in proxy.requests[0]
        assert PASSWORD.encode() not in server.received
        assert known not in server.received


@pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway"])
def test_a_proxy_that_refuses_is_unreachable_and_its_password_stays_unsaid(
    status: bytes, authority: Authority, tmp_path: Path
) -> None:
    with raw(says(b"HTTP/1.1 " + status + b"\r\n\r\n")) as proxy:
        url = f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}"
        env = environment(tmp_path / "home", {"ZVOL_HOST": HOST, "ZVOL_SESSION": SECRET, "HTTPS_PROXY": url})
        ended = run(["list", "-v", "--debug"], env)
        assert ended.code == 5
        assert f"({status[:3].decode()}" in ended.err
        for secret in (PASSWORD, base64.b64encode(f"me:{PASSWORD}".encode()).decode(), SECRET):
            assert secret not in ended.out + ended.err


@pytest.mark.parametrize("names", [NAME, ".invalid", "*", f"{NAME}:8443"])
def test_no_proxy_names_the_host(names: str, authority: Authority, tmp_path: Path) -> None:
    with raw(says(b"")) as proxy:
        env = {"ZVOL_HOST": HOST, "ZVOL_SESSION": SECRET, "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
        ended = run(["list"], environment(tmp_path / "home", env | {"NO_PROXY": names}))
        assert (ended.code, proxy.connections) == (5, 0)
        assert "cannot resolve" in ended.err


def test_proxy_none_in_the_profile(authority: Authority, tmp_path: Path) -> None:
    with raw(says(b"")) as proxy:
        ended = by_profile(tmp_path / "home", authority, "none", HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
        assert (ended.code, proxy.connections) == (5, 0)
        assert "cannot resolve" in ended.err


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
def test_plain_http_never_goes_through_a_proxy(variable: str, tmp_path: Path) -> None:
    with raw(says(b"")) as proxy, raw(says(ANSWER, alive=True)) as server:
        env = {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET, variable: f"http://127.0.0.1:{proxy.port}"}
        ended = run(["recover", UUID], environment(tmp_path / "home", env))
        assert (ended.code, proxy.connections) == (0, 0)


def test_the_certificate_is_the_servers_own_not_the_proxys(authority: Authority, tmp_path: Path) -> None:
    """A proxy that ends the TLS itself, with a certificate that is not trusted, gets nothing."""
    stranger = Authority(tmp_path)
    with raw(says(ANSWER, alive=True), stranger.server(NAME)) as server, tunnel(server) as (proxy, carried):
        ended = by_environment(tmp_path / "home", authority, HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
        assert (ended.code, server.received) == (9, b"")
        assert SECRET.encode() not in bytes(carried)
