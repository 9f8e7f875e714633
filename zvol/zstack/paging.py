"""Every page of a query: complete, each row once, also while the rows change and over a slow line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from zvol.errors import Refused, TransientError
from zvol.zstack.answers import Found

PAGE: Final = 1000
SMALL: Final = 50
"""The smallest page that a slow line is asked for."""
PAUSES: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""How long the next try of a page, or of a list, waits; seconds."""
TORN: Final = 3
"""How often a page is asked for again whose rows and count do not agree."""

_KEY: Final = re.compile(r"[0-9a-f]{32}")

Row = Mapping[str, Any]
Query = Sequence[tuple[str, str]]


class Unordered(Exception):
    """The server does not count on from a UUID: it refused the condition, or its rows are not in this order."""


class Torn(TransientError):
    """A page whose rows and whose count of them are not of the same moment, as servers before 2.4 may send it."""


def _time_is_up(weather: TransientError) -> bool:
    return weather.never_sent is not None and weather.never_sent.reason == "time"


def _as_it_is(row: Row) -> Any:
    return row


@dataclass(slots=True)
class Pager:
    """Reads a whole result, page by page; `keep` makes of each row what is kept of it.

    A page tells how many rows there are from its first one on, so that it is known to be whole.  The next one begins
    after its last UUID (`uuid>...`, sorted by it): whatever others change meanwhile, each row that was there all the
    time is found exactly once.  Without such keys, or where the server does not compare them, pages are counted off,
    and the whole list is read again until nothing changed in between.

    `size` is how many rows a page is asked for; it shrinks where pages do not come whole in their time.  `pause` waits.
    """

    fetch: Callable[[Query], Found]
    pause: Callable[[float], object]
    key: str = "uuid"
    size: int = PAGE
    fields: str = ""
    keep: Callable[[Row], Any] = _as_it_is
    _answered: bool = field(default=False, init=False)

    def all(self, conditions: Sequence[str]) -> list[Any]:
        """Return every row exactly once.  Raises TransientError when that cannot be known, and what `fetch` raises."""
        if self.key == "uuid":
            try:
                return [row for page in self._after(conditions) for row in page]
            except Unordered:
                pass
        return self._counted(conditions)

    # ---- from key to key ---------------------------------------------------------------------------------------------
    def _after(self, conditions: Sequence[str]) -> Iterator[list[Any]]:
        last = ""
        while True:
            page = self._next(conditions, last)
            keys = [row.get(self.key) for row in page.inventories]
            whole = page.total == len(keys)
            if (last or not whole) and not _in_order(last, keys):
                raise Unordered
            if len(set(keys)) < len(keys):
                raise TransientError("a list that holds something twice")
            yield [self.keep(row) for row in page.inventories]
            if whole:
                return
            last = str(keys[-1])

    def _next(self, conditions: Sequence[str], last: str) -> Found:
        if not last:
            return self._page(conditions, 0)
        try:
            return self._page([*conditions, f"{self.key}>{last}"], 0)
        except Refused:
            raise Unordered from None

    # ---- counted off -------------------------------------------------------------------------------------------------
    def _counted(self, conditions: Sequence[str]) -> list[Any]:
        for pause in (*PAUSES, None):
            found = self._once(conditions)
            if found is not None:
                return found
            if pause is not None:
                self.pause(pause)
        raise TransientError("the list changed each time it was read")

    def _once(self, conditions: Sequence[str]) -> list[Any] | None:
        """Return all rows, None when they changed between two pages."""
        items: dict[object, Any] = {}
        total: int | None = None
        while total is None or len(items) < total:
            page, before = self._page(conditions, len(items)), len(items)
            items |= {row.get(self.key, id(row)): self.keep(row) for row in page.inventories}
            if (total is not None and page.total != total) or len(items) != before + len(page.inventories):
                return None
            total = page.total
        return list(items.values())

    # ---- one page ----------------------------------------------------------------------------------------------------
    def _page(self, conditions: Sequence[str], start: int) -> Found:
        """Return a page that holds as many rows as it speaks of, at most `size`; raises TransientError.

        Once a page was answered, a later one is asked for again for half a minute: much has been read by then.
        """
        tries, before = 0, ""
        while True:
            try:
                return self._asked(conditions, start)
            except TransientError as weather:
                if _time_is_up(weather) and before:
                    why = before if weather.message in before else f"{before}; {weather.message}"
                    raise TransientError(why, weather.never_sent) from None
                smaller = self._smaller(weather)
                if not smaller and tries >= self._tries(weather):
                    raise
                before = weather.message
            if not smaller:
                self.pause(PAUSES[tries])
                tries += 1

    def _asked(self, conditions: Sequence[str], start: int) -> Found:
        page = self.fetch(self._query(conditions, start))
        if page.total is None:
            raise TransientError("a list that does not say how long it is")
        if len(page.inventories) != min(self.size, max(0, page.total - start)):
            raise Torn("a list that does not hold what it speaks of")
        self._answered = True
        return page

    def _tries(self, weather: TransientError) -> int:
        if isinstance(weather, Torn):
            return TORN
        final = weather.never_sent is not None and weather.never_sent.untrusted
        return len(PAUSES) if self._answered and not final else 0

    def _smaller(self, weather: TransientError) -> bool:
        """Ask for less where a page did not come whole, and for little where a full one did not even begin."""
        lost = weather.maybe_sent
        if lost is not None and lost.begun and self.size > SMALL:
            self.size = max(SMALL, self.size // 2)
        elif lost is not None and lost.late and not lost.begun and self.size == PAGE:
            self.size = SMALL
        else:
            return False
        return True

    def _query(self, conditions: Sequence[str], start: int) -> list[tuple[str, str]]:
        query = [("q", text) for text in conditions]
        query += [("sort", "+" + self.key), ("limit", str(self.size)), ("replyWithCount", "true")]
        query += [("start", str(start))] if start else []
        return query + ([("fields", self.fields)] if self.fields else [])


def _in_order(last: str, keys: Sequence[object]) -> bool:
    """Tell whether all keys are UUIDs that come after `last`, each after the one before."""
    if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys):
        return False
    return all(one < other for one, other in pairwise([last, *map(str, keys)]))
