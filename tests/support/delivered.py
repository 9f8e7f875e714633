"""zvol as a shell script leaves it: with its variables, its open descriptors, and its mounts.

It is for tests.support.warm: the script runs in a bash of its own, but zvol is forked, which a bash cannot do.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

DELIVERED: Final = (sys.executable, "-m", __name__)
MOUNTS: Final = "mounts"

_NEW_MOUNTS, _NEW_USER, _PRIVATE = 0x20000, 0x10000000, 0x44000
"""CLONE_NEWNS, CLONE_NEWUSER, MS_REC | MS_PRIVATE."""
_HIGH: Final = 200
"""Beyond the descriptors that a script uses."""
_WAIT: Final = '\n{ env -0; printf "\\0"; } >&%d; kill -STOP $$'


def main(arguments: Sequence[str]) -> None:
    """Run the script that is the second argument, then zvol with the others; the first may be MOUNTS."""
    mounts, script, *more = arguments
    if mounts == MOUNTS:
        be_root_of_mounts()
    take_over(script)
    importlib.import_module("zvol.cli").main(more)


def be_root_of_mounts() -> None:
    """Become root of a mount namespace, as `unshare --map-root-user --mount` does it for any user."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS | _NEW_USER):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)
    if libc.mount(b"none", b"/", None, _PRIVATE, None):
        raise OSError(ctypes.get_errno(), "mount")


def take_over(script: str) -> None:
    """Run a script, and take the variables and descriptors that it ends with."""
    source, into = os.pipe()
    into = _move(into)
    bash = subprocess.Popen(["bash", "-c", script + _WAIT % into], pass_fds=[into])
    os.close(into)
    text = b""
    while not text.endswith(b"\0\0"):
        more = os.read(source, 65536)
        assert more, "the script failed"
        text += more
    os.close(source)
    os.waitpid(bash.pid, os.WUNTRACED)
    _take_descriptors(bash.pid, into)
    bash.send_signal(signal.SIGKILL)
    bash.wait()
    os.environb.clear()
    os.environb.update(one.partition(b"=")[::2] for one in text[:-2].split(b"\0"))


def _take_descriptors(pid: int, but: int) -> None:
    """Open what another process passes on to its children, under the same numbers; a closed stdin is closed here."""
    found = {}
    for number in sorted(int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()):
        if number in (1, 2, but) or _closed_on_exec(pid, number):
            continue
        with suppress(OSError):
            found[number] = _move(os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY))
    if 0 not in found:
        os.close(0)
        sys.stdin = None
    for number, fd in found.items():
        os.dup2(fd, number)
        os.close(fd)


def _closed_on_exec(pid: int, number: int) -> bool:
    info = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
    flags = next(line.split()[1] for line in info.splitlines() if line.startswith("flags:"))
    return bool(int(flags, 8) & os.O_CLOEXEC)


def _move(fd: int) -> int:
    """Give a descriptor a high number."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(fd)
    return moved
