"""Which host is used, and when plain http and a proxy are allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configuration import fails, got, write
from zvol.errors import ConfigError, Exit, Untrusted


# ---- ZSTACK_HOST -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("host", "port", "base"),
    [
        ("10.0.0.1", None, "http://10.0.0.1:8080/zstack"),
        ("10.0.0.1", "9090", "http://10.0.0.1:9090/zstack"),
        ("10.0.0.1:9000", None, "http://10.0.0.1:9000/zstack"),
        ("10.0.0.1:9000", "9090", "http://10.0.0.1:9000/zstack"),
        ("http://10.0.0.1", None, "http://10.0.0.1:8080/zstack"),
        ("http://10.0.0.1/zstack", "1", "http://10.0.0.1:1/zstack"),
        ("https://10.0.0.1", None, "https://10.0.0.1:443/zstack"),
        ("https://10.0.0.1", "8443", "https://10.0.0.1:8443/zstack"),
        ("2001:db8::1", None, "http://[2001:db8::1]:8080/zstack"),
        ("[2001:db8::1]", "1", "http://[2001:db8::1]:1/zstack"),
        ("10.0.0.1/", None, "http://10.0.0.1:8080"),
    ],
)
def test_zstack_host(tmp_path: Path, host: str, port: str | None, base: str) -> None:
    environ = {"ZSTACK_HOST": host, "ZVOL_INSECURE_HTTP": "1"} | ({"ZSTACK_PORT": port} if port else {})
    assert got(tmp_path, environ).endpoint.base == base
    assert got(tmp_path, environ | {"ZVOL_HOST": "https://h"}).endpoint.host == "h"


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "８０", " 1", "1" * 5000])
def test_an_invalid_zstack_port(tmp_path: Path, port: str) -> None:
    error = fails(tmp_path, {"ZSTACK_HOST": "h", "ZSTACK_PORT": port})
    assert isinstance(error, ConfigError)
    assert error.problems[0].where == "environment ZSTACK_PORT"


# ---- plain http ------------------------------------------------------------------------------------------------------
def test_plain_http_is_allowed_by_the_layer_of_the_host(home: Path) -> None:
    allowed = {"ZVOL_INSECURE_HTTP": "true"}
    http = {"ZVOL_HOST": "http://h"}
    for environ, options in ((http, {}), ({}, {"host": "http://h"}), (http, {"profile": "lab"})):
        error = fails(home, environ, **options)
        assert isinstance(error, Untrusted)
        assert error.exit is Exit.UNTRUSTED
        assert "ZVOL_INSECURE_HTTP=1" in error.hint
        settings = got(home, environ | allowed, **options)
        assert settings.insecure_http
        assert "plain http" in settings.warnings[0]
    assert "plain http" in got(home, profile="lab").warnings[0]
    write(home, "profiles: {p: {host: 'http://h'}}")
    error = fails(home, allowed)
    assert isinstance(error, Untrusted)
    assert "insecure_http: true" in error.hint


def test_a_profile_allows_http_for_its_own_host_only(home: Path) -> None:
    assert got(home, {"ZVOL_INSECURE_HTTP": "0"}, profile="lab").insecure_http
    assert isinstance(fails(home, {"ZVOL_HOST": "http://h", "ZVOL_INSECURE_HTTP": "0"}, profile="lab"), Untrusted)
    assert not got(home, {"ZVOL_HOST": "http://127.0.0.1"}).warnings
    assert isinstance(fails(home, host="http://127.0.0.1.evil.com"), Untrusted)


# ---- settings of the profile's host ----------------------------------------------------------------------------------
def test_proxy_and_time_zone_apply_to_the_profiles_host_only(home: Path) -> None:
    environ = {"HTTPS_PROXY": "http://u:MARKER@env:1", "ZVOL_HOST": "https://h"}
    settings = got(home, environ)
    assert settings.proxy == "http://u:MARKER@env:1"
    assert settings.sources["proxy"] == "environment HTTPS_PROXY"
    assert "MARKER" not in repr(settings)
    assert settings.timezone is None
    assert settings.output == "csv"
    assert got(home, {"HTTPS_PROXY": "http://env:1"}).proxy == "http://proxy:3128"
    write(home, "profiles: {p: {host: 'https://h', proxy: none}}")
    assert got(home, {"HTTPS_PROXY": "http://env:1"}).proxy is None
    write(home, "profiles: {p: {host: 'https://h'}}")
    assert got(home, {"https_proxy": "env:1"}).proxy == "http://env:1"
    assert got(home, {"https_proxy": "env:1", "NO_PROXY": "h"}).proxy is None
