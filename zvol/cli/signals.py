"""Signals: the first asks for an orderly end, and the exit code says which one it was."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

CAUGHT: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal came where nothing needs an orderly end."""


class Signals:
    """The handlers of this process; `first` is the first signal that came, `count` how many came in `graceful`."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.count = 0
        self._stop: Callable[[], None] | None = None
        self._count = 0

    def install(self) -> None:
        for number in CAUGHT:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP, and that is to stay so
                signal.signal(number, self._caught)

    def uninstall(self) -> None:
        """Let a signal end the process as it always does: at the interpreter's own end nobody catches Interrupted."""
        for number in CAUGHT:
            if signal.getsignal(number) == self._caught:
                signal.signal(number, signal.SIG_DFL)

    @property
    def exit_code(self) -> int:
        """Return the exit code of a process that a signal ended."""
        assert self.first is not None
        return 128 + self.first

    @contextmanager
    def graceful(self, stop: Callable[[], None]) -> Iterator[None]:
        """While inside, a signal calls `stop` instead of ending the process; the third ends it all the same."""
        self._stop, self.count = stop, 0
        try:
            yield
        finally:
            self._stop = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """While inside, the main thread's work is not torn: a signal counts at its end (the third at once)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        outer, waiting = self._stop, list[None]()
        self._stop = lambda: waiting.append(None)
        self._count = self._count if outer else 0
        try:
            yield
        finally:
            self._stop = outer
            if waiting and outer is not None:
                outer()
        if waiting and outer is None:
            raise Interrupted

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        if self.first is None:
            self.first = number
        if self._stop is None:
            raise Interrupted
        self.count += 1
        if self.count > 2:
            raise Interrupted
        self._stop()
