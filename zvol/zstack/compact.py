"""Rows of long lists in little memory: they share their keys, and the values that occur often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

T = TypeVar("T")

MAX_SHARED: Final = 10_000
"""Maximum different texts, and numbers, that later rows can share."""
MAX_LENGTH: Final = 64
"""Maximum length of a shared text; longer ones are seldom equal."""


class CompactRow(Mapping[str, Any]):
    """A read-only row: `places` maps each key to the position of its value."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: tuple[Any, ...]) -> None:
        self._places, self._values = places, values

    def __getitem__(self, key: str) -> Any:
        return self._values[self._places[key]]

    def get(self, key: str, default: Any = None) -> Any:
        place = self._places.get(key)
        return default if place is None else self._values[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self))


class RowCompactor:
    """Makes compact rows; one object per list."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], dict[str, int]] = {}
        self._texts: dict[str, str] = {}
        self._numbers: dict[int, int] = {}

    def compact(self, row: Mapping[str, Any]) -> CompactRow:
        keys = tuple(row)
        places = self._places.get(keys)
        if places is None:
            places = {key: place for place, key in enumerate(keys)}
            if len(self._places) < MAX_SHARED:
                self._places[keys] = places
        return CompactRow(places, tuple(self._shared(value) for value in row.values()))

    def _shared(self, value: Any) -> Any:
        if type(value) is int:
            return _one_of(self._numbers, value)
        return _one_of(self._texts, value) if type(value) is str and len(value) <= MAX_LENGTH else value


def _one_of(known: dict[T, T], value: T) -> T:
    """Return the first value that equals this one; this one itself once there are too many."""
    return known.setdefault(value, value) if len(known) < MAX_SHARED else known.get(value, value)
