"""The blocks of a page, and how they are run; `python -m tests.docs.screens` puts the screens of today into the pages.

A block that begins with `$ ` is a terminal: its commands, each with what the terminal shows.  One of `sh` is a script.
A comment just before a block is its mark: a test of its own runs it.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.process import environment
from tests.support.terminal import on_terminal
from tests.support.warm_program import program

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TIMES: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b(\d+[dhms] )?\d+[dhms]\b|\b\d+(\.\d)? s\b")
COLUMNS: Final = 80
"""The width of the terminal on the pages."""
CRONS: Final = "/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Block:
    """A code block of a page; `mark` is the comment before it."""

    mark: str
    language: str
    text: str

    @property
    def is_screen(self) -> bool:
        return not self.language and self.text.startswith("$ ")


def blocks(page: str) -> list[Block]:
    """Return the code blocks of a page."""
    return [Block(*found) for found in BLOCK.findall((ROOT / page).read_text())]


def marked(page: str, mark: str) -> str:
    """Return the text of the block with this mark."""
    (found,) = (block.text for block in blocks(page) if block.mark == mark)
    return found


def shell(
    script: str, env: dict[str, str], home: Path, path: str = CRONS, *, with_zvol: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a script as cron would, in HOME: sh, and hardly an environment; both streams into one, as on a screen."""
    folder = f"{program(home / '.local' / 'bin')}:" if with_zvol else ""
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env=env | {"PATH": folder + path},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def screen(command: str, env: dict[str, str], columns: int = COLUMNS) -> str:
    """Return what a terminal shows of a command; questions are answered with yes."""
    name, *arguments = shlex.split(command)
    assert name == "zvol"
    shown = on_terminal(arguments, env | {"TERM": "xterm-256color"}, columns=columns, reply="y\n")
    return "".join(f"{line}\n" for line in shown.lines)


def same(text: str) -> list[str]:
    """Return the lines of a screen without what differs from day to day."""
    lines = [re.sub(r" {2,}", "  ", TIMES.sub("TIME", line)).rstrip() for line in text.strip().splitlines()]
    return [line for line in lines if line]


def commands(screen: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", screen, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def play(page: str, home: Path, more: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Do in one HOME, in order, what a page shows; yield each command of a screen, what is shown, and what is seen.

    Raises AssertionError if a script fails.
    """
    env = environment(home, more)
    for block in blocks(page):
        if block.is_screen:
            for command, output in commands(block.text):
                yield command, output, screen(command, env)
        elif block.language == "sh" and not block.mark:
            ran = shell(f"set -e\n{block.text}", env, home)
            assert ran.returncode == 0, (block.text, ran.stdout)


def renewed(page: str, home: Path, more: dict[str, str]) -> str:
    """Return a page with the screens of today, as far as they differ in more than the times."""
    text = (ROOT / page).read_text()
    for command, output, seen in play(page, home, more):
        if same(output) != same(seen):
            assert text.count(f"$ {command}\n{output}") == 1
            text = text.replace(f"$ {command}\n{output}", f"$ {command}\n{seen}")
    return text


if __name__ == "__main__":
    for name in sys.argv[1:] or ["docs/guide.md"]:
        with tempfile.TemporaryDirectory() as folder:
            new = renewed(name, Path(folder) / "home", {"EDITOR": "sed -i /ci-job/d"})
        (ROOT / name).write_text(new)
