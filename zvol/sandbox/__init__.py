"""A small ZStack on this machine: loopback HTTP over SQLite, behaving as the release that `Switches.version` names.

5.2.1, 4.4.65, 3.10.40 and ZSphere 4.10.0 answer as running servers did, others as their source says.  It shares no
code with `zvol.zstack`, so that the two cannot share a mistake about the server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from zvol.sandbox.switches import Switches

if TYPE_CHECKING:
    from zvol.sandbox.server import Server

__all__ = ["Cloud", "Switches", "advance", "embedded", "reset", "serve", "served_at"]


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running sandbox: `host` as for ZVOL_HOST, `session` of its admin."""

    host: str
    session: str


@contextmanager
def embedded(
    directory: Path,
    switches: Switches = Switches(),  # noqa: B008  (frozen)
    *,
    ledger: Path | None = None,
    extra: int = 0,
    server_class: type[Server] | None = None,
) -> Iterator[Cloud]:
    """Run a sandbox inside this process while the context lasts; `extra` only has an effect in a new directory."""
    from zvol.sandbox.server import Server

    server = (server_class or Server)(directory, switches, ledger=ledger, extra=extra)
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
    extra: int = 0,
    server_class: type[Server] | None = None,
) -> None:
    """Serve until a signal raises; first prints two lines that a shell can source.

    With `extra` the cloud is made new, with that number of additional deleted volumes.
    """
    from zvol.sandbox import addresses
    from zvol.sandbox.server import Server

    if extra:
        reset(directory, extra)
    server = (server_class or Server)(directory, switches, port=port, ledger=ledger)
    addresses.record(directory, server.listener.server_port, switches.context)
    server.start()
    try:
        out.write(f"export ZVOL_HOST={server.host}\nexport ZVOL_SESSION={server.session}\n")
        out.flush()
        while True:
            time.sleep(1.0)
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


def reset(directory: Path, extra: int = 0, *, night: bool = False) -> None:
    """Reset the cloud to its first state with recent deletions, and add `extra` deleted volumes.

    With `night` there are also the 40 volumes that a script deleted 8 hours ago.
    """
    from zvol.sandbox.server import make_new

    make_new(directory, extra, night=night)


def served_at(directory: Path) -> list[str]:
    """Return the base URLs at which the sandbox of a directory has ever been served."""
    from zvol.sandbox.addresses import known

    return known(directory)


def advance(directory: Path, seconds: float) -> None:
    """Set the clock of all servers of a directory to this offset in seconds from the real one."""
    from zvol.sandbox.server import move_clock

    move_clock(directory, seconds)
