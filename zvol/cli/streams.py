"""The standard streams: no character is too much for them, a closed one says so, and no secret passes."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from zvol.text import masked


class Closed(io.TextIOBase):
    """Stands in for a standard stream that is closed: whoever writes to it is told."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


class Masking(io.TextIOWrapper):
    """Masks the secrets of this process, whoever quotes them: zvol, a library, or a server that sends them back."""

    def write(self, text: str) -> int:
        super().write(masked(text))
        return len(text)


def prepare() -> None:
    """Put such streams in the place of stdout and stderr."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Closed())
        elif type(stream) is io.TextIOWrapper:
            encoding, by_line = stream.encoding, stream.line_buffering
            masking = Masking(stream.detach(), encoding=encoding, errors="backslashreplace", line_buffering=by_line)
            setattr(sys, name, masking)
            setattr(sys, f"__{name}__", masking)  # the old one is detached, and shutil asks it for the terminal's size


def complain(text: str) -> None:
    """Say something on stderr; when nobody can hear it, nothing happens."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"zvol: {text}\n")
        sys.stderr.flush()


def silence() -> None:
    """Let the interpreter's own flush at its end go nowhere: what failed once would fail again, with a traceback."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
