"""Just enough HTTP/1.1 to separate messages, what a request is about, and where its parts are."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; `kind` is put, job, read, list, vm-read, vm-list, login or other."""

    data: bytes

    @property
    def method(self) -> str:
        return self.data.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        """Return path and query, undecoded."""
        return self.data.split(b" ", 2)[1].decode()

    @property
    def job(self) -> str | None:
        """Return the job that it is about: of its header, or of its path."""
        asked = re.search(r"/api-jobs/([0-9a-f]{32})", self.path)
        return asked[1] if asked else self.header("x-job-uuid")

    @property
    def kind(self) -> str:
        if "/api-jobs/" in self.path:
            return "job"
        if self.method == "PUT" and re.search(r"/(volumes|vm-instances)/[0-9a-f]{32}/actions$", self.path):
            return "put"
        if self.method == "GET" and "/volumes" in self.path:
            return "list" if "status%3DDeleted" in self.path else "read"
        if self.method == "GET" and "/vm-instances" in self.path:
            return "vm-list" if "state%3DDestroyed" in self.path else "vm-read"
        return "login" if self.path.endswith("/login") else "other"

    @property
    def action(self) -> str:
        """Return the first key of a JSON body, which names the API of a PUT; empty when there is none."""
        found = re.match(rb'\s*\{\s*"(\w+)"', self.data.partition(b"\r\n\r\n")[2])
        return found[1].decode() if found else ""

    def header(self, name: str) -> str | None:
        return header(self.data, name)


def header(message: bytes, name: str) -> str | None:
    for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.decode("latin-1").partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def position(message: bytes, where: int | str) -> int:
    """Return how many bytes of a message lie before a place: a number (from its end, when negative), or a name.

    Names: `line` (within its first line), `head` (within its head), `headers` (the head without the empty line), `body`
    (the whole head and nothing of the body), `middle` (of the body), `last` (all but the last byte).
    """
    if isinstance(where, int):
        return where if where >= 0 else max(0, len(message) + where)
    if not message:
        return 0
    line, head = message.index(b"\r\n"), message.index(b"\r\n\r\n")
    body = len(message) - head - 4
    places = {
        "line": line // 2,
        "head": line + 2 + (head - line) // 2,
        "headers": head + 2,
        "body": head + 4,
        "middle": head + 4 + body // 2,
        "last": len(message) - 1,
    }
    return places[where]


def read_message(source: socket.socket) -> bytes:
    """Read one whole message with its body; empty when the other side has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        if not part:
            return b""
        data += part
    head = data.index(b"\r\n\r\n") + 4
    length = head + int(header(data, "content-length") or 0)
    while len(data) < length:
        part = source.recv(65536)
        if not part:
            return b""
        data += part
    return data


def exchange(target: tuple[str, int], message: bytes) -> bytes:
    """Send a message on a connection of its own and return the answer; empty when there is none."""
    try:
        with socket.create_connection(target, timeout=30) as server:
            server.sendall(message)
            return read_message(server)
    except OSError:
        return b""


def answer(status: str, body: bytes, *more: str, kind: str = "text/html") -> bytes:
    """Return a canned answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
