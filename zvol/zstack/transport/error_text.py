"""The messages for failed requests; they quote nothing of the request."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Final

from zvol.errors import NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport.deadline import RequestDeadline, Step
from zvol.zstack.transport.proxy_errors import Proxy, proxy_failure


class UnacceptableAnswer(ValueError):
    """An answer that is not accepted: too long, compressed, or with two different lengths; `tls`: it is TLS."""

    def __init__(self, text: str, *, tls: bool = False) -> None:
        super().__init__(text)
        self.tls = tls


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all exceptions inside it: urllib3 hides the reason in arguments and attributes."""
    todo, seen = [exc], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        hidden = (getattr(one, "reason", None), getattr(one, "original_error", None))
        parts = (*one.args, one.__cause__, one.__context__, *hidden)
        todo += [part for part in parts if isinstance(part, BaseException)]


def never_sent(
    exc: BaseException, deadline: RequestDeadline, endpoint: Endpoint, *, proxy: Proxy | None, own_ca: bool
) -> NeverSent:
    """Return why a request was never sent; the text never contains the value of a header.

    `own_ca`: the certificate authorities are the user's own.
    """
    where, chain = endpoint.address, list(causes(exc))
    if deadline.step is Step.READY and deadline.expired:
        return NeverSent("connect-timeout", f"the time allowed was over before the request to {where} could leave")
    if deadline.step is Step.TLS:
        return _handshake(chain, deadline, where, own_ca=own_ca)
    if deadline.step is Step.TUNNEL or (proxy and any(isinstance(one, OSError) for one in chain)):
        return proxy_failure(chain, deadline, endpoint, proxy or Proxy(""))
    if deadline.step is Step.LOOKUP and any(isinstance(one, socket.gaierror | TimeoutError) for one in chain):
        return NeverSent("dns", f"cannot resolve {endpoint.host}", _name_hint(endpoint))
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return NeverSent("refused", f"{where} refuses the connection", _port_hint(endpoint))
    if any(isinstance(one, TimeoutError) for one in chain):
        return NeverSent("connect-timeout", f"{where} does not answer", ROUTE_HINT)
    reason = next((os.strerror(one.errno) for one in chain if isinstance(one, OSError) and one.errno), "")
    if reason:
        return NeverSent("unreachable", f"{where} cannot be reached: {reason[0].lower()}{reason[1:]}", ROUTE_HINT)
    return NeverSent("address", f"no request can be made to {where} ({type(exc).__name__})")


def stale(endpoint: Endpoint, seconds: float) -> NeverSent:
    """Return the error of a request that could not leave in time; `seconds` is how long it took until it could."""
    return NeverSent("stale", f"it took {seconds:.1f} s until the request to {endpoint.address} could leave")


def refused_by_tls(exc: BaseException, where: str) -> NeverSent | None:
    """Return why the server's TLS refused a request that has left, None when it did not.

    A server that wants a client certificate says so after the first request in TLS 1.3, of which it reads nothing.
    """
    import ssl

    from zvol.zstack.transport.tls_errors import client_certificate

    errors = (one for one in causes(exc) if isinstance(one, ssl.SSLError))
    found = next((found for one in errors if (found := client_certificate(one, where))), None)
    return None if found is None else NeverSent(*found)


def _handshake(chain: list[BaseException], deadline: RequestDeadline, where: str, *, own_ca: bool) -> NeverSent:
    """Return why a handshake failed: a failure of trust would happen again, a broken connection may pass."""
    import ssl

    from zvol.zstack.transport.tls_errors import trust_failure

    for one in chain:
        if isinstance(one, ssl.SSLError):
            found = trust_failure(one, where, own_ca=own_ca, peer=deadline.peer)
            if found is not None:
                return NeverSent(*found)
    if deadline.expired or any(isinstance(one, TimeoutError) for one in chain):
        return NeverSent("connect-timeout", f"{where} does not finish the TLS handshake")
    hint = "Does this port speak https? The API of a management node is usually plain http on 8080, https on 8443."
    return NeverSent("unreachable", f"the connection to {where} broke in the TLS handshake", hint)


def _name_hint(endpoint: Endpoint) -> str:
    return f"Is {endpoint.host} spelt right, and does this machine need a VPN or another name server for it?"


def _port_hint(endpoint: Endpoint) -> str:
    usual = "" if endpoint.port in (8080, 8443) else " It is usually 8080, or 8443 with https."
    return f"Is the management node running, and is {endpoint.port} its port?{usual}"


ROUTE_HINT: Final = "Check host and port. A firewall may be in between, or a VPN or IPv6 be missing on this machine."
HTTPS_HINT: Final = "This port seems to speak https: write `host` with https://."
MAYBE_HTTPS: Final = "Does this port speak https? Then write `host` with https://."
OTHER_HINT: Final = "Is another service on this port? The API is usually on 8080 or 8443."


def no_answer(exc: BaseException, deadline: RequestDeadline) -> tuple[str, str]:
    """Return why there is no answer to a request that may have arrived, and what to do about it."""
    from http.client import BadStatusLine, RemoteDisconnected, UnknownProtocol

    chain = list(causes(exc))
    for one in chain:
        if isinstance(one, UnacceptableAnswer):
            return f"it sent {one}", HTTPS_HINT if one.tls else ""
        if isinstance(one, RemoteDisconnected):
            return "the connection was closed before the answer", ""
        if isinstance(one, BadStatusLine | UnknownProtocol):
            ssh = "SSH-" in str(one)
            return f"it sent what is not HTTP/1.1{' but SSH' if ssh else ''}", OTHER_HINT
    if deadline.expired or any(isinstance(one, TimeoutError) for one in chain):
        return "no complete answer within the time allowed", ""
    if any(isinstance(one, ConnectionResetError | BrokenPipeError) for one in chain):
        return "the connection was reset", ""
    return f"the connection broke before the answer was complete ({type(exc).__name__})", ""
