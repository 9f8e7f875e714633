"""The sandbox as a server on the loopback interface, in threads of this process."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from zvol.sandbox.api import Api
from zvol.sandbox.chores import Chores
from zvol.sandbox.configs import adapt
from zvol.sandbox.jobs import Jobs
from zvol.sandbox.names import ADMIN, NODE, OTHER_NODE, new_uuid
from zvol.sandbox.node import Node
from zvol.sandbox.rest import Request, RestApi
from zvol.sandbox.routes import APIS
from zvol.sandbox.seed import seed
from zvol.sandbox.sessions import open_session
from zvol.sandbox.store import Store, Tx
from zvol.sandbox.switches import Switches
from zvol.sandbox.worker import Worker

HOST: Final = "127.0.0.1"
OWN_SESSION_SECONDS: Final = 30 * 86400
ABSENT_SECONDS: Final = 600
"""How long ago the second of two nodes went away."""
_REASONS: Final = {500: "Server Error"}


class Handler(BaseHTTPRequestHandler):
    """One connection; kept alive until the client or the idle timeout ends it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.rest_api.node.switches.idle_timeout)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = self.server.rest_api.answer(Request(self.command, self.path, self.headers, body))
        self._send(status, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _not_allowed(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(405, b"<html><body><h2>HTTP ERROR 405 Method Not Allowed</h2></body></html>")

    do_PATCH = do_OPTIONS = do_TRACE = _not_allowed

    def _send(self, status: int, body: bytes) -> None:
        context = self.server.rest_api.node.switches.context
        self.send_response(status, _REASONS.get(status))
        if "JSESSIONID" not in (self.headers.get("Cookie") or ""):
            self.send_header("Set-Cookie", f"JSESSIONID=node0{new_uuid()[:24]}.node0; Path={context or '/'}")
            self.send_header("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return self.server.rest_api.node.release.software

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log: stdout and stderr are the command's."""


class Listener(ThreadingHTTPServer):
    """The listening socket; it knows its connections, so that stopping ends them too."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    rest_api: RestApi

    def __init__(self, port: int, handler: type[Handler]) -> None:
        self.open: set[socket.socket] = set()
        self.changed = threading.Condition()
        super().__init__((HOST, port), handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the base class, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.changed:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self.changed:
            self.open.discard(request)
            self.changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that clients break."""

    def hang_up(self, seconds: float = 2.0) -> None:
        """End every connection and wait until the last request is answered."""
        with self.changed:
            for connection in self.open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            self.changed.wait_for(lambda: not self.open, seconds)


class Server:
    """A management node: listener, worker and database; `host` is what clients use, `session` the admin's.

    A subclass adds APIs or replaces a part; tests do, `zvol sandbox serve` does not.
    """

    apis: tuple[Api, ...] = APIS
    handler_class: type[Handler] = Handler
    node_class: type[Node] = Node
    jobs_class: type[Jobs] = Jobs
    rest_class: type[RestApi] = RestApi

    def __init__(
        self,
        directory: Path,
        switches: Switches,
        *,
        port: int = 0,
        ledger: Path | None = None,
        extra: int = 0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.listener = Listener(port, self.handler_class)
        self.store = Store(directory, offset=switches.clock_offset)
        self.store.prepare(lambda tx: seed(tx, extra))
        self._ledger = Ledger(ledger) if ledger is not None else None
        if self._ledger is not None:
            self.store.publish = self._ledger.write
        self.node = self.node_class(self.store, switches)
        self.worker = Worker()
        self.chores = Chores(self.node, self.worker)
        self.jobs = self.jobs_class(self.node, self.worker)
        address = f"{HOST}:{self.listener.server_port}"
        known = [api for api in self.apis if api.known(self.node.release)]
        self.listener.rest_api = self.rest_class(self.node, self.jobs, known, address)
        self.host = f"http://{address}{switches.context}"
        self.session = self._join()
        self._thread = threading.Thread(
            target=self.listener.serve_forever, kwargs={"poll_interval": 0.01}, name="sandbox", daemon=True
        )

    def _join(self) -> str:
        """Enter the list of management nodes and open the admin's session."""
        with self.store.write() as tx:
            adapt(tx, self.node.release)
            tx.run("UPDATE nodes SET joinDate = ?, heartBeat = ? WHERE uuid = ?", tx.now, tx.now, NODE)
            tx.run("DELETE FROM nodes WHERE uuid = ?", OTHER_NODE)
            if self.node.switches.two_nodes:
                gone = tx.now - ABSENT_SECONDS
                tx.insert("nodes", {"uuid": OTHER_NODE, "hostName": HOST, "joinDate": gone, "heartBeat": gone})
            tx.run("DELETE FROM sessions WHERE expires <= ?", tx.now)
            return open_session(tx, ADMIN, OWN_SESSION_SECONDS)

    def start(self) -> None:
        self.worker.start()
        self.chores.tick()
        self._thread.start()

    def stop(self) -> None:
        """Stop in order: no more requests, accepted jobs are finished, the database is closed."""
        self.listener.shutdown()
        self.listener.hang_up()
        self.chores.stopped = True
        self.worker.stop()
        self.listener.server_close()
        self.store.close()
        if self._ledger is not None:
            self._ledger.close()


class Ledger:
    """A file that gets one line for each event, after its transaction."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, lines: list[str]) -> None:
        os.write(self._file, "".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        os.close(self._file)


def make_new(directory: Path, extra: int = 0, *, night: bool = False) -> None:
    """Reset the cloud of a directory to its first state; ages count from now."""
    directory.mkdir(parents=True, exist_ok=True)
    store = Store(directory)
    try:
        store.renew(lambda tx: seed(tx, extra, night=night))
    finally:
        store.close()


def move_clock(directory: Path, seconds: float) -> None:
    """Set the clock of all servers of a directory to this offset in seconds from the real one."""
    store = Store(directory)
    try:
        with store.write() as tx:
            _set_offset(tx, seconds)
    finally:
        store.close()


def _set_offset(tx: Tx, seconds: float) -> None:
    tx.run("INSERT OR REPLACE INTO control (key, value) VALUES ('clock_offset', ?)", seconds)
