"""The interface of an output format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from zvol.render.values import Table


class Format(ABC):
    """Turns values into text; prints nothing.

    `tty`: the text is for a terminal of `width` columns.
    """

    help: ClassVar[str]
    """The text in `zvol help output`; lines of at most 70 characters."""

    for_people: ClassVar[bool] = False
    """`-q` suppresses it; the counts of a recovery follow it on stderr."""

    for_programs: ClassVar[bool] = False
    """A failure is also written as a JSON object on the last line of stderr."""

    whole: ClassVar[bool] = False
    """It shows everything known about a row, whatever the columns."""

    picks_columns: ClassVar[bool] = False
    """`--columns` selects its columns."""

    wide: ClassVar[bool] = False
    """It shows all columns, whatever the width of the terminal."""

    streams: ClassVar[bool] = False
    """Each row is a separate text, so each result is written at once."""

    has_failures: ClassVar[bool] = True
    """It also shows failed results, so stderr need not list all of them."""

    def __init__(self, *, tty: bool, width: int) -> None:
        self.tty, self.width = tty, width

    @abstractmethod
    def table(self, table: Table[Any]) -> Iterator[str]:
        """Yield the text of a table in pieces, so that a long list is never held in memory as one text."""
