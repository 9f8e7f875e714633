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

from zvol.sandbox.switches import Switches

__all__ = ["Cloud", "Switches", "advance", "embedded", "reset", "serve", "served_at"]


@dataclass(frozen=True, slots=True)
class Cloud:
    """A sandbox that listens: `host` as for ZVOL_HOST, `session` of its admin."""

    host: str
    session: str


@contextmanager
def embedded(
    directory: Path,
    switches: Switches = Switches(),  # noqa: B008  (frozen)
    *,
    ledger: Path | None = None,
    extra: int = 0,
) -> Iterator[Cloud]:
    """Run a sandbox inside this process for as long as the context lasts; `extra` counts for a new directory only."""
    from zvol.sandbox.server import Server

    server = Server(directory, switches, ledger=ledger, extra=extra)
    server.start()
    try:
        yield Cloud(server.host, server.session)
    finally:
        server.stop()


def serve(
    directory: Path,
    *,
    port: int = 0,
    ledger: Path | None = None,
    switches: Switches = Switches(),  # noqa: B008  (frozen)
    out: TextIO,
    session: str | None = None,
    extra: int = 0,
    stop: Event | None = None,
) -> None:
    """Serve until `stop` is set or a signal raises; prints first two lines that a shell can source.

    `extra` deleted volumes more make the cloud new, `session` (32 hex) is the admin's instead of a random one.
    """
    from zvol.sandbox import addresses
    from zvol.sandbox.server import Server

    if extra:
        reset(directory, extra)
    server = Server(directory, switches, port=port, ledger=ledger, session=session)
    addresses.note(directory, server.listener.server_port, switches.context)
    server.start()
    try:
        out.write(f"export ZVOL_HOST={server.host}\nexport ZVOL_SESSION={server.session}\n")
        out.flush()
        ended = stop or Event()
        while not ended.wait(1.0):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


def reset(directory: Path, extra: int = 0) -> None:
    """Make the cloud as it was in the beginning, its deletions recent again, with `extra` deleted volumes more."""
    from zvol.sandbox.server import make_new

    make_new(directory, extra)


def served_at(directory: Path) -> list[str]:
    """Return the base URLs at which the sandbox of a directory has ever been served."""
    from zvol.sandbox.addresses import known

    return known(directory)


def advance(directory: Path, seconds: float) -> None:
    """Set the clock of all servers of a directory that many seconds from the real one."""
    from zvol.sandbox.server import move_clock

    move_clock(directory, seconds)
