"""Records where the sandbox of a directory was served; a reset closes what clients recorded for these addresses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

NAMES: Final = ("127.0.0.1", "localhost")
"""The names by which a client may call the loopback interface."""


def record(directory: Path, port: int, context: str) -> None:
    """Record that the sandbox is served at a port; raises OSError."""
    new = [f"http://{name}:{port}{context}" for name in NAMES]
    missing = [address for address in new if address not in known(directory)]
    if missing:
        fd = os.open(_file(directory), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, "".join(f"{address}\n" for address in missing).encode())
        finally:
            os.close(fd)


def known(directory: Path) -> list[str]:
    """Return the base URLs at which the sandbox of a directory has ever been served."""
    try:
        text = _file(directory).read_text(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line]


def _file(directory: Path) -> Path:
    return directory / "addresses"
