"""The standard streams: they encode every character, redact secrets, and raise OSError when closed."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from zvol.secrets import redact_output


class Closed(io.TextIOBase):
    """A stand-in for a closed standard stream, which raises OSError on each write."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


class Redacting(io.TextIOWrapper):
    """Redacts the secrets of this process in all text, including that of libraries and the server."""

    def write(self, text: str) -> int:
        super().write(redact_output(text))
        return len(text)


class BestEffort(Redacting):
    """stderr: drops a message that cannot be written, so that the run continues and its exit code is unchanged."""

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
            setattr(sys, f"__{name}__", redacting)  # libraries such as rich use it, and the old one is detached


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
    """Discard buffered text: flushing it at the end of the interpreter would fail again, with a traceback."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
