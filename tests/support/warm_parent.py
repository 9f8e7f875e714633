"""The warm process: it has imported everything, and forks a child for each run, or gives the run to one that has ended.

A child is given another run only while it is as it was after its fork: see `Traces`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

SUPPORT = ("delivered", "fast", "jumping", "shim", "skewed", "somebody", "sandbox_server")
MODULES = ("zvol", *(f"tests.support.{name}" for name in SUPPORT))
"""What can be forked instead of `python -m MODULE`; each has a `main` that takes the arguments."""

FORK, REUSE = b"f", b"r"
"""What a request begins with: whether a child that had another run before may be given it."""

CAUGHT: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass
class Child:
    """A child and the socket to it; `link` goes to the one whose run it has, None while it waits."""

    pid: int
    channel: socket.socket
    link: socket.socket | None


class Parent:
    """The warm process itself."""

    def __init__(self, path: str) -> None:
        self.children: list[Child] = []
        self.ended, self._woken = os.pipe()
        for end in (self.ended, self._woken):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path + ".new")
        self.listener.listen(64)
        os.rename(path + ".new", path)

    def serve(self) -> None:
        """Answer until stdin ends.  Who has ended is noted before a request is read, for the request may follow it."""
        while True:
            at = {child.channel: child for child in self.children}
            ready = select.select([self.ended, self.listener, sys.stdin, *at], [], [])[0]
            if sys.stdin in ready:
                return
            if self.ended in ready:
                os.read(self.ended, 4096)
                self._reap()
            waiting = [channel for channel in ready if channel in at]
            for channel in waiting:
                self._hear(at[channel])
            if self.listener in ready and not waiting:
                self._accept()

    def _reap(self) -> None:
        """Take the children that ended off the list, and their CPU time on ours."""
        for child in list(self.children):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                self.children.remove(child)
                self._answer(child, os.waitstatus_to_exitcode(status))
                child.channel.close()

    def _hear(self, child: Child) -> None:
        """Note that a child can have another run; nothing is said by one that has ended."""
        with contextlib.suppress(OSError):
            if said := child.channel.recv(16):
                self._answer(child, int(said))

    @staticmethod
    def _answer(child: Child, code: int) -> None:
        if child.link is not None:
            with contextlib.suppress(OSError), child.link:
                child.link.sendall(b"%d\n" % code)
            child.link = None

    def _accept(self) -> None:
        link, _ = self.listener.accept()
        kind, streams, _, _ = socket.recv_fds(link, 1, 3)
        idle = next((child for child in self.children if child.link is None), None) if kind == REUSE else None
        if idle is not None:
            idle.link = link
            link.sendall(b"%d\n" % idle.pid)
            try:
                socket.send_fds(idle.channel, [b"x"], [link.fileno(), *streams])
            except OSError:  # it was killed
                self._answer(idle, -signal.SIGKILL)
        else:
            self._fork(link, streams, reused=kind == REUSE)
        for stream in streams:
            os.close(stream)

    def _fork(self, link: socket.socket, streams: list[int], *, reused: bool) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for known in self.children:
                known.channel.close()
                if known.link is not None:
                    known.link.close()
            for number in (self.ended, self._woken):
                os.close(number)
            self.listener.close()
            ours.close()
            live(its if reused else None, link, streams)
        its.close()
        link.sendall(b"%d\n" % pid)
        self.children.append(Child(pid, ours, link))


# ---- a child -----------------------------------------------------------------------------------------------------
def live(channel: socket.socket | None, link: socket.socket, streams: Sequence[int]) -> NoReturn:
    """Run zvol, again and again as long as there is a channel and no run has left traces, and end."""
    traces = Traces((link.fileno(), *streams))
    while True:
        with link, link.makefile("rb") as asked:
            code = be_zvol(json.loads(asked.read()), streams)
        if channel is None or not traces.removed():
            os._exit(code)
        channel.sendall(b"%d" % code)
        _, given, _, _ = socket.recv_fds(channel, 1, 4)
        if not given:
            os._exit(0)
        link, streams = socket.socket(fileno=given[0]), given[1:]


class Traces:
    """What a run may leave in its process, and how it was before."""

    def __init__(self, passing: Iterable[int]) -> None:
        self._null = os.open(os.devnull, os.O_RDWR)
        self._open = _descriptors() - set(passing)
        zvol = [module for name, module in sys.modules.items() if name.partition(".")[0] == "zvol"]
        held = [value for module in zvol for value in vars(module).values() if type(value) in (dict, list, set)]
        self._held = [(value, value.copy()) for value in held]

    def removed(self) -> bool:
        """Take away what the last run has left; returns whether nothing is left."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # that of a terminal is for all its processes
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(0.5)
        streams = [weakref.ref(getattr(sys, name)) for name in ("stdin", "stdout", "stderr")]
        for name in ("stdin", "stdout", "stderr"):
            setattr(sys, name, None)
            setattr(sys, f"__{name}__", None)
        if any(stream() is not None for stream in streams) or _descriptors() != self._open:
            gc.collect()
        for number in range(3):
            os.dup2(self._null, number)
        for value, before in self._held:
            if value != before:
                value.clear()
                value.extend(before) if isinstance(value, list) else value.update(before)
        return (
            threading.active_count() == 1
            and not any(stream() is not None for stream in streams)
            and _descriptors() == self._open
        )


def _descriptors() -> set[int]:
    """Return the open descriptors, without that of the folder that lists them."""
    found = set()
    for number in map(int, os.listdir("/dev/fd")):
        with contextlib.suppress(OSError):
            os.fstat(number)
            found.add(number)
    return found


def be_zvol(asked: Mapping[str, Any], streams: Sequence[int]) -> int:
    """Be zvol with these standard streams; returns the exit code."""
    for caught in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["folder"])
    os.umask(asked["umask"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if asked["terminal"]:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    for name in ("stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))
    module = importlib.import_module("zvol.cli" if asked["module"] == "zvol" else asked["module"])
    code = 0
    try:
        module.main(asked["arguments"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 70
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main(path: str) -> None:
    """Import everything and serve until stdin ends."""
    import resource  # noqa: F401
    import zoneinfo  # noqa: F401

    import requests  # noqa: F401
    import rich.console
    import rich.progress
    import rich.table  # noqa: F401
    import yaml  # noqa: F401

    import zvol

    for name in (*(module.name for module in pkgutil.walk_packages(zvol.__path__, "zvol.")), *MODULES):
        if not name.startswith("zvol.__"):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would write to every object, and copy all memory
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Parent(path).serve()
    os.unlink(path)


if __name__ == "__main__":
    main(sys.argv[1])
