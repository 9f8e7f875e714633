"""zvol on a real terminal: a pty of a given size, a screen, and what was written to it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyte

from tests.support.process import ZVOL
from tests.support.warm import start_on

ROWS = 400
COLOURS = re.compile(rb"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Shown:
    """How a run on a terminal of a given width ended, and every byte that it wrote."""

    code: int
    raw: bytes
    columns: int

    @property
    def text(self) -> str:
        """Return what was written, without colours."""
        return COLOURS.sub(b"", self.raw).decode()

    @cached_property
    def screen(self) -> pyte.Screen:
        """Return the screen at the end."""
        display = pyte.Screen(self.columns, ROWS)
        pyte.ByteStream(display).feed(self.raw)
        return display

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


def _data(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""


def on_terminal(
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    columns: int = 400,
    rows: int = ROWS,
    question: bytes = b"[y/N]",
    reply: str = "",
    replies: Sequence[tuple[bytes, str]] = (),
    meanwhile: Callable[[], None] = lambda: None,
    command: Sequence[str] = ZVOL,
) -> Shown:
    """Run zvol with all its streams on a terminal; answers `question` with `reply`, or one by one with `replies`.

    `meanwhile` is what somebody else does before each answer.
    """
    fd, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = start_on(terminal, arguments, env, command=command)
    raw, read, interrupted = b"", 0, False
    waiting = [*([(question, reply)] if reply else []), *replies]
    while True:
        ready, _, _ = select.select([fd], [], [], 2 if interrupted else 60)
        if interrupted and not ready:  # a signal that comes just before a read begins is noticed by the next one only
            os.write(fd, b"\x03")
            continue
        data = _data(fd) if ready else b""
        if not data:
            break
        raw += data
        if waiting and waiting[0][0] in raw[read:]:
            read = len(raw)
            typed = waiting.pop(0)[1]
            interrupted = typed == "\x03"
            meanwhile()
            os.write(fd, typed.encode(errors="surrogateescape"))
    os.close(fd)
    return Shown(process.wait(), raw, columns)
