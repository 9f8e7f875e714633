"""A server that sends back what it received: the headers and the body of a request, in every place of an answer."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.process import PG_DATA
from tests.support.secret_markers import OTHER_SESSION, PASSWORD

MODES = ("page", "fault", "nested", "refusal", "redirect", "kind", "names", "garbage", "login")


def handler_class(mode: str) -> type[BaseHTTPRequestHandler]:
    class EchoHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            received = f"{self.headers.get('Authorization')} {self.headers.get('Signature', '')} {body} {self.path}"
            if mode == "garbage":
                self.wfile.write(f"{self.requestline} {received}\r\n\r\n".encode())
                self.close_connection = True
                return
            status, headers, content = reply(mode, self.command, self.path, received)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, " ".join(value.split()))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return EchoHandler


def reply(mode: str, method: str, path: str, received: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer that quotes `received`."""
    if mode == "login" and path.endswith("/login"):
        return document(503, {"error": fault(f"{PASSWORD} is wrong, {received}")})
    match mode:
        case "page":
            return 500, {"Content-Type": "text/html", "Server": received}, f"<html>{received}</html>".encode()
        case "fault":
            return document(503, {"error": fault(received)})
        case "nested":
            return document(
                503, {"error": fault("outer") | {"cause": fault(received), "causes": [fault(received.upper())]}}
            )
        case "refusal":
            return 400, {}, f"requestTimeTooSkewed {received}".encode()
        case "redirect":
            return 302, {"Location": f"http://evil.example/?{received}"}, b""
        case "kind":
            return 502, {"Content-Type": f"text/{received}"}, b""
        case _:
            return names(method, path, received)


def names(method: str, path: str, received: str) -> tuple[int, dict[str, str], bytes]:
    """Answer as ZStack does, with a volume that is named like the secret, and a job that fails with it."""
    if path.endswith("/login"):
        return document(200, {"inventory": {"uuid": OTHER_SESSION}})
    if "/api-jobs/" in path:
        return document(503, {"error": fault(received)})
    if method == "PUT" and "/volumes/" in path:
        return document(202, {"location": f"http://evil.example/{received}/v1/api-jobs/{'f' * 32}"})
    if path.endswith("/management-nodes/actions"):
        return document(200, {"version": received, "currentTime": {"MillionSeconds": 1_795_000_000_000}})
    if path.endswith("/valid"):
        return document(200, {"valid": True})
    volume = {
        "uuid": PG_DATA,
        "name": received,
        "description": received,
        "status": "Deleted",
        "type": "Data",
        "tag": received,
    }
    return document(200, {"inventories": [volume], "total": 1})


def fault(received: str) -> dict[str, Any]:
    return {
        "code": "ID.1003",
        "description": received,
        "details": received,
        "elaboration": received,
        "opaque": {received: [received]},
    }


def document(status: int, content: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps(content).encode()


@contextmanager
def echo_server(mode: str, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve until the context ends; yields the host URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_class(mode))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}/zstack"
    finally:
        server.shutdown()
        server.server_close()
