"""Servers made of sockets, for what no well-behaved HTTP server does: each answer is written by hand."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.ports import free_port
from zvol.model import Endpoint
from zvol.zstack.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "5ec4e75ec4e75ec4e75ec4e75ec4e75e"
UUID = "a" * 32

Behaviour = Callable[[socket.socket, bytes], bool]
"""Answers a request that was read to its end; tells whether the connection lives on."""


@dataclass
class Raw:
    """`behave` answers each request; `greet` has the connection first, before TLS, and tells whether it goes on."""

    behave: Behaviour
    context: ssl.SSLContext | None = None
    greet: Callable[[socket.socket], bool] | None = None
    address: str = "127.0.0.1"
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    received: bytes = b""
    connections: int = 0
    closed: int = 0

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.listener = socket.create_server((self.address, self.port or free_port()), family=family)
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def endpoint(self, prefix: str = "/zstack", host: str | None = None) -> Endpoint:
        return Endpoint("https" if self.context else "http", host or self.address, self.port, prefix)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if self.greet is None or self.greet(client):
                with self.context.wrap_socket(client, server_side=True) if self.context else client as wrapped:
                    self._answer(wrapped)
        self.closed += 1

    def _answer(self, client: socket.socket) -> None:
        while request := read_request(client, self.note):
            self.requests.append(request)
            if not self.behave(client, request):
                return

    def note(self, part: bytes) -> None:
        """Remember what came, after TLS was taken off."""
        self.received += part

    def close(self) -> None:
        self.ended.set()
        self.listener.close()


def read_request(source: socket.socket, note: Callable[[bytes], None]) -> bytes:
    """Return a request with its body, empty when there is no more: who closes before the end resets the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        note(part)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\ncontent-length: *([0-9]+)", head.lower())
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0 and (part := source.recv(65536)):
        data += part
        missing -= len(part)
    return data


@contextmanager
def raw(
    behave: Behaviour, context: ssl.SSLContext | None = None, greet: Callable[[socket.socket], bool] | None = None
) -> Iterator[Raw]:
    server = Raw(behave, context, greet)
    try:
        yield server
    finally:
        server.close()


# ---- behaviours ------------------------------------------------------------------------------------------------------
def says(data: bytes, alive: bool = False) -> Behaviour:
    def behave(client: socket.socket, _request: bytes) -> bool:
        client.sendall(data)
        return alive

    return behave


def drips(data: bytes, every: float = 0.1, then: bytes = b"x", before: bytes = b"") -> Behaviour:
    """Send `before` at once, then a byte at a time: `data`, and `then` for ever."""

    def behave(client: socket.socket, _request: bytes) -> bool:
        client.sendall(before)
        for byte in data:
            client.sendall(bytes([byte]))
            time.sleep(every)
        while then:
            client.sendall(then)
            time.sleep(every)
        return False

    return behave


def resets(client: socket.socket, _request: bytes = b"") -> bool:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hangs(client: socket.socket, _request: bytes = b"") -> bool:
    """Say nothing until the other side has enough."""
    with suppress(OSError):
        while client.recv(65536):
            pass
    return False


# ---- clients ---------------------------------------------------------------------------------------------------------
def auth(_method: str, _path: str) -> dict[str, str]:
    return {"Authorization": f"OAuth {SECRET}"}


def put(
    endpoint: Endpoint, *, timeout: float = 60.0, ca_file: str | None = None, proxy: str | None = None
) -> tuple[int, bytes]:
    """Send one PUT over a transport of its own and return status and body."""
    transport = Transport(endpoint, ca_file=ca_file, proxy=proxy)
    try:
        answer = transport.send("PUT", f"/v1/volumes/{UUID}/actions", body={"a": 1}, auth=auth, timeout=timeout)
    finally:
        transport.close()
    return answer.status, answer.body
