"""From a host name to a connected socket, within the deadline of one request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

from zvol.zstack.transport.deadline import RequestDeadline, Step
from zvol.zstack.transport.happy_eyeballs import Address, ConnectionRace, S, interleave_families

Lookup = Callable[..., Sequence[Address]]

NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class PendingLookup:
    """A running look-up; several requests may wait for it."""

    def __init__(self, lookup: Lookup, host: str, port: int) -> None:
        self.finished = threading.Event()
        self.addresses: Sequence[Address] = ()
        self.error: Exception | None = None
        try:
            threading.Thread(target=self._run, args=(lookup, host, port), daemon=True, name="zvol-lookup").start()
        except (
            RuntimeError
        ):  # the system allows no more threads; a look-up that cannot be abandoned is better than none
            self._run(lookup, host, port)

    def _run(self, lookup: Lookup, host: str, port: int) -> None:
        try:
            self.addresses = lookup(host, port, type=socket.SOCK_STREAM)
        except Exception as exc:  # noqa: BLE001  (raised again in the threads that wait)
            self.error = exc
        self.finished.set()


class Dialer:
    """Connects to hosts by name or address.

    getaddrinfo cannot be interrupted, so it runs in a thread that is abandoned at the deadline.  There is one such
    thread per name: later requests wait for the same look-up.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._lookups: dict[tuple[str, int], PendingLookup] = {}
        self._last_connected: dict[tuple[str, int], object] = {}

    def addresses(self, host: str, port: int, deadline: RequestDeadline) -> Sequence[Address]:
        """Return the addresses of a host; raises TimeoutError, and OSError or UnicodeError when it has none."""
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=NUMERIC)
        except socket.gaierror:
            pass  # a name
        with self._lock:
            lookup = self._lookups.get((host, port))
            if lookup is None or lookup.finished.is_set():
                lookup = self._lookups[host, port] = PendingLookup(self._lookup, host, port)
        if not lookup.finished.wait(deadline.remaining(connecting=True)):
            raise TimeoutError("the name is not looked up in time")
        if lookup.error is not None:
            raise lookup.error
        return lookup.addresses

    def dial(self, socket_class: type[S], host: str, port: int, deadline: RequestDeadline) -> S:
        """Return a connected socket; the address that was connected last is tried first.

        Raises OSError: the most informative one of all addresses.
        """
        deadline.step = Step.LOOKUP
        addresses = interleave_families(self.addresses(host, port, deadline))
        deadline.step = Step.CONNECT
        last = self._last_connected.get((host, port))
        addresses.sort(key=lambda address: address[4] != last)
        sock, address = ConnectionRace(socket_class, deadline).run(addresses)
        self._last_connected[host, port] = address[4]
        return sock
