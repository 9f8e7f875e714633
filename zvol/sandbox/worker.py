"""Jobs: accepted now, checked and executed a little later, and gone with the process that accepted them."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO


class Ledger:
    """One JSON line for everything that happens to a recovery: the only truth that tests believe."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = path.open("a", encoding="utf-8") if path else None
        self._lock = threading.Lock()
        self._number = itertools.count(1)

    def write(self, event: str, job: str, volume: str) -> None:
        if self._file is None:
            return
        with self._lock:
            line = {"seq": next(self._number), "time": time.time(), "event": event, "job": job, "volume": volume}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Worker:
    """One thread that does what is due; so jobs of one volume never overlap."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="sandbox-worker")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Forget what is not done yet: it dies with the process."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def later(self, seconds: float, work: Callable[[], Any]) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ended and (not self._due or self._due[0][0] > time.monotonic()):
                    pause = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(None if pause is None else max(0.0, pause))
                if self._ended:
                    return
                _, _, work = heapq.heappop(self._due)
            work()
