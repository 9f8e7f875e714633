"""Locks that show which runs are alive: each holds a kernel lock (flock) on its own small file until its process ends.

Unlike a process id, the lock is released by a kill, a crash and a reboot, and cannot be reused by another process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Container
from pathlib import Path
from typing import Final

from zvol.errors import LocalState
from zvol.files import open_private

ELSEWHERE: Final = "Set XDG_STATE_HOME to a folder on a local file system of your own."


class Locks:
    """The lock files of a folder; with `writable` False it cannot be written, so no process holds a lock there."""

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self._folder = folder
        self._writable = writable
        self._held: dict[str, int] = {}

    def prepare(self) -> None:
        """Create the folder; raises OSError."""
        if self._writable:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self, run: str) -> bool:
        """Hold the lock of a run until `release`; False when another process holds it."""
        if run not in self._held:
            fd = self._lock(run, os.O_RDWR | os.O_CREAT)
            if fd is None:
                return False
            self._held[run] = fd
        return True

    def alive(self, run: str) -> bool:
        """Tell whether a process holds the lock of a run, this one included; the file of a dead run is removed.

        Call it in one process at a time: two processes that check would each see the other's lock.
        """
        if run in self._held:
            return True
        try:
            fd = self._lock(run, os.O_RDWR if self._writable else os.O_RDONLY)
        except FileNotFoundError:
            return False
        if fd is not None:
            self._remove(run, fd)
        return fd is None

    def mark(self, run: str) -> None:
        """Record in the lock file of a run of this process that the journal has the run."""
        with contextlib.suppress(OSError):  # no space left: then only the journal records this
            os.pwrite(self._held[run], b"1", 0)

    def lost(self, known: Container[str]) -> list[str]:
        """Return the runs that were in a journal and are not in `known`; the lock files of dead runs are removed."""
        lost = []
        for file in sorted(self._folder.iterdir()):
            name = file.name
            if name not in self._held and name not in known and file.stat(follow_symlinks=False).st_size:
                lost.append(name)
                self.alive(name)
        return lost

    def others(self) -> list[str]:
        """Return the runs of other processes that are alive."""
        names = sorted(file.name for file in self._folder.iterdir()) if self._folder.is_dir() else []
        return [name for name in names if name not in self._held and self.alive(name)]

    def release(self, run: str) -> None:
        fd = self._held.pop(run, None)
        if fd is not None:
            self._remove(run, fd)

    def release_all(self) -> None:
        for run in list(self._held):
            self.release(run)

    def _remove(self, run: str, fd: int) -> None:
        """Remove the file while it is still locked, so that no process can lock it in between."""
        with contextlib.suppress(OSError):
            (self._folder / run).unlink()
        os.close(fd)

    def _lock(self, run: str, flags: int) -> int | None:
        """Open and lock the file of a run; None when another process holds it, FileNotFoundError when there is none."""
        path = self._folder / run
        while True:
            fd = open_private(path, flags)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_same_file(path, fd):
                    return fd
            except BlockingIOError:
                os.close(fd)
                return None
            except OSError as exc:
                os.close(fd)
                raise LocalState(f"cannot lock {path}: {exc.strerror}", hint=ELSEWHERE) from exc
            os.close(fd)  # its holder removed it between our open and our lock: such a lock excludes no other process


def _is_same_file(path: Path, fd: int) -> bool:
    """Tell whether the open file is still the one at this path."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False
