"""The standard streams: they encode every character, redact secrets, and raise OSError when they are closed."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from zvol.secrets import redact_output


class Closed(io.TextIOBase):
    """Stands in for a closed standard stream: writing to it raises OSError."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


class Redacting(io.TextIOWrapper):
    """Redacts the secrets of this process in every text, also in those of libraries and of the server."""

    def write(self, text: str) -> int:
        super().write(redact_output(text))
        return len(text)


class BestEffort(Redacting):
    """stderr: drops a message that cannot be written, so that the run and its exit code stay the same."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def prepare() -> None:
    """Replace stdout and stderr with these streams."""
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (for as long as the process lives)
    for name, kind in (("stdout", Redacting), ("stderr", BestEffort)):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            encoding, by_line, at_once = stream.encoding, stream.line_buffering, stream.write_through
            redacting = kind(stream.detach(), encoding, "backslashreplace", None, by_line, at_once)
            setattr(sys, name, redacting)
            setattr(sys, f"__{name}__", redacting)  # the old one is detached, and libraries such as rich use it


def write_message(text: str, prefix: str = "zvol: ") -> None:
    """Write a message to stderr."""
    sys.stderr.write(f"{prefix}{text}\n")
    sys.stderr.flush()


def write_error(text: str, prefix: str = "zvol: ") -> None:
    """Write an error to stderr, without a printer."""
    from zvol.render.prose import message
    from zvol.render.terminal import error_mark, message_width

    width = message_width(sys.stderr, os.environ)
    sys.stderr.writelines(message(text.split("\n"), prefix, width, error_mark(sys.stderr, os.environ)))
    sys.stderr.flush()


def silence() -> None:
    """Discard what is still buffered: flushing it when the interpreter ends would fail again, with a traceback."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
