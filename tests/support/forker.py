"""Runs zvol from a warm interpreter: a process that has imported everything forks a child for each run.

The child is a process like any other (its own signals, files and sockets), only without the 200 ms of starting Python.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.support.process import Ran


class Forker:
    """The parent's side: one run at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "tests.support.forker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def close(self) -> None:
        self.process.communicate(timeout=10)

    def run(self, arguments: Sequence[str], env: Mapping[str, str], *, rate: float, timeout: float = 60) -> Ran:
        """Run zvol to its end on a clock that is `rate` times faster; kill it and fail after `timeout` real seconds."""
        out, err = self.folder / "out", self.folder / "err"
        asked = {"arguments": list(arguments), "env": dict(env), "rate": rate, "out": str(out), "err": str(err)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()
        pid, code = self._read(10), self._read(timeout)
        if code is None:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            self._read(10)
        said, words = out.read_text(), err.read_text()
        assert code is not None, f"it did not end in {timeout} s: {said} {words}"
        assert "Traceback" not in words, words
        return Ran(code, said, words)

    def _read(self, timeout: float) -> int | None:
        source = self.process.stdout
        assert source is not None
        if not select.select([source], [], [], timeout)[0]:
            return None
        return int(source.readline())


def child(asked: Mapping[str, Any]) -> int:
    """Be zvol; returns the exit code."""
    from tests.support.fast import FastClock
    from zvol.cli import main

    os.setsid()
    os.environ.clear()
    os.environ.update(asked["env"])
    for number, name in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, flags, 0o600), number)
    try:
        main(asked["arguments"], clock=FastClock(asked["rate"]))
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        return int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 70


def serve(asks: IO[bytes], tells: int) -> None:
    import requests  # noqa: F401
    import yaml  # noqa: F401

    import tests.support.fast  # noqa: F401
    import zvol

    for module in pkgutil.walk_packages(zvol.__path__, "zvol."):
        if not module.name.startswith("zvol.__"):
            importlib.import_module(module.name)
    for line in asks:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(child(asked))
        os.write(tells, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(tells, b"%d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve(sys.stdin.buffer, os.dup(1))
