"""Reads all pages of a query: each row exactly once, even while rows change or the connection is slow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from zvol.errors import Refused, TransientError
from zvol.zstack.answers import QueryResult
from zvol.zstack.load_shedding import PATIENCE, REPEATS

MAX_PAGE: Final = 1000
MIN_PAGE: Final = 50
"""Minimum page size over a slow connection."""
BACKOFF: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each retry of a page, or of a whole list."""
MAX_INCONSISTENT: Final = 3
"""Retries of a page whose rows and count do not agree."""

_UUID: Final = re.compile(r"[0-9a-f]{32}")

Row = Mapping[str, Any]
Query = Sequence[tuple[str, str]]


class KeysNotOrdered(Exception):
    """The server cannot continue after a UUID: it refused the condition, or its rows are not in the order of it.

    It is caught inside this module, which then reads the pages in another way.
    """


class InconsistentPage(TransientError):
    """The rows of a page and their count are not of the same moment, as servers before 2.4 may send them."""


def _is_command_deadline(error: TransientError) -> bool:
    return error.never_sent is not None and error.never_sent.reason == "time"


def _unchanged(row: Row) -> Any:
    return row


@dataclass(slots=True)
class Pager:
    """Reads a whole result, page by page; `keep` converts each row to what is returned.

    Every page has the number of rows from its first one on, which shows whether it is complete.  The next page begins
    after its last UUID (`uuid>...`, sorted by it): whatever others change meanwhile, each row that exists all the time
    is found exactly once.  Without such keys, or when the server does not compare them, pages are requested by offset,
    and the whole list is read again until nothing has changed in between.

    `size` is the page size; it shrinks when pages do not arrive completely in time.  `pause` sleeps.
    """

    fetch: Callable[[Query], QueryResult]
    pause: Callable[[float], object]
    key: str = "uuid"
    size: int = MAX_PAGE
    fields: str = ""
    keep: Callable[[Row], Any] = _unchanged
    _answered: bool = field(default=False, init=False)

    def all(self, conditions: Sequence[str]) -> list[Any]:
        """Return every row exactly once.

        Raises TransientError when that is not certain, and what `fetch` raises.
        """
        if self.key == "uuid":
            try:
                return [row for page in self._pages_by_key(conditions) for row in page]
            except KeysNotOrdered:
                pass
        return self._all_by_offset(conditions)

    # ---- by key ------------------------------------------------------------------------------------------------------
    def _pages_by_key(self, conditions: Sequence[str]) -> Iterator[list[Any]]:
        last = ""
        while True:
            page = self._page_after(conditions, last)
            keys = [row.get(self.key) for row in page.inventories]
            complete = page.total == len(keys)
            if (last or not complete) and not _in_order(last, keys):
                raise KeysNotOrdered
            if len(set(keys)) < len(keys):
                raise TransientError("the list contains an item twice")
            yield [self.keep(row) for row in page.inventories]
            if complete:
                return
            last = str(keys[-1])

    def _page_after(self, conditions: Sequence[str], last: str) -> QueryResult:
        if not last:
            return self._page(conditions, 0)
        try:
            return self._page([*conditions, f"{self.key}>{last}"], 0)
        except Refused:
            raise KeysNotOrdered from None

    # ---- by offset ---------------------------------------------------------------------------------------------------
    def _all_by_offset(self, conditions: Sequence[str]) -> list[Any]:
        for pause in (*BACKOFF, None):
            rows = self._try_by_offset(conditions)
            if rows is not None:
                return rows
            if pause is not None:
                self.pause(pause)
        raise TransientError("the list changed each time it was read")

    def _try_by_offset(self, conditions: Sequence[str]) -> list[Any] | None:
        """Return all rows, None when they changed between two pages."""
        rows: dict[object, Any] = {}
        total: int | None = None
        while total is None or len(rows) < total:
            page, before = self._page(conditions, len(rows)), len(rows)
            rows |= {row.get(self.key, id(row)): self.keep(row) for row in page.inventories}
            if (total is not None and page.total != total) or len(rows) != before + len(page.inventories):
                return None
            total = page.total
        return list(rows.values())

    # ---- one page ----------------------------------------------------------------------------------------------------
    def _page(self, conditions: Sequence[str], start: int) -> QueryResult:
        """Return a complete page of at most `size` rows; raises TransientError.

        Once a page was answered, later ones are retried for half a minute, because much has been read by then; before
        that, only where the answer says for how long to wait.
        """
        retries, before = 0, ""
        while True:
            try:
                return self._request_page(conditions, start)
            except TransientError as error:
                if _is_command_deadline(error) and before:
                    why = before if error.message in before else f"{before}; {error.message}"
                    raise TransientError(why, error.never_sent) from None
                shrunk = self._shrink(error)
                if not shrunk and retries >= self._max_retries(error):
                    raise
                before, asked = error.message, error.retry_after or 0.0
            if not shrunk:
                self.pause(max(BACKOFF[retries], asked))
                retries += 1

    def _request_page(self, conditions: Sequence[str], start: int) -> QueryResult:
        page = self.fetch(self._query(conditions, start))
        if page.total is None:
            raise TransientError("the list has no total")
        if len(page.inventories) != min(self.size, max(0, page.total - start)):
            raise InconsistentPage("the list and its total do not agree")
        self._answered = True
        return page

    def _max_retries(self, error: TransientError) -> int:
        if isinstance(error, InconsistentPage):
            return MAX_INCONSISTENT
        if error.retry_after and error.retry_after <= PATIENCE and not self._answered:
            return REPEATS
        untrusted = error.never_sent is not None and error.never_sent.untrusted
        return len(BACKOFF) if self._answered and not untrusted else 0

    def _shrink(self, error: TransientError) -> bool:
        """Reduce the page size if that may help: half of it when a page was cut off, MIN_PAGE when none even began."""
        lost = error.maybe_sent
        if lost is not None and lost.begun and self.size > MIN_PAGE:
            self.size = max(MIN_PAGE, self.size // 2)
        elif lost is not None and lost.late and not lost.begun and self.size == MAX_PAGE:
            self.size = MIN_PAGE
        else:
            return False
        return True

    def _query(self, conditions: Sequence[str], start: int) -> list[tuple[str, str]]:
        query = [("q", text) for text in conditions]
        query += [("sort", "+" + self.key), ("limit", str(self.size)), ("replyWithCount", "true")]
        query += [("start", str(start))] if start else []
        return query + ([("fields", self.fields)] if self.fields else [])


def _in_order(last: str, keys: Sequence[object]) -> bool:
    """Tell whether all keys are UUIDs in ascending order, all of them after `last`."""
    if not all(isinstance(key, str) and _UUID.fullmatch(key) for key in keys):
        return False
    return all(one < other for one, other in pairwise([last, *map(str, keys)]))
