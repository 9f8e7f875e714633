"""Clients that recover volumes in closed loops: each sends a change, polls its job until it has ended, and goes on.

They know nothing else: no journal, no read before or after, no fault.  `python -m tests.bench.loops --clients 16` takes
lines of standard input, `UUID` or `UUID VM`: with a VM the volume is also attached to it, and with `--tag` tagged.
ZVOL_HOST and ZVOL_SESSION are required.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.bench.relay import Message, read

FIRST = 0.03  # seconds from a change to the first poll of its job
SHORTEST = 0.01  # seconds between two polls, at least
SHARE = 0.15  # of the time since the change: a poll comes at most this much later than the end of a long job


class Client:
    """One connection; raises SystemExit if a job fails."""

    def __init__(self, host: str, session: str) -> None:
        self._url, self._session = urlsplit(host), session

    async def work(self, changes: Iterator[list[tuple[str, str, Any]]]) -> None:
        """Make the changes of one volume after the other: method, path, and body."""
        self._reader, self._writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        for of_volume in changes:
            for method, path, body in of_volume:
                await self._change(method, path, body)
        self._writer.close()

    async def _change(self, method: str, path: str, body: Any) -> None:
        began = time.monotonic()
        answer = await self._exchange(method, path, json.dumps(body))
        if b" 202 " not in answer.head[:16]:
            raise SystemExit(f"{method} {path}: {answer}")
        job = json.loads(answer.body)["location"].rsplit("/", 1)[1]
        await asyncio.sleep(FIRST - (time.monotonic() - began))
        while b" 202 " in (answer := await self._exchange("GET", f"/v1/api-jobs/{job}")).head[:16]:
            await asyncio.sleep(max(SHORTEST, SHARE * (time.monotonic() - began)))
        if b" 200 " not in answer.head[:16]:
            raise SystemExit(f"{method} {path}: {answer}")

    async def _exchange(self, method: str, path: str, body: str = "") -> Message:
        self._writer.write(
            f"{method} {self._url.path}{path} HTTP/1.1\r\nHost: {self._url.netloc}\r\n"
            f"Authorization: OAuth {self._session}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return await read(self._reader)


def changes_of(lines: list[str], tag: str) -> Iterator[list[tuple[str, str, Any]]]:
    """Yield the changes of each volume."""
    for line in lines:
        volume, *vms = line.split()
        changes: list[tuple[str, str, Any]] = [("PUT", f"/v1/volumes/{volume}/actions", {"recoverDataVolume": {}})]
        if tag:
            params = {"resourceType": "VolumeVO", "resourceUuid": volume, "tag": tag}
            changes.append(("POST", "/v1/user-tags", {"params": params}))
        changes += [("POST", f"/v1/volumes/{volume}/vm-instances/{vm}", {"params": {}}) for vm in vms]
        yield changes


async def run(clients: int, lines: list[str], tag: str) -> None:
    changes = changes_of(lines, tag)
    host, session = os.environ["ZVOL_HOST"], os.environ["ZVOL_SESSION"]
    await asyncio.gather(*(Client(host, session).work(changes) for _ in range(clients)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tag", default="")
    options = parser.parse_args()
    asyncio.run(run(options.clients, sys.stdin.read().splitlines(), options.tag))


if __name__ == "__main__":
    main()
