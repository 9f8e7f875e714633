"""Ports of 127.0.0.1 for tests that run beside each other."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from random import SystemRandom
from typing import IO, Final

CLOSED = 1
"""Nobody listens here, and nobody is given it by chance, unlike a port that was free a moment ago."""
FIRST, LAST = 20_000, 32_000
"""Below the ports that kernels give to connections and to servers without a port of their own."""
MOST: Final = 500
"""Ports of one process; after them, it uses its oldest ones again."""

_mine: deque[int] = deque()
_choosing = threading.Lock()


def free_port() -> int:
    """Return a port for a server that may start later, or stop and come back: no other process is given it."""
    with _choosing:
        while True:
            port = SystemRandom().randrange(FIRST, LAST) if len(_mine) < MOST else _mine.popleft()
            if port in _mine:
                continue
            with suppress(OSError):
                fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                with socket.create_server(("127.0.0.1", port)):
                    _mine.append(port)
                    return port


@cache
def _locks() -> IO[bytes]:
    """Open the file in which a process locks the byte of each of its ports, as long as it lives."""
    return open(os.path.join(tempfile.gettempdir(), f"zvol-test-ports-{os.getuid()}"), "ab")


@contextmanager
def accepting_nobody(*addresses: str) -> Iterator[int]:
    """Listen on one port of all these addresses, and accept nobody: connections to them time out."""
    port, sockets = free_port(), list[socket.socket]()
    for address in addresses:
        listener = socket.socket()
        listener.bind((address, port))
        listener.listen(0)
        sockets.append(listener)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            sockets.append(filler)
    try:
        yield port
    finally:
        for one in sockets:
            one.close()
