"""A real CONNECT proxy: it records what it receives and connects to one server, whatever name was requested."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.wire import Raw, raw


@contextmanager
def tunnel(to: Raw, context: ssl.SSLContext | None = None) -> Iterator[tuple[Raw, bytearray]]:
    """Serve the proxy, over TLS with a context; yields it, and all bytes that clients sent through its tunnels."""
    carried = bytearray()

    def carry(source: socket.socket, sink: socket.socket, note: bool) -> None:
        with suppress(OSError):
            while part := source.recv(65536):
                if note:
                    carried.extend(part)
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)

    def behave(client: socket.socket, request: bytes) -> bool:
        if not request.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return False
        with socket.create_connection((to.address, to.port)) as far:
            client.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
            back = threading.Thread(target=carry, args=(far, client, False), daemon=True)
            back.start()
            carry(client, far, True)
            back.join()
        return False

    with raw(behave, context) as proxy:
        yield proxy, carried
