"""One way to provoke errors through the installed command: what is set up, what is typed, what must be said."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.docs.troubleshooting.collect import Found
from tests.docs.troubleshooting.texts import literal, pattern
from tests.support.fault_proxy import Rule, proxy
from tests.support.process import ZVOL, Ran, Sandbox, environment
from tests.support.profiles import fast
from tests.support.terminal import on_terminal
from tests.support.warm import run, start

MORE = 8
"""How many more letters of a line another message must have, for it to be that one."""


@dataclass
class World:
    """What one row has for itself: a folder with a home, the environment, and the sandbox that all rows share."""

    folder: Path
    env: dict[str, str]
    cloud: Sandbox
    host: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def state(self) -> Path:
        return self.home / ".local/state/zvol"

    def filled(self, text: str) -> str:
        known = {"folder": str(self.folder), "host": self.host, "session": self.cloud.session} | self.values
        for name, value in known.items():
            text = text.replace(f"<{name}>", value)
        return text

    def write(self, path: str, data: str | bytes, mode: int = 0o600) -> Path:
        """Write a file below the folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(self.filled(data).encode() if isinstance(data, str) else data)
        file.chmod(mode)
        return file

    def run(self, command: str, *, rate: float = 0, stdin: str = "") -> Ran:
        """Run another command before the one of the row."""
        program = fast(rate) if rate else ZVOL
        return run(shlex.split(self.filled(command)), self.env, stdin=stdin, command=program)


Around = Callable[[World], AbstractContextManager[object]]


@dataclass(frozen=True)
class Row:
    """A command that ends in these errors, with its exit code.

    `errors` are messages as the page shows them, or how they begin.  `when` says on the page when this happens.
    `config` is the configuration file; without one, the environment leads to the sandbox unless `cloud` is False.
    `<folder>`, `<host>`, `<session>` and the `values` of the world are replaced in all texts.  `rules` break requests,
    `rate` makes the clock run faster, `around` is whatever else is needed while the command runs.  `replies` are typed
    on a terminal, each after its question; `program` is run instead of zvol, `stdout` is a file to write to.
    `root`: only root can set it up.
    """

    errors: str | tuple[str, ...]
    command: str
    code: int
    when: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    config: str | bytes = ""
    stdin: str = ""
    rules: Sequence[Rule] = ()
    rate: float = 0
    around: Around | None = None
    cloud: bool = True
    replies: Sequence[tuple[str, str]] = ()
    program: tuple[str, ...] = ()
    stdout: str = ""
    root: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.errors,) if isinstance(self.errors, str) else self.errors

    def run(self, cloud: Sandbox, folder: Path) -> Ran:
        """Provoke the errors."""
        with ExitStack() as stack:
            host = stack.enter_context(proxy(cloud.host, *self.rules))[0] if self.rules else cloud.host
            world = World(folder, environment(folder / "home"), cloud, host)
            if self.config:
                world.write("home/.config/zvol/config.yaml", self.config)
            elif self.cloud:
                world.env |= {"ZVOL_HOST": host, "ZVOL_SESSION": cloud.session}
            world.env |= {name: world.filled(value) for name, value in self.env.items()}
            if self.around is not None:
                stack.enter_context(self.around(world))
            return self._typed(world, shlex.split(world.filled(self.command)))

    def _typed(self, world: World, arguments: Sequence[str]) -> Ran:
        program = self.program or (fast(self.rate) if self.rate else ZVOL)
        if self.replies:
            replies = [(question.encode(), reply) for question, reply in self.replies]
            shown = on_terminal(arguments, world.env, replies=replies, command=program)
            return Ran(shown.code, "", shown.text)
        if not self.stdout:
            return run(arguments, world.env, stdin=self.stdin, command=program)
        with open(self.stdout, "w") as file:
            process = start(arguments, world.env, stdout=file, command=program)
            return Ran(process.wait(), "", process.communicate()[1])


def find(key: str, errors: Sequence[Found]) -> Found:
    """Return the error with a message, or the only one that begins or is like this; raises LookupError.

    `…` in a key stands for anything.
    """
    like = re.compile(".*".join(map(re.escape, key.split("…"))))
    found: list[Found] = []
    for fits in (key.__eq__, lambda shown: shown.startswith(key), like.fullmatch, like.match, like.search):
        found = [one for one in errors if fits(one.shown)]
        if len(found) == 1:
            return found[0]
    raise LookupError(f"{len(found)} errors have {key!r} in their message")


def says(text: str, error: Found, errors: Sequence[Found]) -> str:
    """Return why a text on stderr is not this error's message with one of its hints; empty when it is."""
    lines = [line for line in text.splitlines() if _message(error).search(line)]
    better = [_better(line, error, errors) for line in lines]
    if all(better):
        return f"not said: {error.shown}" + (f"; that was {better[0].shown}" if better and better[0] else "")
    rest = " ".join(text.split())
    if not any(re.search(_commands(pattern(hint)), rest) for hint in error.hints):
        return f"without a hint: {error.shown}"
    return ""


def _better(line: str, error: Found, errors: Sequence[Found]) -> Found | None:
    """Return another error that a line is rather the message of, None when there is none."""
    start, least = _start(error, line), literal(error.message) + MORE
    return next((one for one in errors if literal(one.message) >= least and _start(one, line) == start), None)


def _start(error: Found, line: str) -> int | None:
    found = _message(error).search(line)
    return None if found is None else found.start()


@cache
def _message(error: Found) -> re.Pattern[str]:
    """Return the expression of a message; zvol takes capital and full stop from what click says."""
    return re.compile(pattern(error.message).removesuffix(r"\.").replace(r"'\.", r"'\.?"), re.IGNORECASE)


def _commands(expression: str) -> str:
    """Let commands in a hint have the global options that lead to the same server."""
    return expression.replace(r"`zvol\ ", r"`zvol\ (?:-[^`]*?\ )?")
