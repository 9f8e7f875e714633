"""Connections of urllib3 that keep to the time of an attempt, and tell it how far it came.

Only imported inside functions, for it imports requests, urllib3 and ssl.
"""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import socket
import ssl  # noqa: TID253
import weakref
from collections import deque
from typing import Any, Final

import requests  # noqa: TID253
from requests.adapters import HTTPAdapter  # noqa: TID253
from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: TID253
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool  # noqa: TID253
from urllib3.exceptions import EmptyPoolError  # noqa: TID253

from zvol.zstack.transport.deadline import RequestDeadline, Stage, TooOld, current, real_now

SPARED: Final = 3
"""How many times longer than others a connection may be idle that was opened and has carried nothing yet: until the
read that comes before its request is over."""

MOST_INFORMATIONAL: Final = 16
"""1xx answers before the answer itself."""


# ---- sockets: no wait is longer than the rest of the attempt ---------------------------------------------------------
class DeadlineSocket:
    """What a socket does besides; a mixin before socket.socket or ssl.SSLSocket."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current().left())  # type: ignore[attr-defined]
        count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        current().arrived(count)
        return count

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        self.settimeout(current().left())  # type: ignore[attr-defined]
        return super().recv(*args, **kwargs)  # type: ignore[misc, no-any-return]

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current().left())  # type: ignore[attr-defined]
        return super().send(*args, **kwargs)  # type: ignore[misc, no-any-return]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(current().left())  # type: ignore[attr-defined]
        super().sendall(*args, **kwargs)  # type: ignore[misc]

    def alive(self) -> bool:
        """Tell whether the other side has neither closed nor said anything, on a connection that carries no request."""
        self.settimeout(0)  # type: ignore[attr-defined]
        try:
            super().recv(1)  # type: ignore[misc]
        except (BlockingIOError, ssl.SSLWantReadError):  # also where TLS has sent its session tickets
            return True
        except OSError:
            pass
        return False


class DeadlinePlainSocket(DeadlineSocket, socket.socket):
    pass


class DeadlineTlsSocket(DeadlineSocket, ssl.SSLSocket):
    pass


# ---- one answer a request --------------------------------------------------------------------------------------------
class Head:
    """The head of an answer, whose lines all end: http.client takes the end of a connection for the end of a head."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.close = source.close

    def readline(self, limit: int) -> bytes:
        line: bytes = self._source.readline(limit)
        if not line.endswith(b"\n") and len(line) < limit:
            raise http.client.RemoteDisconnected("half a head")
        return line


class Response(http.client.HTTPResponse):
    """An answer with a whole head, after the informational ones before it; http.client knows only 100 as such."""

    def begin(self) -> None:
        source: Any = self.fp
        self.fp = Head(source)  # type: ignore[assignment]
        super().begin()
        if self.fp is not None:
            self.fp = source

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INFORMATIONAL):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS or version not in ("HTTP/1.0", "HTTP/1.1"):
                raise http.client.UnknownProtocol(version)
            if status >= 200:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("too many informational answers")


# ---- connections and their pools -------------------------------------------------------------------------------------
class Unsent(EmptyPoolError):
    """Nothing of the request has left, and nothing is wrong with the connection.

    As an EmptyPoolError, for urllib3 closes the connection of any other error.
    """

    def __init__(self, conn: Any) -> None:
        super().__init__(None, "too old to be sent")  # type: ignore[arg-type]
        self.conn = conn


