"""Real shells on a terminal, and what zvol answers to them."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.warm import ROOT, run

INTERACTIVE = {"bash": ["--noprofile", "-i"], "zsh": ["-d", "-i"]}
SLOW = (sys.executable, "-m", "tests.support.fast", "0.02")
"""zvol on a slow clock: on a busy machine a second is too short for its answers."""
STUB = '#!/bin/sh\necho noise >&2\necho "$COMP_LINE" >> "$HOME/asked"\ncat "$HOME/answer"\nexit 3\n'


def needs(shell: str) -> str:
    """Return the path of a shell; skips the test without it."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def candidates(line: str, env: Mapping[str, str], command: Sequence[str] = SLOW) -> list[tuple[str, str, str]]:
    """Return the kind, value and description of each candidate for the end of a line; nothing may go wrong visibly."""
    ran = run([], {**env, "COMP_LINE": line, "_ZVOL_COMPLETE": "bash_complete"}, command=command)
    assert (ran.code, ran.err) == (0, ""), ran
    return [tuple(text.split("\t")) for text in ran.out.splitlines() if text]  # type: ignore[misc]


def values(line: str, env: Mapping[str, str]) -> list[str]:
    return [value for _, value, _ in candidates(line, env)]


def stub(home: Path, answer: str) -> None:
    """Put a zvol that answers this to each question into `home/bin`; it also complains and fails."""
    _install(home, STUB)
    (home / "answer").write_text(answer)


def real(home: Path) -> None:
    """Put zvol on a slow clock into `home/bin`."""
    _install(home, f'#!/bin/sh\nPYTHONPATH={ROOT} exec {shlex.join(SLOW)} "$@"\n')


def _install(home: Path, script: str) -> None:
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / "zvol").write_text(script)
    (home / "bin" / "zvol").chmod(0o755)


class Terminal:
    """An interactive shell."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def type(self, text: str, expected: str) -> str:
        """Type something, wait until the terminal shows what is expected, and return all that it showed."""
        os.write(self._fd, text.encode())
        shown, until = "", time.monotonic() + 60
        while time.monotonic() < until and expected not in _joined(shown):
            if select.select([self._fd], [], [], 0.1)[0]:
                shown += os.read(self._fd, 65536).decode(errors="replace")
        assert expected in _joined(shown), shown
        return shown

    def ready(self, setup: str = "") -> None:
        """Wait for the shell, after a command that sets something up."""
        self.type(f"{setup}; echo re''ady\n" if setup else "echo re''ady\n", "ready")

    def completes(self, text: str, to: str) -> str:
        """Type a line and a tab, and wait for the line that it becomes; the line is thrown away at the next one."""
        return self.type(f"\x15{text}\t", to)


def _joined(shown: str) -> str:
    return shown.replace("\r", "").replace("\n", "").replace("\x07", "")


@contextmanager
def on_terminal(shell: str, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Start an interactive shell in its home, and end it."""
    path = needs(shell)
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover
        os.chdir(env["HOME"])
        os.execve(path, [shell, *INTERACTIVE[shell]], {**env, "TERM": "dumb", "PS1": "> "})
    try:
        yield Terminal(fd)
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
