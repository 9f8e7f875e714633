"""Which hosts are valid, and when plain http is allowed."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.config.hosts import is_loopback, parse_host, plain_http_warning
from zvol.config.proxies import environment_proxy, is_exempt, without_user
from zvol.errors import Exit, InvalidValue, Untrusted
from zvol.model import Endpoint


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://zstack.example.com", "https://zstack.example.com:443/zstack"),
        ("http://zstack.example.com", "http://zstack.example.com:80/zstack"),
        ("https://zstack.example.com:8443", "https://zstack.example.com:8443/zstack"),
        ("https://zstack.example.com/", "https://zstack.example.com:443"),
        ("https://h/zstack", "https://h:443/zstack"),
        ("https://h/zstack/", "https://h:443/zstack"),
        ("https://h:1/a/b.c/d_~-", "https://h:1/a/b.c/d_~-"),
        ("HTTPS://ZStack.Example.COM", "https://zstack.example.com:443/zstack"),
        ("https://my_host-1:65535/", "https://my_host-1:65535"),
        ("https://10.0.0.1:8080", "https://10.0.0.1:8080/zstack"),
        ("https://[2001:DB8::1]:8080/x", "https://[2001:db8::1]:8080/x"),
        ("https://[0:0:0:0:0:0:0:1]", "https://[::1]:443/zstack"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example:443/zstack"),
        ("https://h:0443/", "https://h:443"),
    ],
)
def test_hosts_that_are_accepted(text: str, base: str) -> None:
    assert parse_host(text).base == base


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "zstack.example.com",
        "zstack.example.com:8443",
        "//zstack.example.com",
        "ftp://h",
        "file:///etc/passwd",
        "https:h",
        "https://",
        "https:///zstack",
        "https://user@h",
        "https://user:secret@h",
        "https://user:se/cret@h",
        "https://h/@x",
        "https://h?x=1",
        "https://h/?",
        "https://h#f",
        "https://h/#",
        "https://h:0",
        "https://h:",
        "https://h:/x",
        "https://h:65536",
        "https://h:-1",
        "https://h:+80",
        "https://h:80x",
        "https://h:８０",
        "https://bücher.example",
        "https://h\u3002example",
        "https://h ost",
        "https://h\tx",
        "https://h\n",
        "https://h\\@evil",
        "https://h\x00",
        "https://h\u202e",
        "https://..",
        "https://.h",
        "https://h.",
        "https://a..b",
        "https://-h",
        "https://h-",
        "https://" + "a" * 64,
        "https://" + "a." * 130 + "b",
        "https://[::1",
        "https://::1",
        "https://1:2:3",
        "https://[h]",
        "https://[fe80::1%25eth0]",
        "https://[fe80::1%eth0]",
        "https://[v1.x]",
        "https://127.1",
        "https://0x7f.1",
        "https://0x7f000001",
        "https://2130706433",
        "https://1.2.3.4.5",
        "https://256.1.1.1",
        "https://010.0.0.1",
        "https://h//",
        "https://h/a//b",
        "https://h/./a",
        "https://h/a/../b",
        "https://h/%2e%2e",
        "https://h/a b",
        "https://h/a;b",
        "https://h/zstack/v1",
        "https://h/zstack/v1/",
        "https://h%00",
        "https://h*",
    ],
)
def test_hosts_that_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_host(text)


@given(st.text())
def test_any_text_is_an_endpoint_or_refused(text: str) -> None:
    for candidate in (text, f"https://{text}"):
        try:
            endpoint = parse_host(candidate)
        except InvalidValue:
            continue
        assert parse_host(endpoint.base if endpoint.prefix else endpoint.base + "/") == endpoint


def test_the_reason_never_quotes_the_text() -> None:
    for text in ("https://u:MARKER@h", "https://h:MARKER", "https://[MARKER", "https://h/MARKER?", "MARKER://h"):
        with pytest.raises(InvalidValue) as caught:
            parse_host(text)
        assert "MARKER" not in "".join(traceback.format_exception(caught.value)[-1:])
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("127.0.0.1.example.com", False),
        ("127.example.com", False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("[2001:db8::1]", False),
        ("0.0.0.0", False),
    ],
)
def test_plain_http_needs_no_permission_on_this_machine_only(host: str, here: bool) -> None:
    endpoint = parse_host(f"http://{host}:8080")
    assert is_loopback(endpoint) is here
    if here:
        assert plain_http_warning(endpoint, allowed=False, where="x", repair="y") is None
        return
    with pytest.raises(Untrusted) as caught:
        plain_http_warning(endpoint, allowed=False, where="option --host", repair="ZVOL_INSECURE_HTTP=1")
    assert caught.value.exit is Exit.UNTRUSTED
    assert "option --host" in caught.value.message
    assert "ZVOL_INSECURE_HTTP=1" in caught.value.hint
    warning = plain_http_warning(endpoint, allowed=True, where="x", repair="y")
    assert warning is not None
    assert "plain http" in warning


def test_https_needs_no_permission() -> None:
    assert plain_http_warning(parse_host("https://h"), allowed=False, where="x", repair="y") is None


# ---- proxies ---------------------------------------------------------------------------------------------------------
HTTPS = Endpoint("https", "mn.example.com", 8443)


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, None),
        ({"HTTPS_PROXY": "http://p:3128"}, ("http://p:3128", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://p:3128/"}, ("http://p:3128", "HTTPS_PROXY")),
        ({"https_proxy": "p:3128"}, ("http://p:3128", "https_proxy")),
        ({"HTTPS_PROXY": "", "https_proxy": "p:1"}, ("http://p:1", "https_proxy")),
        ({"HTTPS_PROXY": "http://u:p%40w@p:3128"}, ("http://u:p%40w@p:3128", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "p:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "p:1", "no_proxy": "example.com"}, None),
        ({"HTTPS_PROXY": "p:1", "NO_PROXY": "other.com"}, ("http://p:1", "HTTPS_PROXY")),
    ],
)
def test_the_proxy_of_the_environment(environ: dict[str, str], found: tuple[str, str] | None) -> None:
    assert environment_proxy(HTTPS, environ) == found
    assert environment_proxy(Endpoint("http", HTTPS.host, 80), environ) is None
    assert environment_proxy(Endpoint("https", "127.0.0.1", 8443), environ) is None


@pytest.mark.parametrize("text", ["socks5://p:1", "http://p:x", "http://u:a/b@p:1", "http://u:a b@p:1", "http://"])
def test_an_invalid_proxy_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        environment_proxy(HTTPS, {"HTTPS_PROXY": text})
    assert "a/b" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "exempt"),
    [
        ("mn.example.com", True),
        ("MN.EXAMPLE.COM", True),
        (".example.com", True),
        ("*.example.com", True),
        ("a, example.com", True),
        ("a example.com", True),
        ("mn.example.com:8443", True),
        ("mn.example.com:443", False),
        ("ample.com", False),
        ("mn.example.com.evil", False),
        ("", False),
        (",, ,", False),
        (".", False),
        ("10.0.0.0/8", False),
        ("[bad:", False),
    ],
)
def test_no_proxy_by_name(names: str, exempt: bool) -> None:
    assert is_exempt(HTTPS, names) is exempt


@pytest.mark.parametrize(
    ("host", "names", "exempt"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("2001:db8::1", "[2001:db8::1]", True),
        ("2001:db8::1", "2001:db8::/32", True),
    ],
)
def test_no_proxy_by_address(host: str, names: str, exempt: bool) -> None:
    assert is_exempt(Endpoint("https", host, 443), names) is exempt


def test_a_proxys_user_is_not_shown() -> None:
    assert without_user("http://u:p@h:1") == "http://***@h:1"
    assert without_user("http://h:1") == "http://h:1"
