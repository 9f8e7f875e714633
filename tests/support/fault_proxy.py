"""A proxy that breaks requests on purpose, between zvol and a sandbox.

What it does is data: a list of rules, each for some of the requests.  A rule counts the requests that it speaks of, and
the first rule whose turn it is decides.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.http_messages import Request, answer, exchange, position, read_message
from tests.support.ports import free_port

__all__ = ["Proxy", "Rule", "answer", "proxy"]

UNSEEN = ("drop", "reset", "hang", "page", "page-close", "cut-request", "cut-request-reset")
BEFORE = ("", *UNSEEN, "hold", "twice", "twice-late", "again", "again-first")


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to the requests of a `kind`, from the `first` to the `last` of them.

    Kinds: `put`, `job`, `read` (`look` before the first PUT, `back` after it, `list` of a recycle bin), `login`,
    `other` (reads of VMs are also `vm-read`, `vm-look`, `vm-back`, `vm-list`), `any`; and `connect`, which are
    connections.  `volume`
    narrows it to requests that name this volume, `path` to paths that this expression is found in, `action_key` to
    bodies that begin with this key.

    Actions before the server sees the request: `drop` (close), `reset`, `hang`, `page`, `page-close`, `cut-request`
    (only its first `size` bytes arrive), `hold` (until `file` exists).  After it: `after` (nothing), `lose` (close),
    `lose-reset`, `lose-hang`, `lose-page`, `lose-page-close`, `cut` (after `size` bytes of the answer), `cut-reset`,
    `stale` (answer, then close), `hold-answer`, `drip` (a byte a second), `trickle` (in pieces),
    `prefix` (`page` before the answer), `replay` (the answer of the last read before the first PUT), `spoil` (what the
    answer says of `volume` is garbage).
    `twice` sends it twice at the same instant and answers with a 202 if there is one, `twice-late` with the other;
    `again` sends it one after the other and answers with the second answer, `again-first` with the first.
    `act` is what somebody does at that moment, a name for `Proxy.perform`.
    """

    kind: str
    action: str
    first: int = 1
    last: int = 1
    page: bytes = b""
    size: int | str = 0
    file: Path | None = None
    volume: str = ""
    path: str = ""
    act: str = ""
    action_key: str = ""

    def concerns(self, kinds: set[str], path: str, volumes: str, action: str) -> bool:
        named = self.action_key in ("", action) and self.volume in volumes
        return self.kind in kinds and named and re.search(self.path, path) is not None


@dataclass
class Seen:
    """A request that came in; `scheme` is the first word of its Authorization, `action` the first key of its body."""

    time: float
    method: str
    path: str
    job: str | None
    kind: str
    scheme: str = ""
    action: str = ""


