"""The volumes or VMs that may be meant by a name that none of them has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from zvol.catalog.lookalikes import as_glob, look
from zvol.resource import Resource
from zvol.text import closest, enumeration, one_form

R = TypeVar("R", bound=Resource)

MAX_COMPARED: Final = 10_000
"""The maximum number of pairs of names that are compared."""
MAX_NAMED: Final = 3


def similar(names: Sequence[str], resources: Sequence[R]) -> dict[str, list[R]]:
    """Return, for each name, the resources whose names look like it, or else those whose names are closest to it.

    A name without any is left out. If there are several, they are equally close, and any of them may be meant.
    """
    looks: dict[str, list[R]] = {}
    for one in resources if names else ():
        looks.setdefault(look(one.name), []).append(one)
    few = len(looks) * len(names) <= MAX_COMPARED
    found = {}
    for name in names:
        near = [look(name)] if look(name) in looks else []
        if few and not near and as_glob(name) is None:
            near = closest(look(name), looks)
        if near:
            found[name] = [one for text in near for one in looks[text]]
    return found


def difference(name: str, other: str) -> str:
    """Return, as the end of a sentence, how the only similar name differs from a name."""
    if one_form(other) == one_form(name):
        return ", but one has the same name in another Unicode form (NFC or NFD)"
    return f"; did you mean {other}?"


def some_names(found: Sequence[Resource]) -> str:
    """Return the first names of resources, such as `a, b, c and 2 more`."""
    return enumeration(list(dict.fromkeys(one.name for one in found)), MAX_NAMED)
