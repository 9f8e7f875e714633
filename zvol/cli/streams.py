"""The standard streams: no character is too much for them, a closed one says so, and no secret passes."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from zvol.secrets import redact


class Closed(io.TextIOBase):
    """Stands in for a standard stream that is closed: whoever writes to it is told."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


class Masking(io.TextIOWrapper):
    """Masks the secrets of this process, whoever quotes them: zvol, a library, or a server that sends them back."""

    def write(self, text: str) -> int:
        super().write(redact(text))
        return len(text)


class Mute(Masking):
    """stderr: where nobody hears, nothing is said, and nothing is decided by that."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def prepare() -> None:
    """Put such streams in the place of stdout and stderr."""
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (for as long as the process lives)
    for name, kind in (("stdout", Masking), ("stderr", Mute)):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            encoding, by_line, at_once = stream.encoding, stream.line_buffering, stream.write_through
            masking = kind(stream.detach(), encoding, "backslashreplace", None, by_line, at_once)
            setattr(sys, name, masking)
            setattr(sys, f"__{name}__", masking)  # the old one is detached, and shutil asks it for the terminal's size


def write_error(text: str, mark: str = "zvol: ") -> None:
    """Say something on stderr."""
    sys.stderr.write(f"{mark}{text}\n")
    sys.stderr.flush()


def silence() -> None:
    """Let the interpreter's own flush at its end go nowhere: what failed once would fail again, with a traceback."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
