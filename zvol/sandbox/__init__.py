"""A small ZStack on this machine: loopback HTTP over SQLite, behaving as a running 5.2.1 does.

It shares no code with `zvol.zstack`, so that the two cannot share a misreading of the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Switches:
    """What can be different on another server.  `job_time` in seconds; `clock_offset` moves the server's clock.

    `doubles` and `synchronous` behave as the vendor's page says; `location` replaces the host in the 202;
    `commercial` verifies access keys, which the open build does not know.
    """

    job_time: float = 0.12
    locale: str = "zh_CN"
    zone: str = "UTC"
    doubles: bool = False
    synchronous: bool = False
    location: str | None = None
    clock_offset: float = 0.0
    version: str = "5.2.1"
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Cloud:
    """A sandbox that listens: `host` as for ZVOL_HOST, `session` of its admin."""

    host: str
    session: str


@contextmanager
def embedded(directory: Path, switches: Switches | None = None, ledger: Path | None = None) -> Iterator[Cloud]:
    """Run a sandbox inside this process for as long as the context lasts."""
    from zvol.sandbox.server import Server

    server = Server(directory, 0, switches or Switches(), ledger)
    server.start()
    try:
        yield Cloud(server.host, server.session)
    finally:
        server.stop()


def serve(
    directory: Path,
    *,
    port: int,
    ledger: Path | None,
    switches: Switches,
    out: TextIO,
    extra: int = 0,
    stop: Event | None = None,
) -> None:
    """Serve until `stop` is set or an exception (a signal) ends it; prints first two lines that a shell can source."""
    from zvol.sandbox.server import Server

    if extra:
        reset(directory, extra)
    server = Server(directory, port, switches, ledger)
    server.start()
    try:
        out.write(f"export ZVOL_HOST={server.host}\nexport ZVOL_SESSION={server.session}\n")
        out.flush()
        ended = stop or Event()
        while not ended.wait(3600):
            pass
    finally:
        server.stop()


def reset(directory: Path, extra: int = 0) -> None:
    """Make it as it was in the beginning, with `extra` deleted data volumes more."""
    from zvol.sandbox.seed import fill
    from zvol.sandbox.store import Store

    store = Store(directory)
    with store.change() as db:
        fill(db, extra)
    store.close()
