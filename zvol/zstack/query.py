"""ZStack's query language: what can be said in it safely, and how to get every page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zvol.errors import Weather
from zvol.zstack.answers import Found

PAGE: Final = 1000
TRIES: Final = 3

OPERATORS: Final = ("!=", ">=", "<=", "!?=", "!~=", "~=", "?=", "=", ">", "<", "is null", "not null")
"""The server takes the first of these that stands anywhere in a condition, its value included."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.]+")


def condition(name: str, operator: str, value: str) -> str | None:
    """Return a condition for `q`; None when the server would misread the value, so that the caller must filter itself.

    A 5.2.1 fails on a single quote or a backslash, on `%s`, and splits at an operator inside the value.
    """
    if not _NAME.fullmatch(name) or operator not in OPERATORS:
        raise ValueError(f"not a condition: {name} {operator}")
    bad = not value or any(sign in value for sign in ("'", "\\", "%s", *OPERATORS)) or not value.isprintable()
    if bad or (operator in ("?=", "!?=") and "," in value):
        return None
    return f"{name}{operator}{value}"


@dataclass(slots=True)
class Pager:
    """Reads a whole result page by page, in a stable order; a result that changes meanwhile is read again."""

    fetch: Callable[[Sequence[tuple[str, str]]], Found]
    key: str = "uuid"

    def all(self, conditions: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return every inventory exactly once.  Raises Weather when it will not hold still, and what `fetch` raises."""
        for _ in range(TRIES):
            found = self._once(conditions)
            if found is not None:
                return found
        raise Weather("the list changed each time it was read")

    def _once(self, conditions: Sequence[str]) -> list[Mapping[str, Any]] | None:
        items: dict[object, Mapping[str, Any]] = {}
        total: int | None = None
        while total is None or len(items) < total:
            query = [("q", text) for text in conditions]
            query += [
                ("sort", "+" + self.key),
                ("limit", str(PAGE)),
                ("start", str(len(items))),
                ("replyWithCount", "true"),
            ]
            page = self.fetch(query)
            before = len(items)
            items |= {item.get(self.key, id(item)): item for item in page.inventories}
            moved = total is not None and page.total != total
            if moved or len(items) != before + len(page.inventories) or page.total is None:
                return None
            total = page.total
            if not page.inventories and len(items) < total:
                return None
        return list(items.values()) if len(items) == total else None
