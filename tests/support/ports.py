"""Ports of 127.0.0.1 for tests that run beside each other."""

from __future__ import annotations

import socket
from contextlib import suppress
from random import SystemRandom

CLOSED = 1
"""Nobody listens here, and nobody is given it by chance, unlike a port that was free a moment ago."""
FIRST, LAST = 20_000, 32_000
"""Below the ports that kernels give to connections and to servers without a port of their own."""


def free_port() -> int:
    """Return a port for a server that may stop and come back: in the meantime no other process is given it."""
    while True:
        port = SystemRandom().randrange(FIRST, LAST)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
