"""zvol with a moment to die at: `python -m tests.support.shim RATE PLAN ARGUMENTS...`.

The same program in a real process, with its real sockets and its real journal; what is wrapped is only counted.  PLAN
is `KIND:NUMBER:WHEN:SIGNAL` (the signal comes before or after the NUMBER-th commit, lock, send or recv), or
`count:FILE` (write how many there were).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tests.support.fast import started

KINDS = ("commit", "lock", "send", "recv")


class Points:
    """Counts what happens, and kills the process at the planned one."""

    def __init__(self, plan: str) -> None:
        self.kind, *rest = plan.split(":")
        self.number, self.when, self.signal = 0, "", signal.SIGKILL
        if self.kind in KINDS:
            self.number, self.when, self.signal = int(rest[0]), rest[1], signal.Signals[rest[2]]
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def around(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self.counts[kind] += 1
                here = kind == self.kind and self.counts[kind] == self.number
            if here and self.when == "before":
                os.kill(os.getpid(), self.signal)
            try:
                return call(*arguments, **named)
            finally:
                if here and self.when == "after":
                    os.kill(os.getpid(), self.signal)

        return counted


def wrap(points: Points) -> None:
    """Put the points around commits, locks and what goes over sockets."""
    for name, kind in (("sendall", "send"), ("send", "send"), ("recv", "recv"), ("recv_into", "recv")):
        setattr(socket.socket, name, points.around(kind, getattr(socket.socket, name)))
    fcntl.flock = points.around("lock", fcntl.flock)

    class Counted(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> Any:
            call = super().execute
            return (points.around("commit", call) if sql == "COMMIT" else call)(sql, *arguments)

    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **named: connect(*arguments, factory=Counted, **named)  # type: ignore[assignment]


def main(arguments: Sequence[str]) -> NoReturn:
    from zvol import cli

    speed, plan, *rest = arguments
    made = Points(plan)
    wrap(made)
    try:
        with started(speed) as clock:
            cli.main(rest, clock=clock)
    finally:
        if made.kind == "count":
            Path(plan.partition(":")[2]).write_text(json.dumps(made.counts))


if __name__ == "__main__":
    main(sys.argv[1:])
