"""Sentences on a terminal: they wrap at spaces, and commands in them stay whole for copying."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from zvol.render.terminal import ERROR
from zvol.text import display_width, fill

INDENT: Final = "  "
LEAST: Final = 20
"""Minimum width for wrapped text."""
_NAMES: Final = "attach|completion|config|doctor|help|list|login|logout|recover|resume|runs|sandbox|show|version|whoami"
_COMMAND: Final = re.compile(rf"`[^`]+`\S*|(?:(?<=: )|^)zvol (?:-.{{0,200}} )?(?:{_NAMES})\b.*")
_SPACE: Final = re.compile(r" (?!(?<=\d[dhm] )\d+[hms]\b|(?<=\d )(?:[KMGTP]i)?B\b|(?<=\d )s\b)")
"""Where a line may break: not within a duration such as `2d 15h`, nor between a number and its unit."""


def fold(text: str, width: int) -> list[str]:
    """Return a safe text as lines of at most `width` columns; later lines are indented like the first, or by two.

    A command is in backticks, or ends the text after a colon. If it does not fit, it starts a new line, and the
    terminal wraps it if it is still too long. Each command after the first starts a line.
    """
    if display_width(text) <= width:
        return [text]
    own = text[: len(text) - len(text.lstrip(" "))]
    indent = own or INDENT
    lines: list[str] = []
    for words in _groups(text[len(own) :]):
        more = 0 if lines else len(indent) - len(own)
        lines += fill(words, max(LEAST, width - len(indent)), more)
    return [(indent if number else own) + line for number, line in enumerate(lines)]


def message(texts: Iterable[str], mark: str, width: int | None, error: str = "") -> Iterator[str]:
    """Yield a message of safe texts as lines, with `mark` before the first; `error` is its coloured first word.

    `width` is that of the terminal, None elsewhere.
    """
    for number, text in enumerate(texts):
        first = not number
        line = f"{mark}{ERROR} {text}" if first and error else (mark if first else INDENT) + text
        lines = [line] if width is None else fold(line, width)
        if first and error:
            lines[0] = lines[0].replace(ERROR, error, 1)
        yield from (f"{one}\n" for one in lines)


def _groups(text: str) -> list[list[tuple[str, bool]]]:
    """Return the words of a text, each with whether it may be broken; each command after the first begins a group."""
    groups: list[list[tuple[str, bool]]] = [[]]
    commands = 0
    for word, breaks in _words(text):
        is_command = "`zvol " in word
        commands += is_command
        if is_command and commands > 1:
            groups.append([])
        groups[-1].append((word, breaks))
    return groups


def _words(text: str) -> Iterator[tuple[str, bool]]:
    place = 0
    for found in _COMMAND.finditer(text):
        start = max(place, text.rfind(" ", place, found.start()) + 1)  # the pattern itself would be quadratic
        yield from _prose(text[place:start])
        yield text[start : found.end()], False
        place = found.end()
    yield from _prose(text[place:])


def _prose(text: str) -> Iterator[tuple[str, bool]]:
    return ((word, True) for word in _SPACE.split(text.strip(" "))) if text.strip(" ") else iter(())
