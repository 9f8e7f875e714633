"""Several addresses of one host tried at once: the first that connects is used (RFC 8305, "happy eyeballs")."""

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
"""As `socket.getaddrinfo` returns them: family, kind, protocol, canonical name, address."""

S = TypeVar("S", bound=socket.socket)

STAGGER: Final = 0.25
"""Seconds after which the next address is tried beside those that have not answered."""

TELLING: Final = (ConnectionRefusedError, TimeoutError, OSError)
"""What says most about a host comes first; that a network is unreachable often speaks of this machine only."""


def in_turns(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with the families taking turns, so that one that does not work holds up little."""
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    return [one for pair in zip_longest(first, others) for one in pair if one is not None]


class ConnectionRace(Generic[S]):
    """Sockets of one kind on their way to the addresses of one host; `run` may be called once."""

    def __init__(self, kind: type[S], deadline: RequestDeadline) -> None:
        self._kind, self._deadline = kind, deadline
        self._selector = selectors.DefaultSelector()
        self._running: dict[S, Address] = {}
        self._errors: list[OSError] = []

    def run(self, addresses: Sequence[Address]) -> tuple[S, Address]:
        """Return a connected socket and its address; raises the most telling OSError when there is none in time."""
        try:
            won = self._first(deque(addresses))
        except TimeoutError as over:
            won = None
            self._errors.append(over)
        finally:
            self._end()
        if won is None:
            raise next(
                (one for kind in TELLING for one in self._errors if isinstance(one, kind)), OSError("no address")
            )
        return won

    def _first(self, waiting: deque[Address]) -> tuple[S, Address] | None:
        next_start = 0.0
        while waiting or self._running:
            left, now = self._deadline.left(connecting=True), real_now()
            if waiting and (not self._running or now >= next_start):
                next_start = now + min(STAGGER, left / len(waiting))
                self._start(waiting.popleft())
            if self._running:
                won = self._wait(min(left, max(0.0, next_start - now)) if waiting else left)
                if won is not None:
                    return won
        return None

    def _start(self, address: Address) -> None:
        family, form, protocol, _, where = address
        sock = None
        try:
            sock = self._kind(family, form, protocol)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            sock.connect(where)
        except BlockingIOError:
            pass  # it is on its way
        except OSError as error:
            self._errors.append(error)
            if sock is not None:
                sock.close()
            return
        assert sock is not None
        self._running[sock] = address
        self._selector.register(sock, selectors.EVENT_WRITE)

    def _wait(self, seconds: float) -> tuple[S, Address] | None:
        """Return the first that is connected; those that failed are out of the race."""
        for key, _ in self._selector.select(seconds):
            sock: Any = key.fileobj
            sock.settimeout(self._deadline.left())
            self._selector.unregister(sock)
            address = self._running.pop(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return sock, address
            self._errors.append(OSError(code, os.strerror(code)))
            sock.close()
        return None

    def _end(self) -> None:
        self._selector.close()
        for sock in self._running:
            sock.close()