@dataclass
class Proxy:
    """Listens on a free loopback port and forwards to `target` (host, port)."""

    target: tuple[str, int]
    rules: tuple[Rule, ...] = ()
    perform: Callable[[str], None] = lambda _act: None
    seen: list[Seen] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    session: str = ""
    first: dict[str, bytes] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    held: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", free_port()), backlog=128)
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def heal(self) -> None:
        """Break nothing any more."""
        self.rules = ()

    def down(self, seconds: float) -> None:
        """Refuse connections for a while."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        time.sleep(seconds)
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def idle(self, seconds: float = 10) -> bool:
        """Wait until no request is being dealt with, but for those that hang on purpose; returns whether that came."""
        until = time.monotonic() + seconds
        while self.busy and time.monotonic() < until:
            time.sleep(0.002)
        return not self.busy

    def puts(self) -> list[Seen]:
        return [one for one in self.seen if one.kind == "put"]

    def count_sessions(self) -> tuple[int, int]:
        """Return how many sessions were opened and closed through this proxy."""
        logins = sum(one.method == "PUT" and one.path.endswith("/login") for one in self.seen)
        return logins, sum(one.method == "DELETE" and "/accounts/sessions/" in one.path for one in self.seen)

    # ---- one connection ------------------------------------------------------------------------------------------
    def _accept(self) -> None:
        listener = self.listener
        while not self.ended.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            rule = self._rule({"connect"}, "", "", "")
            if rule is not None:
                self._end(client, rule.action)
                return
            while message := read_message(client):
                request = Request(message)
                rule = self._rule(*self._note(request))
                try:
                    if not self._handle(client, message, rule):
                        return
                finally:
                    self.busy.discard(threading.get_ident())

    def _note(self, request: Request) -> tuple[set[str], str, str, str]:
        """Write a request down; returns its kinds, path, action, and a text with the volumes that it names."""
        kind, path, job = request.kind, request.path, request.job or ""
        authorization = request.header("authorization")
        self.busy.add(threading.get_ident())
        with self.lock:
            if authorization:
                self.session = authorization.removeprefix("OAuth ")
            scheme = (authorization or "").partition(" ")[0]
            self.seen.append(Seen(time.monotonic(), request.method, path, request.job, kind, scheme, request.action))
            kinds = {kind, "any"}
            if kind in ("read", "list"):
                kinds |= {"read", "back" if self.volumes else "look"}
            elif kind in ("vm-read", "vm-list"):
                kinds |= {"other", "vm-read", "vm-back" if self.volumes else "vm-look"}
            if kind == "put":
                self.volumes[job] = path.split("/")[-2]
            return kinds, path, f"{path} {self.volumes.get(job, '')}", request.action

    def _rule(self, kinds: set[str], path: str, volumes: str, action: str) -> Rule | None:
        found = None
        with self.lock:
            for number, rule in enumerate(self.rules):
                if not rule.concerns(kinds, path, volumes, action):
                    continue
                count = self.counts[number] = self.counts.get(number, 0) + 1
                if found is None and rule.first <= count <= rule.last:
                    found = rule
        return found

    # ---- one request ---------------------------------------------------------------------------------------------
    def _handle(self, client: socket.socket, message: bytes, rule: Rule | None) -> bool:
        """Deal with one request; returns whether the connection can be used again."""
        if rule is None:
            found = exchange(self.target, message)
            if not self.volumes and Request(message).kind in ("read", "vm-read"):
                self.first[Request(message).kind] = found
            return self._deliver(client, found)
        if rule.act and rule.action in BEFORE:
            self.perform(rule.act)
        match rule.action:
            case "drop" | "reset":
                return self._end(client, rule.action)
            case "hang":
                return self._hang()
            case "page" | "page-close":
                client.sendall(rule.page)
                return rule.action == "page"
            case "cut-request" | "cut-request-reset":
                with socket.create_connection(self.target) as server:
                    server.sendall(message[: position(message, rule.size)])
                return self._end(client, rule.action)
            case "hold":
                self._hold(rule)
            case _:
                pass
        found = self._ask(message, rule.action)
        if rule.act and rule.action not in BEFORE:
            self.perform(rule.act)
        return self._return(client, found, rule)

    def _return(self, client: socket.socket, found: bytes, rule: Rule) -> bool:
        """Break the answer on its way back."""
        match rule.action:
            case "lose" | "lose-reset":
                return self._end(client, rule.action)
            case "lose-hang":
                return self._hang()
            case "lose-page" | "lose-page-close":
                client.sendall(rule.page)
                return rule.action == "lose-page"
            case "cut" | "cut-reset":
                client.sendall(found[: position(found, rule.size)])
                return self._end(client, rule.action)
            case "drip" | "trickle":
                slow = rule.action == "drip"
                return self._drip(client, found, 1 if slow else len(found) // 10 + 1, 1.0 if slow else 0.002)
            case "hold-answer":
                self._hold(rule)
            case "prefix":
                client.sendall(rule.page)
            case "spoil":
                return self._deliver(client, found.replace(rule.volume.encode(), b"x" * len(rule.volume)))
            case "replay":
                return self._deliver(client, self.first["vm-read" if rule.kind.startswith("vm-") else "read"])
            case _:
                pass
        return self._deliver(client, found) and rule.action != "stale"

    def _deliver(self, client: socket.socket, found: bytes) -> bool:
        client.sendall(found)
        return bool(found)

    def _end(self, client: socket.socket, action: str) -> bool:
        if action.endswith("reset"):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _hang(self) -> bool:
        self.busy.discard(threading.get_ident())
        self.ended.wait(60)
        return False

    def _drip(self, client: socket.socket, found: bytes, size: int, pause: float) -> bool:
        self.busy.discard(threading.get_ident())
        for number in range(0, len(found), size):
            client.sendall(found[number : number + size])
            if self.ended.wait(pause):
                return False
        return True

    def _ask(self, message: bytes, action: str) -> bytes:
        if action.startswith("again"):
            first, second = exchange(self.target, message), exchange(self.target, message)
            return first if action == "again-first" else second
        if not action.startswith("twice"):
            return exchange(self.target, message)
        answers: list[bytes] = []
        other = threading.Thread(target=lambda: answers.append(exchange(self.target, message)))
        other.start()
        answers.append(exchange(self.target, message))
        other.join()
        answers.sort(key=lambda found: not found.startswith(b"HTTP/1.1 202"))
        return answers[action == "twice-late"]

    def _hold(self, rule: Rule) -> None:
        assert rule.file is not None
        self.held.set()
        while not rule.file.exists() and not self.ended.is_set():
            time.sleep(0.005)


@contextmanager
def proxy(host: str, *rules: Rule, perform: Callable[[str], None] = lambda _act: None) -> Iterator[tuple[str, Proxy]]:
    """Put a proxy before a host URL; yields its own URL and the proxy."""
    port = int(host.rpartition(":")[2].partition("/")[0])
    made = Proxy(("127.0.0.1", port), rules, perform)
    try:
        yield host.replace(f":{port}/", f":{made.port}/"), made
    finally:
        made.close()
