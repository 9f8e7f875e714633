"""The interface of an output format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from zvol.render.values import Table


class Format(ABC):
    """Turns values into text and prints nothing.

    `tty`: the text goes to a terminal of `width` columns.
    """

    help: ClassVar[str]
    """Its text in `zvol help output`; lines of at most 70 characters."""

    for_people: ClassVar[bool] = False
    """`-q` suppresses it; the counts of a recovery follow it on stderr."""

    for_programs: ClassVar[bool] = False
    """A failure is written as a JSON object on the last line of stderr, too."""

    whole: ClassVar[bool] = False
    """It shows all that is known of a row, whatever the columns."""

    picks_columns: ClassVar[bool] = False
    """`--columns` chooses what it shows."""

    wide: ClassVar[bool] = False
    """It has all columns, whatever the width of the terminal."""

    streams: ClassVar[bool] = False
    """Each row is a text of its own, so that each result is written at once."""

    has_failures: ClassVar[bool] = True
    """It also shows the results that failed, so that stderr need not name all of them."""

    def __init__(self, *, tty: bool, width: int) -> None:
        self.tty, self.width = tty, width

    @abstractmethod
    def table(self, table: Table[Any]) -> Iterator[str]:
        """Yield the text of a table in pieces, so that a long list is never held as one text."""
