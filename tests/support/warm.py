"""zvol from a warm interpreter: one process has imported everything, and forks a child for each run.

A child is a process like any other, with signals, files and sockets of its own, only without the time that it takes to
start Python.  What is about that start, or about the standard streams themselves, is tested with real starts.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.process import ZVOL, Ran
from tests.support.process import run as started

FAST = "tests.support.fast"
ROOT = Path(__file__).parents[2]


class Child:
    """A running child, as its asker sees it; `stdout` is there when it was asked for."""

    def __init__(self, link: socket.socket, stdout: IO[str] | None) -> None:
        self.stdout = stdout
        self._link = link.makefile("r")
        link.close()
        self.pid = int(self._link.readline())
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout: float = 60) -> int:
        """Return the exit code, negative for a signal; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._link], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("zvol", timeout)
            self.returncode = int(self._link.readline())
            self._link.close()
        return self.returncode


def run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: str = "",
    timeout: float = 60,
    command: Sequence[str] = ZVOL,
) -> Ran:
    """Run zvol to its end, as tests.support.process.run does; a command that is not zvol's own is started."""
    if command != ZVOL and FAST not in command:
        return started(arguments, env, stdin=stdin, timeout=timeout, command=command)
    with tempfile.TemporaryFile() as into, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        into.write(stdin.encode())
        into.seek(0)
        rate = float(command[-1]) if FAST in command else None
        child = _fork(arguments, env, (into.fileno(), out.fileno(), err.fileno()), rate)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            raise
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    assert "Traceback" not in texts[1], texts[1]
    return Ran(child.wait(), *texts)


def spawn(arguments: Sequence[str], env: Mapping[str, str], module: str = "zvol.cli") -> Child:
    """Start the `main` of a module and return at once; its stdout is a pipe."""
    read, write = os.pipe()
    with open(os.devnull) as nothing:
        child = _fork(arguments, env, (nothing.fileno(), write, 2), None, module)
    os.close(write)
    child.stdout = os.fdopen(read)
    return child


def _fork(
    arguments: Sequence[str],
    env: Mapping[str, str],
    streams: tuple[int, int, int],
    rate: float | None,
    module: str = "zvol.cli",
) -> Child:
    link = socket.socket(socket.AF_UNIX)
    link.connect(_parent(os.getpid()))
    asked = {"arguments": list(arguments), "env": dict(env), "rate": rate, "folder": os.getcwd(), "module": module}
    socket.send_fds(link, [b"x"], list(streams))
    link.sendall(json.dumps(asked).encode())
    link.shutdown(socket.SHUT_WR)
    return Child(link, None)


@cache
def _parent(_pid: int) -> str:
    """Start the warm process of this one; it ends with it."""
    path = tempfile.mktemp(prefix="zvol-warm-")
    warm = subprocess.Popen([sys.executable, "-m", __name__, path], stdin=subprocess.PIPE, cwd=ROOT)
    atexit.register(lambda: warm.communicate(timeout=10))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.path.exists(path):
            return path
        time.sleep(0.01)
    raise AssertionError("the warm interpreter does not start")


# ---- the warm process --------------------------------------------------------------------------------------------
def serve(path: str) -> None:
    import requests  # noqa: F401
    import yaml  # noqa: F401

    import zvol

    for module in pkgutil.walk_packages(zvol.__path__, "zvol."):
        if not module.name.startswith("zvol.__"):
            importlib.import_module(module.name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, reap)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(64)
    os.rename(path + ".new", path)
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            os._exit(keep(link))
        link.close()
    os.unlink(path)


def reap(_number: int, _frame: object) -> None:
    """Take the children that ended off the list, and their CPU time on ours."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def keep(link: socket.socket) -> int:
    """Fork zvol, tell its process id and then how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(link, 1, 3)
    asked = json.loads(link.makefile("rb").read())
    pid = os.fork()
    if pid == 0:
        link.close()
        os._exit(be_zvol(asked, streams))
    for stream in streams:
        os.close(stream)
    link.sendall(b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        link.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    return 0


def be_zvol(asked: Mapping[str, Any], streams: Sequence[int]) -> int:
    """Run the main of a module with these standard streams; returns the exit code."""
    from tests.support.fast import FastClock

    main = importlib.import_module(asked["module"]).main
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["folder"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    try:
        main(asked["arguments"], **({} if asked["rate"] is None else {"clock": FastClock(asked["rate"])}))
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 70
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve(sys.argv[1])
