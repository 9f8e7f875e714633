"""Signals: the first starts an orderly end, and the exit code tells which one it was."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

CAUGHT: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal outside of `graceful` and `delayed`, or the third signal."""


class Signals:
    """The signal handlers; `first` is the first signal, `count` the number during `graceful` or `delayed`."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.count = 0
        self._stop: Callable[[], None] | None = None

    def install(self) -> None:
        for number in CAUGHT:
            if signal.getsignal(number) is not signal.SIG_IGN:  # keep it ignored under nohup
                signal.signal(number, self._caught)

    def uninstall(self) -> None:
        """Restore the default handlers, because nothing catches Interrupted while the interpreter ends."""
        for number in CAUGHT:
            if signal.getsignal(number) == self._caught:
                signal.signal(number, signal.SIG_DFL)

    @property
    def exit_code(self) -> int:
        """Return the exit code for a process that a signal ended."""
        assert self.first is not None
        return 128 + self.first

    @contextmanager
    def graceful(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` on a signal instead of ending the process; the third signal ends it anyway."""
        self._stop, self.count = stop, 0
        try:
            yield
        finally:
            self._stop = None

    @contextmanager
    def delayed(self) -> Iterator[None]:
        """Delay signals until the block ends; the third signal ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        outer, waiting = self._stop, list[None]()
        self._stop = lambda: waiting.append(None)
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
