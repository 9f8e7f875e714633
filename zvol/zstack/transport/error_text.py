"""The messages for failed requests; they quote nothing of the request."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from zvol.errors import NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport.deadline import RequestDeadline, Step


class UnacceptableAnswer(ValueError):
    """An answer that is not accepted: too long, compressed, or with two different lengths."""


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


def never_sent(exc: BaseException, deadline: RequestDeadline, endpoint: Endpoint, *, proxy: bool) -> NeverSent:
    """Return why a request was never sent; the text never contains the value of a header."""
    where, chain = f"{endpoint.host}:{endpoint.port}", list(causes(exc))
    if deadline.step is Step.READY and deadline.expired:
        return NeverSent("connect-timeout", f"the time allowed was over before the request to {where} could leave")
    if deadline.step is Step.TLS:
        return _handshake(chain, deadline, where)
    if deadline.step is Step.TUNNEL or (proxy and any(isinstance(one, OSError) for one in chain)):
        return NeverSent("proxy", f"the proxy does not let us reach {where}{_status(chain)}")
    if deadline.step is Step.LOOKUP and any(isinstance(one, socket.gaierror | TimeoutError) for one in chain):
        return NeverSent("dns", f"cannot resolve {endpoint.host}")
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return NeverSent("refused", f"{where} refuses the connection")
    if any(isinstance(one, TimeoutError) for one in chain):
        return NeverSent("connect-timeout", f"{where} does not answer")
    if any(isinstance(one, OSError) and one.errno for one in chain):
        return NeverSent("unreachable", f"{where} cannot be reached")
    return NeverSent("address", f"no request can be made to {where} ({type(exc).__name__})")


def stale(endpoint: Endpoint, seconds: float) -> NeverSent:
    """Return the error of a request that could not leave in time; `seconds` is how long it took until it could."""
    where = f"{endpoint.host}:{endpoint.port}"
    return NeverSent("stale", f"it took {seconds:.1f} s until the request to {where} could leave")


def _handshake(chain: list[BaseException], deadline: RequestDeadline, where: str) -> NeverSent:
    """Return why a handshake failed: a failure of trust would happen again, a broken connection may pass."""
    import ssl

    from zvol.zstack.transport.tls import trust_failure

    for one in chain:
        found = trust_failure(one, where) if isinstance(one, ssl.SSLError) else None
        if found is not None:
            return NeverSent(*found)
    if deadline.expired or any(isinstance(one, TimeoutError) for one in chain):
        return NeverSent("connect-timeout", f"{where} does not finish the TLS handshake")
    return NeverSent("unreachable", f"the connection to {where} broke in the TLS handshake")


def _status(chain: list[BaseException]) -> str:
    """Return the status with which a proxy refused; its own text is not shown."""
    found = (re.match(r"Tunnel connection failed: ([0-9]{3})\b", str(one)) for one in chain if isinstance(one, OSError))
    status = next((one[1] for one in found if one), None)
    if status == "407":
        return " (407: it wants a user and a password, or others)"
    return f" ({status})" if status else ""


def no_answer(exc: BaseException, deadline: RequestDeadline) -> str:
    """Return why there is no answer to a request that may have arrived."""
    from http.client import RemoteDisconnected

    chain = list(causes(exc))
    for one in chain:
        if isinstance(one, UnacceptableAnswer):
            return f"it sent {one}"
        if isinstance(one, RemoteDisconnected):
            return "the connection was closed before the answer"
    if deadline.expired or any(isinstance(one, TimeoutError) for one in chain):
        return "no whole answer within the time allowed"
    if any(isinstance(one, ConnectionResetError | BrokenPipeError) for one in chain):
        return "the connection was reset"
    return f"the connection broke before the answer was whole ({type(exc).__name__})"
