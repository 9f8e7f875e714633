"""The sandbox's HTTP server, on the loopback interface only."""

from __future__ import annotations

import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from zvol.sandbox import Switches, wire
from zvol.sandbox.calls import Calls
from zvol.sandbox.rest import Reply, Request
from zvol.sandbox.seed import ADMIN, SESSION
from zvol.sandbox.store import Store, put
from zvol.sandbox.worker import Ledger, Worker

IDLE_SECONDS: Final = 30
NODE: Final = "0de00000000a4b1e8a5efeedbead0001"


class Server:
    """A management node: its own worker and ledger, on a database that others may share."""

    def __init__(self, directory: Path, port: int, switches: Switches, ledger: Path | None) -> None:
        self._store = Store(directory)
        self._ledger = Ledger(ledger)
        self._worker = Worker()
        self._calls = Calls(self._store, switches, self._worker, self._ledger)
        self._http = _Http(("127.0.0.1", port), self._calls, switches)
        self.host = f"http://127.0.0.1:{self._http.server_address[1]}/zstack"
        self.session = SESSION
        self._calls.origin = self.host
        self._thread = threading.Thread(target=self._serve, daemon=True, name="sandbox-http")

    def start(self) -> None:
        """Join the cloud, destroy what is due, and listen."""
        lines = self._calls.pipeline
        now = lines.now()
        with self._store.change() as db:
            node = {"uuid": NODE, "hostName": "127.0.0.1", "joinDate": now, "heartBeat": now}
            put(db, "node", node, account=ADMIN, now=now)
        lines.new_session(ADMIN, SESSION)
        lines.reap()
        self._reap_again()
        self._worker.start()
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._worker.stop()
        self._store.close()
        self._ledger.close()

    def _serve(self) -> None:
        self._http.serve_forever(poll_interval=0.01)

    def _reap_again(self) -> None:
        interval = float(self._calls.pipeline.config("expungeInterval"))

        def again() -> None:
            self._calls.pipeline.reap()
            self._reap_again()

        self._worker.later(interval, again)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], calls: Calls, switches: Switches) -> None:
        self.calls, self.switches = calls, switches
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to speak of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for each answer; unbuffered, each takes 40 ms (Nagle and delayed ACK)
    timeout = IDLE_SECONDS
    server: _Http

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length) if length else b"")
        self._send(self.server.calls.answer(request))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def _send(self, reply: Reply) -> None:
        switches = self.server.switches
        if reply.json is not None:
            value = wire.doubled(reply.json) if switches.doubles else reply.json
            body = wire.dumps(value, escape=reply.escape).encode()
        else:
            body = (reply.text or "").encode()
        self.send_response(reply.status)
        if switches.content_type:
            self.send_header("Content-Type", switches.content_type)
        self.send_header("Content-Length", str(len(body)))
        if "cookie" not in {name.lower() for name in self.headers}:
            self.send_header("Set-Cookie", f"JSESSIONID=node0{uuid.uuid4().hex[:20]}; Path=/zstack")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "Jetty(9.4.51.v20230217)"

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
