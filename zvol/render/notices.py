"""Prints messages for people on stderr."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TextIO

from zvol.errors import ZvolError
from zvol.model import Result
from zvol.render import messages, prose
from zvol.render.terminal import error_mark
from zvol.render.values import with_command
from zvol.text import escape_terminal


class Notices:
    """Prints on a stream: `width` is that of its terminal, None if it is not one, and `mark` precedes each message.

    `command` is how zvol was called, for the commands in hints.
    """

    def __init__(self, stderr: TextIO, width: int | None, mark: str, command: str) -> None:
        self._stderr, self._width, self._mark, self._command = stderr, width, mark, command

    def lines(self, lines: Iterable[str], error: str = "") -> None:
        """Print safe texts as one message; `error` is its coloured first word."""
        self._stderr.writelines(prose.message(lines, self._mark, self._width, error))

    def notes(self, sentences: Iterable[str]) -> None:
        self.lines(messages.notes(sentences, self._command, wrapped=self._width is None))

    def hint(self, text: str) -> None:
        self.lines([self._safe(text)])

    def end(self, summary: str, hints: Iterable[str]) -> None:
        """Print the escaped summary and the hints below a table on a terminal."""
        for text in filter(None, (summary, *map(self._safe, hints))):
            self._stderr.writelines(prose.message([text], "", self._width))

    def warn(self, text: str) -> None:
        self.lines([self._safe(f"warning: {text}")])

    def warned(self, text: str, results: Sequence[Result]) -> None:
        """Print a warning that results have."""
        subject = f"{len(results)} volumes" if len(results) > 1 else messages.warned_subject(results[0])
        self.warn(f"{subject}: {text}")

    def error(self, error: ZvolError) -> None:
        self._errors(messages.error_lines(error, error.uuid))

    def failure(self, result: Result) -> None:
        """Print why a result is a failure."""
        self._errors(messages.result_lines(result, ages=self._stderr.isatty()))

    def _errors(self, lines: Iterable[str]) -> None:
        self.lines(lines, error_mark(self._stderr, os.environ))

    def _safe(self, text: str) -> str:
        return escape_terminal(with_command(text, self._command))
