"""A proxy that breaks requests on purpose, between zvol and a sandbox.

It understands just enough HTTP/1.1 to tell one message from the next.  What it does is data: a list of rules, each for
the n-th request of a kind.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to the requests of a `kind` (put, job, read, any) numbered `first` to `last`.

    `action` before the server sees the request: `drop` (close), `reset`, `hang`, `page`, `cut-request`, `hold` (until
    `file` exists).  After it: `lose` (close), `lose-reset`, `lose-hang`, `lose-page`, `cut` (after `size` bytes of the
    answer), `stale` (answer, then close without a word), `hold-answer`, `drip`.  `twice` sends it twice at the same
    instant, `again` one after the other.
    """

    kind: str
    action: str
    first: int = 1
    last: int = 1
    page: bytes = b""
    size: int = 0
    file: Path | None = None


@dataclass
class Seen:
    """A request that came in."""

    time: float
    method: str
    path: str
    job: str | None


@dataclass
class Proxy:
    """Listens on a free loopback port and forwards to `target` (host, port)."""

    target: tuple[str, int]
    rules: tuple[Rule, ...] = ()
    seen: list[Seen] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    session: str = ""
    held: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        self.listener.close()

    def puts(self) -> list[Seen]:
        return [one for one in self.seen if kind_of(one.method, one.path) == "put"]

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while True:
                message = read_message(client)
                if not message:
                    return
                rule = self._rule(message)
                if not self._handle(client, message, rule):
                    return

    def _rule(self, message: bytes) -> Rule | None:
        method, path = message.split(b" ", 2)[:2]
        found = header(message, b"x-job-uuid")
        self.session = (header(message, b"authorization") or self.session.encode()).decode().removeprefix("OAuth ")
        with self.lock:
            self.seen.append(Seen(time.monotonic(), method.decode(), path.decode(), found.decode() if found else None))
            kind = kind_of(method.decode(), path.decode())
            numbers = {}
            for name in (kind, "any"):
                numbers[name] = self.counts[name] = self.counts.get(name, 0) + 1
        for rule in self.rules:
            if rule.kind in numbers and rule.first <= numbers[rule.kind] <= rule.last:
                return rule
        return None

    def _handle(self, client: socket.socket, message: bytes, rule: Rule | None) -> bool:
        """Deal with one request; returns whether the connection can be used again."""
        action = rule.action if rule else ""
        match action:
            case "drop":
                return False
            case "reset":
                reset(client)
                return False
            case "hang":
                self.ended.wait(60)
                return False
            case "page":
                assert rule is not None
                client.sendall(rule.page)
                return True
            case "cut-request":
                assert rule is not None
                with socket.create_connection(self.target) as server:
                    server.sendall(message[: rule.size])
                return False
            case "hold":
                self._hold(rule)
            case _:
                pass
        return self._forward(client, message, rule, action)

    def _forward(self, client: socket.socket, message: bytes, rule: Rule | None, action: str) -> bool:
        answer = self._ask(message, action)
        if action == "hold-answer":
            self._hold(rule)
        match action:
            case "lose":
                return False
            case "lose-reset":
                reset(client)
                return False
            case "lose-hang":
                self.ended.wait(60)
                return False
            case "lose-page":
                assert rule is not None
                client.sendall(rule.page)
                return True
            case "cut":
                assert rule is not None
                client.sendall(answer[: rule.size])
                return False
            case "drip":
                for number in range(len(answer)):
                    client.sendall(answer[number : number + 1])
                    if self.ended.wait(1):
                        break
                return False
            case _:
                pass
        if not answer:
            return False
        client.sendall(answer)
        return action != "stale"

    def _ask(self, message: bytes, action: str) -> bytes:
        if action == "twice":
            answers: list[bytes] = []
            other = threading.Thread(target=lambda: answers.append(exchange(self.target, message)))
            other.start()
            first = exchange(self.target, message)
            other.join()
            return first
        if action == "again":
            exchange(self.target, message)
        return exchange(self.target, message)

    def _hold(self, rule: Rule | None) -> None:
        assert rule is not None
        assert rule.file is not None
        self.held.set()
        while not rule.file.exists() and not self.ended.is_set():
            time.sleep(0.005)


@contextmanager
def proxy(host: str, *rules: Rule) -> Iterator[tuple[str, Proxy]]:
    """Put a proxy before a host URL; yields its own URL and the proxy."""
    port = int(host.rpartition(":")[2].partition("/")[0])
    made = Proxy(("127.0.0.1", port), rules)
    try:
        yield host.replace(f":{port}/", f":{made.port}/"), made
    finally:
        made.close()


def kind_of(method: str, path: str) -> str:
    if "/api-jobs/" in path:
        return "job"
    if method == "PUT" and path.endswith("/actions") and "/volumes/" in path:
        return "put"
    return "read" if method == "GET" and "/volumes" in path else "other"


def header(message: bytes, name: bytes) -> bytes | None:
    for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def read_message(source: socket.socket) -> bytes:
    """Read one whole message with its body; empty when the other side has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        if not part:
            return b""
        data += part
    head = data.partition(b"\r\n\r\n")[0]
    length = len(head) + 4 + int(header(data, b"content-length") or 0)
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


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answer(status: str, body: bytes, *more: str, kind: str = "text/html") -> bytes:
    """Return a canned answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
