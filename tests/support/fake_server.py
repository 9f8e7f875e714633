"""A fake server whose texts are all hostile: a volume, a VM, a storage and a tag of each name, and errors with it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.ports import free_port

SESSION = "5" * 32
CHANGED = "Nov 23, 2026 9:05:50 PM"


def uuid(kind: str, number: int) -> str:
    return f"{kind}{number:031x}"


class FakeServer:
    """`texts` are the names; `seen` are the requests that arrived, as (method, path with query)."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self.seen: list[tuple[str, str]] = []
        self.jobs: dict[str, int] = {}
        self.host = ""

    # ---- the inventory -----------------------------------------------------------------------------------------------
    def volumes(self) -> list[dict[str, Any]]:
        return [
            {
                "uuid": uuid("a", number),
                "name": text,
                "description": text,
                "status": "Deleted",
                "type": "Data",
                "size": 2**30,
                "lastOpDate": CHANGED,
                "lastVmInstanceUuid": uuid("b", number),
                "primaryStorageUuid": uuid("c", number),
                "installPath": text or "/",
            }
            for number, text in enumerate(self.texts)
        ]

    def named(self, kind: str) -> list[dict[str, Any]]:
        return [
            {"uuid": uuid(kind, number), "name": text, "tag": text, "state": text, "status": text}
            | {"resourceUuid": uuid("a", number), "resourceType": "VolumeVO", "volumeUuid": uuid("a", number)}
            for number, text in enumerate(self.texts)
        ]

    def answer(self, method: str, target: str, headers: Any, body: Any = None) -> tuple[int, Any]:
        del body
        self.seen.append((method, target))
        path, query = urlsplit(target).path.removeprefix("/zstack"), parse_qsl(urlsplit(target).query)
        if "/api-jobs/" in path:
            text = self.texts[self.jobs[path.rpartition("/")[2]]]
            inner = {"code": "SYS.1006", "description": text, "details": text}
            return 503, {"error": inner | {"elaboration": text, "cause": inner}}
        if method != "GET":
            if "/volumes/" not in path:
                now = {"MillionSeconds": 1_795_000_000_000}
                return 200, {"version": "5.2.1" + self.texts[0], "currentTime": now}
            job = headers["X-Job-UUID"]
            self.jobs[job] = int(path.split("/volumes/a")[1][:31], 16)
            return 202, {"location": f"http://10.0.0.1:8080/zstack/v1/api-jobs/{job}", "apiTimeout": 60000}
        found: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "/v1/vm-instances": lambda: self.named("b"),
            "/v1/primary-storage": lambda: self.named("c"),
            "/v1/user-tags": lambda: self.named("d"),
            "/v1/volume-snapshots": lambda: self.named("e"),
            "/v1/global-configurations": lambda: [
                {"name": name, "category": "volume", "value": value}
                for name, value in (("deletionPolicy", "Delay"), ("expungePeriod", "259200"))
            ],
        }
        items = found.get(path, self.volumes)()
        return 200, page([item for item in items if matches(item, query, path)], dict(query))


def matches(item: dict[str, Any], query: list[tuple[str, str]], path: str) -> bool:
    """Apply the conditions that zvol sends, `key=value` and `key?=a,b`; any other matches nothing."""
    conditions = [value for name, value in query if name == "q"]
    last = path.rpartition("/")[2]
    if len(last) == 32 and item.get("uuid") != last:
        return False
    for condition in conditions:
        key, equals, value = condition.partition("=")
        allowed = value.split(",") if key.endswith("?") else [value]
        if not equals or str(item.get(key.removesuffix("?"))) not in allowed:
            return False
    return True


def page(items: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    start, limit = int(query.get("start", 0)), int(query.get("limit", 1000))
    return {"inventories": items[start : start + limit], "total": len(items)}


@contextmanager
def fake_server(texts: Sequence[str], made: FakeServer | None = None) -> Iterator[FakeServer]:
    """Serve until the context ends; `made` is a server of another class."""
    server = made or FakeServer(texts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(sent) if sent else None
            status, document = server.answer(self.command, self.path, self.headers, body)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    server.host = f"http://127.0.0.1:{listener.server_port}/zstack"
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
