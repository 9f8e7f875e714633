"""Draws docs/recover.svg, the picture of the README, from a real run: `python -m tests.docs.picture`."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from tests.docs.screens import COLUMNS, ROOT, TIMES
from tests.support.process import environment
from tests.support.terminal import on_terminal

if TYPE_CHECKING:
    from rich.text import Text

PICTURE: Final = ROOT / "docs" / "recover.svg"
STEPS: Final = ("list", "recover pg-data", "attach pg-data")
SVG: Final = "{http://www.w3.org/2000/svg}"
Piece = tuple[str, str, str]
"""What a picture has at one place: its position, its style, its text without what differs from day to day."""


def draw(home: Path) -> str:
    """Run the steps in a new sandbox, on a terminal; returns the picture."""
    from rich.console import Console

    env = environment(home) | {"TERM": "xterm-256color"}
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for number, step in enumerate(STEPS):
        if number:
            console.print()
        console.print(f"[bold green]$ [/]zvol --sandbox {step}", highlight=False)
        shown = on_terminal(["--sandbox", *step.split()], env, columns=COLUMNS)
        assert shown.code == 0, shown.text
        last = max(row for row, words in enumerate(shown.screen.display) if words.strip())
        for row in range(last + 1):
            console.print(line(shown.screen.buffer[row]), no_wrap=True, overflow="crop")
    return console.export_svg(title="zvol", unique_id="zvol")


def line(cells: Any) -> Text:
    """Return a line of a screen with its colours; durations are those of a quick run.

    Each column is a span of its own, so that it begins at its place whatever the fonts of its viewer.
    """
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for _, run in groupby((cells[column] for column in range(COLUMNS)), lambda cell: (cell.fg, cell.bold)):
        row = list(run)
        words = re.sub(r"\bin \d+(\.\d)? s", "in 0.4 s", "".join(cell.data for cell in row))
        for column in re.split(r"(?<=  )(?=\S)", words):
            text.append(column, Style(color=row[0].fg.replace("brown", "yellow"), bold=row[0].bold))
    text.rstrip()
    return text


def pieces(svg: str) -> Iterator[Piece]:
    """Yield what a picture shows, however the release of rich that drew it writes that."""
    tree = ElementTree.fromstring(svg)
    styles = dict(re.findall(r"\.(zvol-r\d+) \{(.*?)\}", "".join(tree.itertext())))
    for text in tree.iter(f"{SVG}text"):
        where = f"{text.get('x')},{text.get('y')}"
        words = TIMES.sub("TIME", "".join(text.itertext()).replace("\xa0", " "))
        yield where, "".join(styles.get(text.get("class", ""), "").split()), words


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(draw(Path(folder) / "home"))
