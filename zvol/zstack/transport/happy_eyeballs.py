"""Connecting to several addresses of one host at once: the first connection is used (RFC 8305, "Happy Eyeballs")."""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final, Generic, TypeVar

from zvol.zstack.transport.deadline import RequestDeadline, real_now

Address = tuple[Any, ...]
"""As `socket.getaddrinfo` returns them: family, type, protocol, canonical name, address."""

S = TypeVar("S", bound=socket.socket)

STAGGER: Final = 0.25
"""Seconds after which the next address is tried beside those that have not answered."""

ERROR_PRIORITY: Final = (ConnectionRefusedError, TimeoutError, OSError)
"""The most informative error about a host is first; "network unreachable" often concerns this machine only."""


def interleave_families(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with the address families alternating, so that a broken family delays little."""
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    return [one for pair in zip_longest(first, others) for one in pair if one is not None]


class ConnectionRace(Generic[S]):
    """Simultaneous connections to the addresses of one host; `run` may be called once."""

    def __init__(self, socket_class: type[S], deadline: RequestDeadline) -> None:
        self._socket_class, self._deadline = socket_class, deadline
        self._selector = selectors.DefaultSelector()
        self._connecting: dict[S, Address] = {}
        self._errors: list[OSError] = []

    def run(self, addresses: Sequence[Address]) -> tuple[S, Address]:
        """Return a connected socket and its address; raises the most informative OSError when none connects in time."""
        try:
            winner = self._race(deque(addresses))
        except TimeoutError as error:
            winner = None
            self._errors.append(error)
        finally:
            self._close()
        if winner is None:
            by_priority = (error for kind in ERROR_PRIORITY for error in self._errors if isinstance(error, kind))
            raise next(by_priority, OSError("no address"))
        return winner

    def _race(self, waiting: deque[Address]) -> tuple[S, Address] | None:
        next_start = 0.0
        while waiting or self._connecting:
            left, now = self._deadline.remaining(connecting=True), real_now()
            if waiting and (not self._connecting or now >= next_start):
                next_start = now + min(STAGGER, left / len(waiting))
                self._start(waiting.popleft())
            if self._connecting:
                winner = self._wait(min(left, max(0.0, next_start - now)) if waiting else left)
                if winner is not None:
                    return winner
        return None

    def _start(self, address: Address) -> None:
        family, form, protocol, _, where = address
        sock = None
        try:
            sock = self._socket_class(family, form, protocol)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            sock.connect(where)
        except BlockingIOError:
            pass  # the connection is in progress
        except OSError as error:
            self._errors.append(error)
            if sock is not None:
                sock.close()
            return
        assert sock is not None
        self._connecting[sock] = address
        self._selector.register(sock, selectors.EVENT_WRITE)

    def _wait(self, seconds: float) -> tuple[S, Address] | None:
        """Return the first socket that is connected; close those that failed."""
        for key, _ in self._selector.select(seconds):
            sock: Any = key.fileobj
            sock.settimeout(self._deadline.remaining())
            self._selector.unregister(sock)
            address = self._connecting.pop(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return sock, address
            self._errors.append(OSError(code, os.strerror(code)))
            sock.close()
        return None

    def _close(self) -> None:
        self._selector.close()
        for sock in self._connecting:
            sock.close()
