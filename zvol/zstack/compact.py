"""Rows of long lists, kept small: the keys of all and most of their texts are there only once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

SHARED: Final = 10_000
"""The most different texts that are remembered, to be shared by later rows."""
LONGEST: Final = 64
"""Longer texts are seldom the same."""


class Compact(Mapping[str, Any]):
    """A row that cannot be changed: `places` says where each key's value stands."""

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


class Packer:
    """Makes rows compact; one for each list."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], dict[str, int]] = {}
        self._texts: dict[str, str] = {}

    def pack(self, row: Mapping[str, Any]) -> Compact:
        keys = tuple(row)
        places = self._places.get(keys)
        if places is None:
            places = {key: place for place, key in enumerate(keys)}
            if len(self._places) < SHARED:
                self._places[keys] = places
        return Compact(places, tuple(self._shared(value) for value in row.values()))

    def _shared(self, value: Any) -> Any:
        if type(value) is not str or len(value) > LONGEST:
            return value
        if len(self._texts) < SHARED:
            return self._texts.setdefault(value, value)
        return self._texts.get(value, value)
