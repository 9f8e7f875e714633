"""What a host may look like, and when zvol may talk to it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from zvol.errors import Untrusted
from zvol.model import Endpoint
from zvol.text import has_control, safe

DEFAULT_PREFIX: Final = "/zstack"
PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")


class BadHost(ValueError):
    """The text is no host that zvol can use; the message says why."""


def parse_host(text: str) -> Endpoint:
    """Return the endpoint that a host URL names; raises BadHost.

    No path means /zstack, a bare trailing slash no prefix at all.
    """
    if not text or has_control(text) or any(char in text for char in " \\"):
        raise BadHost("is empty or holds a space or control character")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise BadHost("has a port or an address that is none") from exc
    scheme = parts.scheme.lower()
    if scheme not in PORTS or "://" not in text:
        raise BadHost("must begin with https:// or http://")
    if "@" in parts.netloc:
        raise BadHost("must not hold a user or a password")
    if "?" in text or "#" in text:
        raise BadHost("must not hold a query or a fragment")
    host = (parts.hostname or "").lower()
    if not _HOST.fullmatch(host) or not host.isascii():
        raise BadHost("names no host")
    if port == 0:
        raise BadHost("has no usable port")
    return Endpoint(scheme, host, port or PORTS[scheme], _prefix(parts.path))


def _prefix(path: str) -> str:
    if not path:
        return DEFAULT_PREFIX
    prefix = path.rstrip("/")
    if ".." in prefix or "//" in prefix or not re.fullmatch(r"(/[A-Za-z0-9._~\-]+)*", prefix):
        raise BadHost("has a path that is none")
    return prefix


def refuse_plain_http(endpoint: Endpoint, *, allowed: bool, where: str) -> str | None:
    """Return the warning for plain http beyond this machine; raises Untrusted when nobody allowed it."""
    if endpoint.scheme == "https" or endpoint.loopback:
        return None
    if allowed:
        return f"{endpoint.origin} is plain http: whoever can read the network can use your session"
    raise Untrusted(
        f"{safe(endpoint.origin)} is plain http, and the session would travel unprotected ({where})",
        hint="Use https, or allow it with `insecure_http: true` in the profile or ZVOL_INSECURE_HTTP=1.",
        kind="plain-http",
    )
