"""Hosts and proxies as people typed or pasted them for tools of this kind; names and addresses are replaced."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.support.wire import says


@dataclass(frozen=True, slots=True)
class Typed:
    """A host as it was typed, and the base URL that it means, or a part of the message."""

    text: str
    report: str
    means: str = ""
    says: str = ""


HOSTS: Final = (
    Typed("https://zs.example:8443", "the documentation", "https://zs.example:8443/zstack"),
    Typed("https://zs.example:8443/zstack/", "copied with a slash", "https://zs.example:8443/zstack"),
    Typed("https://zs.example/", "a gateway without the prefix", "https://zs.example:443"),
    Typed("https://gw.example/cloud/api", "a prefix of a gateway", "https://gw.example:443/cloud/api"),
    Typed("HTTPS://ZS.Example", "caps", "https://zs.example:443/zstack"),
    Typed("http://[::1]:8080", "IPv6", "http://[::1]:8080/zstack"),
    Typed("https://[2001:DB8:0:0::1]", "IPv6 in its long form", "https://[2001:db8::1]:443/zstack"),
    Typed("https://zs.example:8443/zstack/v1", "SDK examples", says="must end before /v1"),
    Typed("https://zs.example:8443/zstack/v1/", "SDK examples", says="must end before /v1"),
    Typed("http://zs.example:8080/zstack/v1/volumes", "a curl example", says="must end before /v1"),
    Typed("http://zs.example:8080/v1/volumes", "a curl example", says="must end before /v1"),
    Typed("http://zs.example:8080/zstack/api", "zstack-cli issues", says="must end before /api"),
    Typed("http://zs.example:8080/zstack/api/", "zstack-cli issues", says="must end before /api"),
    Typed(
        "http://zs.example:5000/#/main/dashboard", "copied from a browser", says="as addresses copied from a browser do"
    ),
    Typed("http://zs.example:5000/login?from=x", "copied from a browser", says="as addresses copied from a browser do"),
    Typed("zs.example:8080", "kubectl, docker: no scheme", says="did you mean http://zs.example:8080?"),
    Typed("zs.example", "no scheme", says="must begin with https:// or http://; did you mean https://zs.example?"),
    Typed("10.0.0.5:8080", "no scheme", says="did you mean http://10.0.0.5:8080?"),
    Typed("//zs.example", "copied without a scheme", says="must begin with https:// or http://"),
    Typed("https:zs.example", "a typing error", says="must begin with https:// or http://"),
    Typed("https//zs.example", "a typing error", says="must begin with https:// or http://"),
    Typed("tcp://zs.example:8080", "docker", says="must begin with https:// or http://"),
    Typed("https://https://zs.example", "a variable used twice", says="invalid address or port"),
    Typed("https://2001:db8::1:8443", "IPv6 without brackets", says="write https://[2001:db8::1]:8443"),
    Typed("https://[fe80::1%eth0]:8443", "link-local IPv6", says="a zone (%…)"),
    Typed("https://[2001:db8::1", "half a bracket", says="invalid address or port"),
    Typed("https://zs.example:", "an empty variable", says="invalid address or port"),
    Typed("https://zs.example:$PORT", "quotes that keep a variable", says="invalid address or port"),
    Typed("https://zs.example:84430", "a digit too many", says="invalid address or port"),
    Typed("https://", "an empty variable", says="has no valid host name"),
    Typed("https://admin:secret@zs.example", "git, curl", says="must not hold a user or a password"),
    Typed("https://zs example", "a space", says="a space"),
    Typed("“https://zs.example”", "quotes of a word processor", says="plain ASCII"),
    Typed("https://zs.example:8443\u200b", "a mark that cannot be seen", says="plain ASCII"),
    Typed("https://云.example", "an international name", says="xn--"),
    Typed("https://192.168.1", "a short address", says="has no valid host name"),
    Typed("https://010.0.0.1", "octal", says="has no valid host name"),
)


@dataclass(frozen=True, slots=True)
class Proxied:
    """HTTPS_PROXY (`{port}` is the proxy's), what the proxy does, and parts of message and hint.

    Without `behave` there is no proxy at that port.  `user`: the credentials that it gets.
    """

    url: str
    report: str
    says: str = ""
    hint: str = ""
    behave: Callable[[socket.socket, bytes], bool] | None = None
    user: str = ""


def status(line: str) -> Callable[[socket.socket, bytes], bool]:
    return says(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


P = "http://127.0.0.1:{port}"
WITHOUT = "NO_PROXY=zs.invalid to go without a proxy"
NEEDS = status("407 Proxy Authentication Required")
PROXIES: Final = (
    Proxied(P, "a proxy that is gone", "(HTTPS_PROXY) refuses the connection", WITHOUT),
    Proxied("127.0.0.1:{port}", "no scheme", "(HTTPS_PROXY) refuses the connection", WITHOUT),
    Proxied("http://[::1]:{port}", "IPv6", "the proxy [::1]:", WITHOUT),
    Proxied(
        "http://proxy.invalid:3128", "away from the office", "cannot resolve the proxy proxy.invalid:3128", WITHOUT
    ),
    Proxied(
        "https://127.0.0.1:{port}",
        "docker, pip: https:// for a proxy of http",
        "does not speak TLS, although",
        "Most proxies need http://",
        status("400 Bad Request"),
    ),
    Proxied(
        P,
        "squid: the port is not in SSL_ports",
        "does not allow connections to zs.invalid:8443 (403)",
        "allow CONNECT",
        status("403 Forbidden"),
    ),
    Proxied(
        P, "a proxy that allows 443 only", "(403)", "allow CONNECT to zs.invalid:8443", status("403 Tunnel Forbidden")
    ),
    Proxied(P, "an nginx as proxy", "(405)", "allow CONNECT", status("405 Not Allowed")),
    Proxied(P, "a web server as proxy", "does not know CONNECT (501)", "HTTPS_PROXY", status("501 Unsupported method")),
    Proxied(P, "no credentials", "wants a user and a password (407)", "http://USER:PASSWORD@127.0.0.1:", NEEDS),
    Proxied(
        "http://u:old@127.0.0.1:{port}",
        "a password that was changed",
        "does not accept the user or the password (407)",
        "ask who",
        NEEDS,
    ),
    Proxied(
        P,
        "the name is not known to the proxy",
        "cannot reach zs.invalid:8443 (502)",
        "Check `host`",
        status("502 Bad Gateway"),
    ),
    Proxied(
        P, "squid: no route", "cannot reach zs.invalid:8443 (503)", "Check `host`", status("503 Service Unavailable")
    ),
    Proxied(
        P,
        "a slow network behind it",
        "cannot reach zs.invalid:8443 (504)",
        "Check `host`",
        status("504 Gateway Timeout"),
    ),
    Proxied(
        P,
        "a captive portal",
        "does not allow connections to zs.invalid:8443 (302)",
        "allow CONNECT",
        status("302 Found"),
    ),
    Proxied(P, "it closes", "it closed, or is no HTTP proxy", WITHOUT, lambda _sock, _request: False),
    Proxied(P, "a SOCKS port", "it closed, or is no HTTP proxy", WITHOUT, says(b"\x05\xff")),
    Proxied(P, "SSH", "it closed, or is no HTTP proxy", WITHOUT, says(b"SSH-2.0-OpenSSH_9.6\r\n")),
    Proxied(
        "http://me:p%C3%A4ss@127.0.0.1:{port}", "pip: letters of Polish, encoded", "(407)", behave=NEEDS, user="me:päss"
    ),
    Proxied(
        "http://me:pÄss@127.0.0.1:{port}", "pip: letters of Polish, as typed", "(407)", behave=NEEDS, user="me:pÄss"
    ),
    Proxied("http://me:密码@127.0.0.1:{port}", "a password in Chinese", "(407)", behave=NEEDS, user="me:密码"),
    Proxied("http://me:a%40b@127.0.0.1:{port}", "an @, encoded", "(407)", behave=NEEDS, user="me:a@b"),
    Proxied("http://me:a@b@127.0.0.1:{port}", "an @, as typed", "(407)", behave=NEEDS, user="me:a@b"),
    Proxied("http://me:50%off@127.0.0.1:{port}", "a % that encodes nothing", "(407)", behave=NEEDS, user="me:50%off"),
    Proxied(
        "http://DOM%5Cme:p:w@127.0.0.1:{port}", "a Windows domain, a colon", "(407)", behave=NEEDS, user="DOM\\me:p:w"
    ),
    Proxied("http://me@127.0.0.1:{port}", "no password", "(407)", behave=NEEDS, user="me:"),
    Proxied(
        "socks5://127.0.0.1:1080",
        "az, requests: SOCKS",
        "is a SOCKS proxy, and zvol supports only http:// and https://",
    ),
    Proxied("socks5h://127.0.0.1:1080", "ssh -D", "is a SOCKS proxy"),
    Proxied("socks://proxy.example:80", "desktops set it so", "is a SOCKS proxy"),
    Proxied("ftp://127.0.0.1:21", "copied from ftp_proxy", "must begin with https:// or http://"),
    Proxied("http://127.0.0.1:port", "a placeholder", "invalid address or port"),
    Proxied("http://me:a/b@127.0.0.1:1", "a slash, as typed", "percent-encoded: %2F for /"),
    Proxied("http://me:a#b@127.0.0.1:1", "httpx: a #, as typed", "%23 for #"),
    Proxied("http://me:a b@127.0.0.1:1", "a space", "percent-encoded"),
    Proxied('"http://127.0.0.1:1"', "docker: --env-file keeps quotes", "is in quotes, which are a part of it"),
    Proxied("http://", "an empty variable", "has no valid host name"),
)
