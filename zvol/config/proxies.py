"""The proxy of the environment for a host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from zvol.config.hosts import is_loopback, parse_host
from zvol.errors import InvalidValue
from zvol.model import Endpoint
from zvol.secrets import register_secret
from zvol.text import has_control

_ENCODED: Final = re.compile("(%[0-9A-Fa-f]{2})")


def environment_proxy(endpoint: Endpoint, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return HTTPS_PROXY as a URL with the name of its variable, None if it does not apply to this endpoint.

    It applies to https to another machine unless NO_PROXY names the host. Raises InvalidValue without quoting the
    value.
    """
    name = next((name for name in ("HTTPS_PROXY", "https_proxy") if environ.get(name)), None)
    exempt = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if name is None or endpoint.scheme != "https" or is_loopback(endpoint) or is_exempt(endpoint, exempt):
        return None
    return _url(environ[name].strip()), name


def _url(text: str) -> str:
    """Return the URL of a proxy; unlike a host, it may lack a scheme, and may have a user and a password.

    In these, characters outside ASCII and a % that starts no escape are encoded; only the last @ ends them.
    """
    if text[:1] in ("'", '"'):
        raise InvalidValue("is in quotes, which are a part of it")
    full = text if "://" in text else f"http://{text}"
    scheme, _, rest = full.partition("://")
    user, at, address = rest.rpartition("@")
    if has_control(user) or re.search(r"[\s\\?#/]", user):
        raise InvalidValue("has a user or a password that must be percent-encoded: %2F for /, %23 for #, %3F for ?")
    check_proxy_scheme(scheme)
    parse_host(f"{scheme}://{address.rstrip('/')}")
    encoded = ":".join(_encoded(part) for part in user.split(":", 1))
    for secret in (user.partition(":")[2], unquote(encoded.partition(":")[2])):
        register_secret(secret)
    return f"{scheme.lower()}://{encoded}{at}{address.rstrip('/')}"


def check_proxy_scheme(scheme: str) -> None:
    """Raise InvalidValue for a SOCKS proxy."""
    if scheme.lower().startswith("socks"):
        raise InvalidValue("is a SOCKS proxy, and zvol supports only http:// and https:// proxies")


def _encoded(text: str) -> str:
    """Percent-encode a user or a password, except for what is already encoded."""
    try:
        return "".join(part if _ENCODED.fullmatch(part) else quote(part, safe="") for part in _ENCODED.split(text))
    except UnicodeEncodeError:
        raise InvalidValue("has a user or a password that is not UTF-8") from None


def without_user(url: str) -> str:
    """Return the URL of a proxy without user and password, which must not be shown."""
    scheme, _, rest = url.partition("://")
    _, at, address = rest.rpartition("@")
    return f"{scheme}://***@{address}" if at else url


def is_exempt(endpoint: Endpoint, names: str) -> bool:
    """Tell whether NO_PROXY names the host: by name, domain, address, network or `*`, with or without a port.

    The matcher of urllib knows no networks, that of requests only IPv4 networks; both may read the environment of the
    process or the settings of the system, and importing either slows the start of every command.
    """
    return any(_matches(endpoint, name) for name in re.split(r"[,\s]+", names.lower()) if name)


def _matches(endpoint: Endpoint, name: str) -> bool:
    if name == "*":
        return True
    try:
        network = ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return _matches_name(endpoint, name)
    try:
        return ipaddress.ip_address(endpoint.host) in network
    except ValueError:
        return False


def _matches_name(endpoint: Endpoint, name: str) -> bool:
    try:
        parts = urlsplit(f"//{name}")
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return False
    domain = host.removeprefix("*").lstrip(".")
    if not domain or port not in (None, endpoint.port):
        return False
    return endpoint.host == domain or endpoint.host.endswith("." + domain)