class TrackedConnection:
    """What a connection does besides; a mixin before those of urllib3."""

    response_class: Any = Response
    idle_since = 0.0
    used = False
    sock: Any
    _parts: list[bytes] | None = None

    def _new_conn(self) -> socket.socket:
        deadline = current()
        return deadline.dialer.dial(DeadlinePlainSocket, self._dns_host, self.port, deadline)  # type: ignore[attr-defined]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.idle_since, self.used = real_now(), False

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Open the connection, put the request together, and see last of all whether it may still leave."""
        if self.sock is None:
            self.connect()
        deadline = current()
        deadline.stage = Stage.READY
        parts = self._parts = []
        try:
            super().request(*args, **kwargs)  # type: ignore[misc]
        finally:
            self._parts = None
        try:
            deadline.leave()
        except TooOld:
            self._forget_request()
            raise Unsent(self) from None
        self.used = True
        self.sock.sendall(b"".join(parts))

    def send(self, data: Any) -> None:
        """Keep the parts of a request until they leave together; what opens the connection leaves at once."""
        if self._parts is None:
            super().send(data)  # type: ignore[misc]
        else:
            self._parts.append(data)

    def _forget_request(self) -> None:
        """Be ready for another request, over the same socket."""
        sock, self.sock = self.sock, None
        http.client.HTTPConnection.close(self)  # type: ignore[arg-type]
        self.sock = sock


class PlainConnection(TrackedConnection, HTTPConnection):
    pass


class TlsConnection(TrackedConnection, HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        return sock if self.proxy else to_handshake(sock)

    def _tunnel(self) -> None:
        current().stage = Stage.TUNNEL
        super()._tunnel()
        to_handshake(self.sock)


def to_handshake(sock: socket.socket) -> socket.socket:
    """Let the TLS handshake take the rest of the time: OpenSSL's waits are bounded as a whole, not one by one."""
    deadline = current()
    deadline.stage = Stage.TLS
    sock.settimeout(deadline.left())
    return sock


class FreshPool:
    """What a pool does besides; a mixin before those of urllib3.

    It lends no connection that has been idle for long.  One that was opened for a request that came too late is spared
    for the next that must be fresh: the read in between may cost a server that closes after each answer its own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._spared: deque[Any] = deque()
        weakref.finalize(self, close_all, self._spared)  # as urllib3 does for its own

    def urlopen(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().urlopen(*args, **kwargs)  # type: ignore[misc]
        except Unsent as unsent:
            conn = unsent.conn
            spared = not conn.used and hasattr(conn.sock, "alive")  # TLS within TLS cannot be asked
            if spared:
                self._spared.append(conn)
            super()._put_conn(None if spared else conn)  # type: ignore[misc]
            raise

    def _get_conn(self, timeout: float | None = None) -> Any:
        deadline, conn = current(), super()._get_conn(timeout)  # type: ignore[misc]
        if conn.sock is not None and real_now() - conn.idle_since > deadline.idle:
            conn.close()
        must_be_fresh = deadline.fresh_until is not None
        return self._one_spared(deadline) or conn if must_be_fresh and conn.sock is None else conn

    def _one_spared(self, deadline: RequestDeadline) -> Any:
        """Return a connection that was spared and still lives, None when there is none."""
        with contextlib.suppress(IndexError):
            while conn := self._spared.pop():
                if real_now() - conn.idle_since <= SPARED * deadline.idle and conn.sock.alive():
                    return conn
                conn.close()
        return None

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = real_now()
        super()._put_conn(conn)  # type: ignore[misc]


def close_all(connections: deque[Any]) -> None:
    while connections:
        connections.pop().close()


class PlainPool(FreshPool, HTTPConnectionPool):
    ConnectionCls = PlainConnection


class TlsPool(FreshPool, HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class Adapter(HTTPAdapter):
    """Sends once, over the connections above; who is trusted is in the context, and nothing of requests' own counts."""

    def __init__(self, concurrency: int, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=concurrency + 2, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        context = self._context
        manager = super().proxy_manager_for(proxy, ssl_context=context, proxy_ssl_context=context, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Leave the authorities to the context, which holds them since the beginning."""


POOLS: Final[dict[str, Any]] = {"http": PlainPool, "https": TlsPool}


class HttpSession(requests.Session):
    """One session for one origin, without anything that requests would do on its own."""

    def __init__(self, origin: str, adapter: Adapter, agent: str) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self.headers.clear()
        self.headers.update({"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"})
        self.adapters.clear()
        self.mount(origin + "/", adapter)

    def get_redirect_target(self, _resp: object) -> None:
        """Even unfollowed, requests prepares the next request, and swallows the body for it."""
