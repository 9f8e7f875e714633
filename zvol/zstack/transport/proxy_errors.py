"""The messages for requests that a proxy did not let through; they never contain its user and password."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from zvol.errors import NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport.deadline import RequestDeadline, Step

HTTP_PROXY: Final = "Most proxies need http:// in their URL, also for https servers."


class Proxy(NamedTuple):
    """A proxy's URL, and where it is from: `environment HTTPS_PROXY`, or a place in a file."""

    url: str
    source: str = ""

    @property
    def address(self) -> str:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def is_https(self) -> bool:
        return self.url.startswith("https:")

    @property
    def name(self) -> str:
        """Return it as messages name it."""
        source = self.source.removeprefix("environment ")
        return f"the proxy {self.address} ({source})" if source else f"the proxy {self.address}"

    @property
    def setting(self) -> str:
        variable = self.source.startswith("environment ")
        return self.source.removeprefix("environment ") if variable else "`proxy` in the profile"

    def hint(self, endpoint: Endpoint) -> str:
        """Return how to correct it, or to go without it."""
        without = f"NO_PROXY={endpoint.host}" if self.source.startswith("environment ") else "`proxy: none`"
        return f"Correct {self.setting}, or set {without} to go without a proxy."


def proxy_failure(chain: Sequence[BaseException], deadline: RequestDeadline, to: Endpoint, proxy: Proxy) -> NeverSent:
    """Return why a proxy did not connect us to `to`; `chain` is the exception with its causes."""
    import ssl

    name, hint = proxy.name, proxy.hint(to)
    tls = next((one for one in chain if isinstance(one, ssl.SSLError)), None)
    if deadline.step is Step.TUNNEL and tls is None:
        return _refused(chain, deadline, to, proxy)
    if tls is not None:
        return _not_trusted(tls, to, proxy)
    if any(isinstance(one, socket.gaierror) for one in chain) or deadline.step is Step.LOOKUP:
        return NeverSent("proxy", f"cannot resolve {name}", hint)
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return NeverSent("proxy", f"{name} refuses the connection", hint)
    if any(isinstance(one, TimeoutError) for one in chain):
        return NeverSent("proxy", f"{name} does not answer", f"{HTTP_PROXY} {hint}" if proxy.is_https else hint)
    return NeverSent("proxy", f"{name} cannot be reached", hint)


_NO_CONNECT: Final = ("400", "404", "405", "501")
"""With which web servers answer a CONNECT."""


def _refused(chain: Sequence[BaseException], deadline: RequestDeadline, to: Endpoint, proxy: Proxy) -> NeverSent:
    """Return why there is no tunnel; the proxy's own text is not shown."""
    found = (re.match(r"Tunnel connection failed: ([0-9]{3})\b", str(one)) for one in chain if isinstance(one, OSError))
    status = next((one[1] for one in found if one), "")
    name, hint = proxy.name, proxy.hint(to)
    if status == "407":
        given = "@" in proxy.url.partition("://")[2]
        what = "does not accept the user or the password" if given else "wants a user and a password"
        hint = f"Put them into {proxy.setting} as http://USER:PASSWORD@{proxy.address}, or ask who runs the proxy."
        return NeverSent("proxy", f"{name} {what} (407)", hint)
    if status in _NO_CONNECT:
        text = f"{name} does not know CONNECT ({status}); is it a web server, or a proxy for http:// only?"
        return NeverSent("proxy", text, f"Ask who runs the proxy to allow CONNECT to {to.address}. {hint}")
    if status.startswith("5"):
        hint = f"Check `host`, and ask who runs the proxy whether it reaches {to.address}. {hint}"
        return NeverSent("proxy", f"{name} cannot reach {to.address} ({status})", hint)
    if status:
        hint = f"Ask who runs the proxy to allow CONNECT to {to.address}. {hint}"
        return NeverSent("proxy", f"{name} does not allow connections to {to.address} ({status})", hint)
    if deadline.expired or any(isinstance(one, TimeoutError) for one in chain):
        return NeverSent("proxy", f"{name} does not answer the request to connect to {to.address}", hint)
    text = f"{name} does not allow connections to {to.address}: it closed, or is no HTTP proxy"
    return NeverSent("proxy", text, hint)


def _not_trusted(error: Exception, to: Endpoint, proxy: Proxy) -> NeverSent:
    """Return why TLS with the proxy itself failed."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate of {proxy.name} is not trusted: {error.verify_message}"
        return NeverSent("certificate", text, f"`ca_file` must have the proxy's authority, too. {proxy.hint(to)}")
    text = f"{proxy.name} does not speak TLS, although its URL begins with https://"
    return NeverSent("proxy", text, f"{HTTP_PROXY} {proxy.hint(to)}")
