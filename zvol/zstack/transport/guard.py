"""Watches one request on its way: whether a connection stood, and that it ends by its deadline.

A read timeout does not bound a server that sends a byte a second, in the head, the body or the TLS handshake; so a
timer shuts the socket.  A second handle on it (`dup`) is kept for that, since a TLS handshake takes the first away.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from zvol.model import Endpoint

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter

_current = threading.local()


class Guard:
    """The state of one request; `connected` once the connection, with TLS, stood, so that bytes of it may have left."""

    def __init__(self) -> None:
        self.connected = False
        self.expired = False
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None

    @contextlib.contextmanager
    def until(self, seconds: float) -> Iterator[None]:
        """Let what runs inside end after `seconds` at the latest."""
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        _current.guard = self
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            _current.guard = None
            with self._lock:
                self._handle = None

    def watch(self, handle: socket.socket | None) -> None:
        with self._lock:
            self._handle = handle
            if self.expired:
                raise TimeoutError("the deadline has passed")

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


def current() -> Guard | None:
    return getattr(_current, "guard", None)


def guarded_adapter(concurrency: int) -> HTTPAdapter:
    """Return an adapter without retries whose connections report to the guard of their thread."""
    from requests.adapters import HTTPAdapter

    pools = _pools()

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            manager.pool_classes_by_scheme = pools
            return manager

    return Adapter(pool_connections=1, pool_maxsize=concurrency + 2, max_retries=0, pool_block=False)


class Watched:
    """What a connection of urllib3 does besides: it hands its socket to the guard, and tells when it stands."""

    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._handle = sock.dup()
        guard = current()
        if guard is not None:
            guard.watch(self._handle)
        return sock

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        guard = current()
        if guard is not None:
            guard.connected = True

    def request(self, *args: Any, **kwargs: Any) -> None:
        guard = current()
        if guard is not None and getattr(self, "sock", None) is not None:
            guard.connected = True
            guard.watch(self._handle)
        super().request(*args, **kwargs)  # type: ignore[misc]

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()
        super().close()  # type: ignore[misc]


def _pools() -> dict[str, type[Any]]:
    """Return urllib3's connection pools by scheme, with watched connections."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class PlainConnection(Watched, HTTPConnection):
        pass

    class TlsConnection(Watched, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": PlainPool, "https": TlsPool}


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it was made of: urllib3 hides the reason in arguments and attributes."""
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


def why_never_sent(exc: BaseException, endpoint: Endpoint, guard: Guard) -> tuple[str, str]:
    """Return the reason and a message for a request that never left; no header value is ever in it."""
    import ssl

    from urllib3.exceptions import ProxyError

    where, chain = f"{endpoint.host}:{endpoint.port}", list(causes(exc))
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            return "certificate", f"the certificate of {where} is not trusted: {one.verify_message}"
    if any(isinstance(one, ProxyError) for one in chain):
        return "proxy", f"the proxy does not let us reach {where}"
    for one in chain:
        if isinstance(one, socket.gaierror):
            return "dns", f"cannot resolve {endpoint.host}"
        if isinstance(one, ConnectionRefusedError):
            return "refused", f"{where} refuses the connection"
        if isinstance(one, ssl.SSLError):
            return "tls", f"{where} does not speak TLS as it should: {one.reason or 'handshake failed'}"
        if isinstance(one, OSError) and "CA certificate bundle" in str(one):
            return "certificate", "the CA file of this profile does not exist"
    if guard.expired or any(isinstance(one, TimeoutError) or "Timeout" in type(one).__name__ for one in chain):
        return "connect-timeout", f"{where} does not answer"
    if any(isinstance(one, OSError) and one.errno for one in chain):
        return "unreachable", f"{where} cannot be reached"
    return "address", f"no request can be made to {where} ({type(exc).__name__})"


def why_no_answer(exc: BaseException, guard: Guard) -> str:
    """Return a message for a request that may have arrived; it quotes nothing of the request."""
    if guard.expired or "Timeout" in type(exc).__name__:
        return "no whole answer within the time allowed"
    if isinstance(exc, ValueError) and str(exc).startswith(("a compressed", "an answer")):
        return f"it sent {exc}"
    if any(isinstance(one, ConnectionResetError | BrokenPipeError) for one in causes(exc)):
        return "the connection was reset"
    return f"the connection broke before the answer was whole ({type(exc).__name__})"
