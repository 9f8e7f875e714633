"""Reads inherited descriptors, such as those of `<(pass ...)`, and named pipes."""

from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path
from typing import Final

READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/(?:self|thread-self))/fd/([0-9]{1,7})")
_read: dict[Path, bytes] = {}
"""The content of pipes; a second reader in this process would find them empty."""


def descriptor(path: Path) -> int | None:
    """Return the number of the descriptor for a path such as /dev/fd/63, None for any other path."""
    text = os.fspath(path)
    if text == "/dev/stdin":
        return 0
    found = _DESCRIPTOR.fullmatch(text)
    return int(found[1]) if found else None


def inherited(number: int) -> int:
    """Return a copy of an inherited descriptor; raises OSError for any other."""
    try:
        if os.get_inheritable(number):  # descriptors that zvol opens are not
            return os.dup(number)
    except OSError:
        pass
    raise OSError(errno.EBADF, "it is not open in this process (sudo passes only stdin on: use /dev/stdin)")


def read_pipe(path: Path, fd: int, limit: int, seconds: float, *, line: bool) -> bytes:
    """Return what a pipe holds until it is closed, at most one byte over the limit; with `line`, only its first line.

    Raises TimeoutError if that takes longer than `seconds`.
    """
    if path in _read:
        return _read[path]
    import select

    poll, end, data = select.poll(), time.monotonic() + seconds, b""
    poll.register(fd, select.POLLIN)
    while len(data) <= limit and not (line and b"\n" in data):
        left = end - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError(errno.ETIMEDOUT, f"nothing more came within {seconds:g} s")
        more = os.read(fd, limit + 1 - len(data))
        if not more:
            break
        data += more
    _read[path] = data
    return data


def read_start(fd: int, count: int) -> bytes:
    """Return at most `count` bytes from the start of a regular file, whatever the offset of its descriptor."""
    data = b""
    while more := os.pread(fd, count - len(data), len(data)):
        data += more
    return data
