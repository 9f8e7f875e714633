"""Parses the URL of a host, and decides whether zvol may send a session to it."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from zvol.errors import InvalidValue, Untrusted
from zvol.model import Endpoint
from zvol.text import has_control

DEFAULT_PREFIX: Final = "/zstack"
PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
ZSTACK_PORT: Final = 8080
"""The port of a management node, for ZSTACK_HOST only: a URL without a port has the port of its scheme."""

MESSAGES: Final = ["zstack", "api"]
"""The path at which a management node accepts messages of its old command line."""

_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORT: Final = re.compile(r":[^:\]]*$")
_PLAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]{1,5})?")
"""A name or an address without a scheme; no secret has this form."""
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~\-]+")


def parse_host(text: str, ports: Mapping[str, int] = PORTS) -> Endpoint:
    """Return the endpoint of a host URL; raises InvalidValue.

    No path means /zstack, a single slash means no prefix; `ports` are the default ports by scheme.
    """
    if not text or has_control(text) or any(char in text for char in " \\"):
        raise InvalidValue("is empty or holds a space, a backslash or a control character")
    if not text.isascii():
        raise InvalidValue("must be plain ASCII: write an international name as xn--…")
    scheme, colon, _ = text.partition("://")
    if not colon or scheme.lower() not in PORTS:
        guess = f"; did you mean {_guess(text)}?" if _PLAIN.fullmatch(text) else ""
        raise InvalidValue(f"must begin with https:// or http://{guess or ', such as https://zstack.example.com:8443'}")
    if "?" in text or "#" in text:
        raise InvalidValue(
            "must not hold a query or a fragment, as addresses copied from a browser do: end it after the port"
        )
    if "@" in text:
        raise InvalidValue("must not hold a user or a password")
    host, port, path = _split(text)
    return Endpoint(scheme.lower(), _name(host), ports[scheme.lower()] if port is None else port, _prefix(path))


def _guess(text: str) -> str:
    """Return a host without a scheme as a URL; port 8080 means plain http."""
    return f"{'http' if text.endswith(':8080') else 'https'}://{text}"


def _split(text: str) -> tuple[str, int | None, str]:
    parts, port = None, None
    with contextlib.suppress(ValueError):  # its message quotes the text, so no traceback must show it
        parts = urlsplit(text)
        port = parts.port if not parts.netloc.endswith(":") else 0
    if (
        parts is None
        or port == 0
        or ("[" in parts.netloc and ":" not in (parts.hostname or ""))
        or (port is None and _PORT.search(parts.netloc))
    ):
        if text.count(":") > 2 and "[" not in text:
            raise InvalidValue("has an IPv6 address without brackets: write https://[2001:db8::1]:8443")
        raise InvalidValue("has an invalid address or port")
    return parts.hostname or "", port, parts.path


def _name(host: str) -> str:
    """Return a name in lower case, or an address in its canonical form.

    Shortened and hexadecimal IPv4 addresses, which resolvers accept, are refused.
    """
    if ":" in host and "%" in host:
        raise InvalidValue("has an IPv6 address with a zone (%…), which means something on one machine only")
    last = host.rpartition(".")[2]
    if ":" in host or _NUMBER.fullmatch(last):
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            host = ""
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise InvalidValue("has no valid host name")
    return host.lower()


def _prefix(path: str) -> str:
    if not path:
        return DEFAULT_PREFIX
    prefix = path.removesuffix("/")
    segments = prefix.split("/")[1:]
    if any(segment in (".", "..") or not _SEGMENT.fullmatch(segment) for segment in segments):
        raise InvalidValue("has an invalid path")
    if "v1" in segments:
        raise InvalidValue("must end before /v1, which zvol adds itself")
    if segments == MESSAGES:
        raise InvalidValue("must end before /api: the API that zvol uses is below /zstack itself")
    return prefix


def is_loopback(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint is on this machine; a name that merely begins like a loopback address is not."""
    if endpoint.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(endpoint.host).is_loopback
    except ValueError:
        return False


def plain_http_warning(endpoint: Endpoint, *, allowed: bool, where: str, repair: str) -> str | None:
    """Return the warning for plain http to another machine; raises Untrusted if it is not allowed."""
    if endpoint.scheme == "https" or is_loopback(endpoint):
        return None
    if allowed:
        return f"{endpoint.origin} is plain http: whoever can read the network can use your session"
    raise Untrusted(
        f"{endpoint.origin} is plain http, and the session would travel unprotected ({where})",
        hint=f"Use https, or allow it with {repair}.",
        kind="plain-http",
    )
