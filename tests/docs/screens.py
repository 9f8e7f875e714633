"""The screens and commands of a page, and how they are run."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.process import ZVOL_SCRIPT
from tests.support.terminal import on_terminal

ROOT: Final = Path(__file__).parents[2]
TIMES: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b(\d+[dhms] )?\d+[dhms]\b|\b\d+(\.\d)? s\b")
COLUMNS: Final = 100
"""The width of the terminal on the pages."""
CRONS: Final = "/usr/bin:/bin"
WITH_ZVOL: Final = f"{Path(ZVOL_SCRIPT).parent}:{CRONS}"


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the code blocks of a page as (language, text)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def shell(script: str, env: dict[str, str], path: str = WITH_ZVOL) -> subprocess.CompletedProcess[str]:
    """Run a script as cron would: sh, and hardly an environment; both streams into one, as on a screen."""
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env=env | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def screen(command: str, env: dict[str, str]) -> str:
    """Return what a terminal shows of a command."""
    program, *arguments = shlex.split(command)
    assert program == "zvol"
    return "\n".join(on_terminal(arguments, env | {"TERM": "xterm-256color"}, columns=COLUMNS).lines)


def same(text: str) -> list[str]:
    """Return the lines of a screen without what differs from day to day."""
    lines = [re.sub(r" {2,}", "  ", TIMES.sub("TIME", line)).rstrip() for line in text.strip().splitlines()]
    return [line for line in lines if line]


def commands(screen: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", screen, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output
