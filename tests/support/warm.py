"""zvol from a warm interpreter: one process has imported everything, and forks children; see `warm_parent`.

A child is a process like any other, with signals, files and sockets of its own, only without the time that it takes to
start Python.  What is about that start, or about the standard streams themselves, is tested with real starts.  A child
of `start` has one run; one of `run` is given another if nothing in it is left of the last.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
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

from tests.support import warm_parent
from tests.support.process import ZVOL, Ran
from tests.support.process import run as started
from tests.support.warm_parent import FORK, MODULES, REUSE

REUSABLE = ("zvol", "tests.support.fast", "tests.support.jumping")
"""Those of MODULES that change nothing in their process, so that it can have another run after them."""

ROOT = Path(__file__).parents[2]


class Process:
    """A running child, for its parent: what a subprocess.Popen is, with the output in files unless it was given one."""

    def __init__(self, link: socket.socket, stdout: IO[str] | None, files: Sequence[IO[bytes] | int | None]) -> None:
        self.stdout = stdout
        self._files = files
        self._link = link.makefile("r")
        link.close()
        self.pid = int(self._link.readline())
        self._code: int | None = None

    @property
    def returncode(self) -> int:
        return self.wait()

    def send_signal(self, number: int) -> None:
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = 60) -> int:
        """Return the exit code, negative for a signal; raises subprocess.TimeoutExpired."""
        if self._code is None:
            if not select.select([self._link], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("zvol", timeout)
            self._code = int(self._link.readline())
            self._link.close()
        return self._code

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for the end and return what was written to stdout and stderr, as far as it was not given a file."""
        self.wait(timeout)
        texts = ["", ""]
        for number, file in enumerate(self._files):
            if file is not None and not isinstance(file, int):
                with file:
                    file.seek(0)
                    texts[number] = file.read().decode()
        return texts[0], texts[1]


def can_fork(command: Sequence[str]) -> bool:
    """Tell whether a command is the start of one of MODULES."""
    return tuple(command[:2]) == ZVOL[:2] and command[2] in MODULES


def run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: str = "",
    timeout: float = 60,
    command: Sequence[str] = ZVOL,
) -> Ran:
    """Run zvol to its end, as tests.support.process.run does; a command that cannot be forked is started."""
    if not can_fork(command):
        return started(arguments, env, stdin=stdin, timeout=timeout, command=command)
    process = start(arguments, env, stdin=stdin, command=command, reuse=command[2] in REUSABLE)
    try:
        out, err = process.communicate(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    assert "Traceback" not in err, err
    return Ran(process.returncode, out, err)


def start(
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: str = "",
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
    command: Sequence[str] = ZVOL,
    reuse: bool = False,
) -> Process:
    """Start zvol, or another of MODULES, and return at once; a stream is a file, a descriptor, or kept for communicate.

    With `subprocess.PIPE` as its stdout, that can be read while it runs.  With `reuse`, its process may have had runs
    before, and may have others after it.
    """
    assert can_fork(command), command
    module, *first = command[2:]
    pipe = os.pipe() if stdout == subprocess.PIPE else None
    out = pipe[1] if pipe else tempfile.TemporaryFile() if stdout is None else stdout  # noqa: SIM115
    err = tempfile.TemporaryFile() if stderr is None else stderr  # noqa: SIM115
    with tempfile.TemporaryFile() as into:
        into.write(stdin.encode(errors="surrogateescape"))
        into.seek(0)
        link = fork(
            module,
            [*first, *arguments],
            env,
            [one if isinstance(one, int) else one.fileno() for one in (into, out, err)],
            reuse=reuse,
        )
    if pipe is not None:
        os.close(pipe[1])
    files = [None if given is not None else made for given, made in ((stdout, out), (stderr, err))]
    return Process(link, os.fdopen(pipe[0]) if pipe else None, files)


def start_on(
    terminal: int, arguments: Sequence[str], env: Mapping[str, str], *, command: Sequence[str] = ZVOL
) -> Process:
    """Start zvol with all its streams on a terminal, which controls it; closes the descriptor here."""
    link = fork(command[2], [*command[3:], *arguments], env, [terminal] * 3, terminal=True)
    os.close(terminal)
    return Process(link, None, ())


def fork(
    module: str,
    arguments: Sequence[str],
    env: Mapping[str, str],
    streams: Sequence[int],
    *,
    terminal: bool = False,
    reuse: bool = False,
) -> socket.socket:
    """Fork a child with these standard streams; returns the socket that its process id and exit code come from.

    It has the working directory and the umask of this process.  With `terminal`, the first stream is the terminal that
    controls it.
    """
    link = socket.socket(socket.AF_UNIX)
    link.connect(warm_process(os.getpid()))
    os.umask(umask := os.umask(0o077))
    asked = {"module": module, "arguments": list(arguments), "env": dict(env), "terminal": terminal}
    socket.send_fds(link, [REUSE if reuse else FORK], list(streams))
    link.sendall(json.dumps(asked | {"folder": os.getcwd(), "umask": umask}).encode())
    link.shutdown(socket.SHUT_WR)
    return link


@cache
def warm_process(_pid: int) -> str:
    """Start the warm process of this one; it ends with it."""
    path = tempfile.mktemp(prefix="zvol-warm-")
    warm = subprocess.Popen([sys.executable, "-m", warm_parent.__name__, path], stdin=subprocess.PIPE, cwd=ROOT)
    atexit.register(lambda: warm.communicate(timeout=60))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.path.exists(path):
            return path
        time.sleep(0.01)
    raise AssertionError("the warm interpreter does not start")
