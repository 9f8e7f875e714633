"""A proxy that injects faults into requests at random, reproducibly by its seed."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.http_messages import answer, exchange, read_message
from tests.support.ports import free_port

PAGES = {
    "502": answer("502 Bad Gateway", b"<html>bad gateway</html>"),
    "503": answer("503 Service Unavailable", b'{"message":"no upstream"}', kind="application/json"),
    "404": answer("404 Not Found", b"<html>HTTP Status 404</html>"),
}
BEFORE = ("drop", "reset", "hang", "502", "503", "404", "late")
AFTER = ("lose", "lose-reset", "lose-502", "cut", "slow")
LATE_SECONDS = 2.0
"""How long a request lives here after its client has gone; less than the settle_wait of the run, in real time."""


@dataclass
class FaultInjector:
    """Forwards to `target` (host, port); a share of the requests gets one of the faults BEFORE or AFTER."""

    target: tuple[str, int]
    seed: int
    share: float
    requests: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", free_port()), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while message := read_message(client):
                fault = self._choose_fault(message)
                try:
                    if not self._handle(client, message, fault):
                        return
                finally:
                    with self._lock:
                        self.in_flight -= 1

    def _choose_fault(self, message: bytes) -> str:
        """Count a request, and return its fault or None."""
        with self._lock:
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            self.requests[message.split(b" ", 1)[0].decode()] += 1
            if self._random.random() >= self.share:
                return ""
            fault = self._random.choice(BEFORE + AFTER)
            self.faults[fault] += 1
            return fault

    def _handle(self, client: socket.socket, message: bytes, fault: str) -> bool:
        """Handle a request; returns whether the connection stays open."""
        if fault in PAGES:
            client.sendall(PAGES[fault])
            return True
        match fault:
            case "drop":
                return False
            case "reset":
                reset(client)
                return False
            case "hang":
                self._ended.wait(LATE_SECONDS)
                return False
            case "late":
                threading.Thread(target=self._later, args=(message,), daemon=True).start()
                return False
            case _:
                return self._forward(client, message, fault)

    def _forward(self, client: socket.socket, message: bytes, fault: str) -> bool:
        got = exchange(self.target, message)
        match fault:
            case "lose":
                return False
            case "lose-reset":
                reset(client)
                return False
            case "lose-502":
                client.sendall(PAGES["502"])
                return True
            case "cut":
                client.sendall(got[: len(got) // 2])
                return False
            case "slow":
                time.sleep(0.3)
            case _:
                pass
        if not got:
            return False
        client.sendall(got)
        return True

    def _later(self, message: bytes) -> None:
        self._ended.wait(LATE_SECONDS)
        exchange(self.target, message)


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def network_faults(port: int, seed: int, share: float) -> Iterator[FaultInjector]:
    made = FaultInjector(("127.0.0.1", port), seed, share)
    try:
        yield made
    finally:
        made.close()
