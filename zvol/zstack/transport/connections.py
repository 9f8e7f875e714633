"""Connections of urllib3 that keep to the deadline of their request and record how far it has come.

Imported inside functions only, because it imports urllib3 and ssl.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl  # noqa: TID253
import weakref
from collections import deque
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: TID253
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool  # noqa: TID253
from urllib3.exceptions import EmptyPoolError  # noqa: TID253

from zvol.zstack.transport.current import current_deadline, current_request
from zvol.zstack.transport.deadline import RequestDeadline, StaleRequest, Step, real_now
from zvol.zstack.transport.error_text import UnacceptableAnswer
from zvol.zstack.transport.sockets import DeadlinePlainSocket

UNUSED_IDLE_FACTOR: Final = 3
"""Factor by which a connection may be idle longer if it has carried no request yet: long enough for the read
that precedes its request."""

TLS_ALERT: Final = b"\x15\x03"
"""The first bytes with which a TLS server answers plain http."""

MAX_INFORMATIONAL: Final = 16
"""Maximum 1xx answers before the answer itself."""


# ---- one answer per request ------------------------------------------------------------------------------------------
class CompleteHead:
    """The head of an answer, every line complete: http.client takes the end of a connection for the end of the head."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.close, self.flush = source.close, source.flush

    def readline(self, limit: int) -> bytes:
        line: bytes = self._source.readline(limit)
        if line.startswith(TLS_ALERT):
            raise UnacceptableAnswer("TLS instead of HTTP", tls=True)
        if not line.endswith(b"\n") and len(line) < limit:
            raise http.client.RemoteDisconnected("an incomplete head")
        return line


class Response(http.client.HTTPResponse):
    """An answer with a complete head, after any informational answers; http.client skips only 100."""

    def begin(self) -> None:
        source: Any = self.fp
        self.fp = CompleteHead(source)  # type: ignore[assignment]
        super().begin()
        if self.fp is not None:
            self.fp = source

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INFORMATIONAL):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS or version not in ("HTTP/1.0", "HTTP/1.1"):
                raise http.client.UnknownProtocol(version)
            if status >= 200:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("too many informational answers")


# ---- connections and their pools -------------------------------------------------------------------------------------
class NotSentInTime(EmptyPoolError):
    """Nothing of the request has left, and the connection can be used for another one.

    It is an EmptyPoolError because urllib3 closes the connection for any other error.
    """

    def __init__(self, conn: Any) -> None:
        super().__init__(None, "too old to be sent")  # type: ignore[arg-type]
        self.conn = conn


class TrackedConnection:
    """A mixin for the connections of urllib3: it opens them with our dialer and sends a request in one piece."""

    response_class: Any = Response
    idle_since = 0.0
    used = False
    sock: Any
    _parts: list[bytes] | None = None

    def _new_conn(self) -> socket.socket:
        request, host, port = current_request(), self._dns_host, self.port  # type: ignore[attr-defined]
        return request.dialer.dial(DeadlinePlainSocket, host, port, request.deadline)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.idle_since, self.used = real_now(), False

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Open the connection, assemble the request, and only then check whether it may still leave."""
        if self.sock is None:
            self.connect()
        deadline = current_deadline()
        deadline.step = Step.READY
        parts = self._parts = []
        try:
            super().request(*args, **kwargs)  # type: ignore[misc]
        finally:
            self._parts = None
        try:
            deadline.record_sent()
        except StaleRequest:
            self._reset_request()
            raise NotSentInTime(self) from None
        self.used = True
        try:
            self.sock.sendall(b"".join(parts))
        except ssl.SSLError:
            self.sock.recv(1)  # raises the alert that closed the connection, where there is one
            raise

    def send(self, data: Any) -> None:
        """Collect the parts of a request to send them together; bytes that open the connection are sent at once."""
        if self._parts is None:
            super().send(data)  # type: ignore[misc]
        else:
            self._parts.append(data)

    def _reset_request(self) -> None:
        """Make the connection ready for another request over the same socket."""
        sock, self.sock = self.sock, None
        http.client.HTTPConnection.close(self)  # type: ignore[arg-type]
        self.sock = sock


class PlainConnection(TrackedConnection, HTTPConnection):
    pass


class TlsConnection(TrackedConnection, HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        return sock if self.proxy else begin_handshake(sock)

    def _tunnel(self) -> None:
        current_deadline().step = Step.TUNNEL
        super()._tunnel()
        begin_handshake(self.sock)


def begin_handshake(sock: socket.socket) -> socket.socket:
    """Give the TLS handshake the remaining time: the timeout bounds all waits of OpenSSL together."""
    deadline = current_deadline()
    deadline.step = Step.TLS
    sock.settimeout(deadline.remaining())
    return sock


class FreshPool:
    """A mixin for the pools of urllib3: it returns no connection that has been idle for long.

    A connection that was opened for a request that became stale is kept apart for the next request with a
    `fresh_until`: a server that closes after every answer would otherwise spend it on the read in between.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unused: deque[Any] = deque()
        weakref.finalize(self, close_all, self._unused)  # as urllib3 does for its own

    def urlopen(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().urlopen(*args, **kwargs)  # type: ignore[misc]
        except NotSentInTime as error:
            conn = error.conn
            keep_apart = not conn.used and hasattr(conn.sock, "alive")  # TLS within TLS has no such method
            if keep_apart:
                self._unused.append(conn)
            super()._put_conn(None if keep_apart else conn)  # type: ignore[misc]
            raise

    def _get_conn(self, timeout: float | None = None) -> Any:
        deadline, conn = current_deadline(), super()._get_conn(timeout)  # type: ignore[misc]
        if conn.sock is not None and real_now() - conn.idle_since > deadline.idle:
            conn.close()
        must_be_fresh = deadline.fresh_until is not None
        return self._unused_connection(deadline) or conn if must_be_fresh and conn.sock is None else conn

    def _unused_connection(self, deadline: RequestDeadline) -> Any:
        """Return a connection that was kept apart and is still alive, None when there is none."""
        with contextlib.suppress(IndexError):
            while conn := self._unused.pop():
                if real_now() - conn.idle_since <= UNUSED_IDLE_FACTOR * deadline.idle and conn.sock.alive():
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


POOLS: Final[dict[str, Any]] = {"http": PlainPool, "https": TlsPool}
