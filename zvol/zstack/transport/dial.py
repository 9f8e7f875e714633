"""From a name to a connection within the time of one attempt."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

from zvol.zstack.transport.deadline import RequestDeadline, Stage
from zvol.zstack.transport.happy_eyeballs import Address, ConnectionRace, S, in_turns

Lookup = Callable[..., Sequence[Address]]

NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class PendingLookup:
    """One look-up under way; several attempts may wait for it."""

    def __init__(self, lookup: Lookup, host: str, port: int) -> None:
        self.answered = threading.Event()
        self.addresses: Sequence[Address] = ()
        self.error: Exception | None = None
        threading.Thread(target=self._ask, args=(lookup, host, port), daemon=True, name="zvol-lookup").start()

    def _ask(self, lookup: Lookup, host: str, port: int) -> None:
        try:
            self.addresses = lookup(host, port, type=socket.SOCK_STREAM)
        except Exception as exc:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
            self.error = exc
        self.answered.set()


class Dialer:
    """Connects to hosts by name or address.

    getaddrinfo cannot be interrupted, so it runs in a thread that is left alone when time is up: one for each name, for
    whoever asks next waits for the same look-up.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._questions: dict[tuple[str, int], PendingLookup] = {}
        self._answered: dict[tuple[str, int], object] = {}

    def addresses(self, host: str, port: int, deadline: RequestDeadline) -> Sequence[Address]:
        """Return the addresses of a host; raises TimeoutError, and OSError or UnicodeError when it has none."""
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=NUMERIC)
        except socket.gaierror:
            pass  # a name
        with self._lock:
            question = self._questions.get((host, port))
            if question is None or question.answered.is_set():
                question = self._questions[host, port] = PendingLookup(self._lookup, host, port)
        if not question.answered.wait(deadline.left(connecting=True)):
            raise TimeoutError("the name is not looked up in time")
        if question.error is not None:
            raise question.error
        return question.addresses

    def dial(self, kind: type[S], host: str, port: int, deadline: RequestDeadline) -> S:
        """Return a connected socket; the address that answered first is tried first from then on.

        Raises OSError: the most telling one of all addresses.
        """
        deadline.stage = Stage.LOOKUP
        addresses = in_turns(self.addresses(host, port, deadline))
        deadline.stage = Stage.CONNECT
        answered = self._answered.get((host, port))
        addresses.sort(key=lambda one: one[4] != answered)
        sock, address = ConnectionRace(kind, deadline).run(addresses)
        self._answered[host, port] = address[4]
        return sock
