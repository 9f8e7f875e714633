"""The screens and commands of a page, and how they are run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.process import ZVOL_SCRIPT

ROOT: Final = Path(__file__).parents[2]
DATES: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M")
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


def same(text: str) -> list[str]:
    """Return the lines of a screen without what differs from day to day."""
    return [re.sub(r" {2,}", "  ", DATES.sub("DATE", line)).rstrip() for line in text.strip().splitlines()]


def commands(screen: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", screen, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output
