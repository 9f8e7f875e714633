"""A relay in front of a sandbox that takes as long for changes as a `ServerPace` says.

It answers a change with 202 itself and keeps the request; once the job has ended by the pace of the server, the
sandbox gets it.  Until then the relay answers polls of the job with 202; everything else goes through.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tests.support.server_pace import ServerPace

CHANGE: Final = re.compile(rb"PUT \S+/volumes/\w+/actions |POST \S+/(?:user-tags|volumes/\w+/vm-instances/\w+) ")
POLL: Final = re.compile(rb"GET \S+/api-jobs/(\w+) ")
JOB: Final = re.compile(rb"\r\nX-Job-UUID: *(\w+)", re.IGNORECASE)
TIMEOUT: Final = re.compile(rb"\r\nX-API-Timeout: *(\d+)", re.IGNORECASE)
LENGTH: Final = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
DEFAULT_TIMEOUT: Final = 1800


class Message(NamedTuple):
    """A request or an answer: its first line and headers, and its body."""

    head: bytes
    body: bytes


class Line:
    """A connection to the sandbox."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def exchange(self, request: Message) -> Message:
        self._writer.write(request.head + request.body)
        return await read(self._reader)

    def close(self) -> None:
        self._writer.close()


class Relay:
    """Serves on a free port of the loopback interface; `requests` counts them by kind.

    `cpu` are the seconds of CPU that it took: where that is near the seconds of a run, the relay was the limit.
    """

    def __init__(self, host: str, pace: ServerPace[str]) -> None:
        self._url, self.pace = urlsplit(host), pace
        self.host, self.cpu = "", 0.0
        self.requests: Counter[str] = Counter()
        self.failures: list[str] = []
        self._kept: dict[str, Message] = {}
        self._free: list[Line] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()

    async def serve(self, ready: threading.Event) -> None:
        """Serve until `stop` is called."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, backlog=512)
        self.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{self._url.path}"
        ready.set()
        await self._stop.wait()
        server.close()
        for line in self._free:
            line.close()
        self.cpu = time.thread_time()

    def stop(self) -> None:
        """Stop to serve; may be called from another thread."""
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await read(reader)
                writer.write(await self._answer(request))
                if b"\r\nconnection: close" in request.head.lower():
                    break
        writer.close()

    async def _answer(self, request: Message) -> bytes:
        if CHANGE.match(request.head):
            self.requests["changes"] += 1
            return await self._accept(request)
        if poll := POLL.match(request.head):
            self.requests["polls"] += 1
            if poll[1].decode() in self._kept:
                return accepted({})
        else:
            self.requests["reads"] += 1
        answer = await self._forward(request)
        return answer.head + answer.body

    async def _forward(self, request: Message) -> Message:
        line = (
            self._free.pop() if self._free else Line(*await asyncio.open_connection(self._url.hostname, self._url.port))
        )
        answer = await line.exchange(request)
        self._free.append(line)
        return answer

    # ---- changes -----------------------------------------------------------------------------------------------------
    async def _accept(self, request: Message) -> bytes:
        """Keep a change for as long as its job takes; returns when it is to be answered."""
        found, timeout = JOB.search(request.head), TIMEOUT.search(request.head)
        job = found[1].decode() if found else uuid.uuid4().hex
        if not found:
            request = Message(request.head[:-2] + f"X-Job-UUID: {job}\r\n\r\n".encode(), request.body)
        self._kept[job] = request
        self._run_ended()
        at = self.pace.begin(job, self._loop.time())
        self._wait()
        await asyncio.sleep(at - self._loop.time())
        seconds = int(timeout[1]) if timeout else DEFAULT_TIMEOUT
        return accepted({"apiTimeout": seconds * 1000, "location": f"{self.host}/v1/api-jobs/{job}"})

    def _run_ended(self) -> None:
        """Hand the changes over to the sandbox whose jobs have ended."""
        for job in self.pace.take_ended(self._loop.time()):
            task = self._loop.create_task(self._run(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _wait(self) -> None:
        """Wake up when the next job ends."""
        if self._timer is not None:
            self._timer.cancel()
        at = self.pace.next_end()
        self._timer = self._loop.call_at(at, self._wake) if at < float("inf") else None

    def _wake(self) -> None:
        self._run_ended()
        self._wait()

    async def _run(self, job: str) -> None:
        answer = await self._forward(self._kept[job])
        if not answer.head.startswith(b"HTTP/1.1 202"):
            self.failures.append((answer.head.split(b"\r\n")[0] + b" " + answer.body).decode(errors="replace"))
        del self._kept[job]


async def read(reader: asyncio.StreamReader) -> Message:
    """Read a message; raises asyncio.IncompleteReadError at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    return Message(head, await reader.readexactly(int(length[1])) if length else b"")


def accepted(body: dict[str, object]) -> bytes:
    """Return the answer to a change, or to a poll of a job that runs."""
    text = json.dumps(body).encode()
    return b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


@contextmanager
def relay(host: str, pace: ServerPace[str]) -> Iterator[Relay]:
    """Serve a relay in a thread of this process; `host` is the sandbox."""
    one, ready = Relay(host, pace), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(one.serve(ready)), name="relay", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield one
    finally:
        one.stop()
        thread.join()
    if one.failures:
        raise SystemExit(f"the sandbox refused {len(one.failures)} changes, the first with {one.failures[0]}")
