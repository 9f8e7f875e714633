"""Sockets of which no wait is longer than the remaining time of the current request.

Imported inside functions only, because it imports ssl.
"""

from __future__ import annotations

import socket
import ssl  # noqa: TID253
from typing import Any

from zvol.zstack.transport.current import current_deadline


class DeadlineSocket:
    """A mixin for socket.socket and ssl.SSLSocket: every wait ends at the deadline of the current request."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current_deadline().remaining())  # type: ignore[attr-defined]
        count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        current_deadline().record_received(count)
        return count

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        self.settimeout(current_deadline().remaining())  # type: ignore[attr-defined]
        return super().recv(*args, **kwargs)  # type: ignore[misc, no-any-return]

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current_deadline().remaining())  # type: ignore[attr-defined]
        return super().send(*args, **kwargs)  # type: ignore[misc, no-any-return]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(current_deadline().remaining())  # type: ignore[attr-defined]
        super().sendall(*args, **kwargs)  # type: ignore[misc]

    def alive(self) -> bool:
        """Tell whether an idle connection is still open and has received nothing."""
        self.settimeout(0)  # type: ignore[attr-defined]
        try:
            super().recv(1)  # type: ignore[misc]
        except (BlockingIOError, ssl.SSLWantReadError):  # SSLWantReadError: the server has sent TLS session tickets
            return True
        except OSError:
            pass
        return False


class DeadlinePlainSocket(DeadlineSocket, socket.socket):
    pass


class DeadlineTlsSocket(DeadlineSocket, ssl.SSLSocket):
    def do_handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().do_handshake(*args, **kwargs)
        except ssl.SSLError:
            current_deadline().peer = self._certificate()
            raise

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive; CPython asks for a byte before the handshake, and leaves the socket open if that was a reset."""
        try:
            return super().recv(*args, **kwargs)
        except ConnectionResetError:
            self.close()
            raise

    def _certificate(self) -> dict[str, Any] | None:
        """Return the server's certificate, as getpeercert does, of a handshake that failed.

        Only the inner object of CPython has it then; without it the messages say less.
        """
        inner: Any = getattr(self, "_sslobj", None)
        try:
            found: dict[str, Any] = inner.get_unverified_chain()[0].get_info()
        except (AttributeError, TypeError, IndexError, ValueError):
            return None
        return found
