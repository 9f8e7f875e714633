"""Conditions are exact or refused, and resolving names never matches more volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from zvol.catalog.resolve import resolve_targets
from zvol.catalog.unresolved import MAX_NAME_CHARS
from zvol.errors import TransientError
from zvol.model import Outcome, Volume, VolumeArgument
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.zstack.answers import QueryResult
from zvol.zstack.query import MAX_NAMES, OPERATORS, condition


@given(st.text(max_size=40))
def test_a_condition_is_exact_or_not_sent(value: str) -> None:
    made = condition("name", "=", value)
    if made is None:
        return
    first = next(sign for sign in OPERATORS if sign in made)
    assert made.split(first, 1) == ["name", value]
    assert not set("'\\") & set(value)


class Cloud:
    """Deleted volumes to choose from and others; it compares names as MySQL does, and asked thrice it fails."""

    def __init__(self, deleted: list[str], others: list[str]) -> None:
        statuses = [(name, "Deleted") for name in deleted] + [(name, "Ready") for name in others]
        fields = [
            {"uuid": f"{n:032x}", "name": name, "status": status, "type": "Data"}
            for n, (name, status) in enumerate(statuses)
        ]
        self.volumes = [Volume(str(one["uuid"]), one) for one in fields]
        self.conditions: list[str] = []

    def list_volumes(self) -> list[Volume]:
        return [volume for volume in self.volumes if volume.deleted]

    def query_page(self, _path: str, query: Sequence[tuple[str, str]]) -> QueryResult:
        self.conditions.append(query[0][1])
        name, value = query[0][1].split("?=")
        assert name == "name"
        values = [one.rstrip().lower() for one in value.split(",")]
        if len(values) > 2:
            raise TransientError("an optional look-up: when it fails, only its result is missing")
        return QueryResult(tuple(one.fields for one in self.volumes if one.name.rstrip().lower() in values), None)


NAMES = st.sampled_from(["a", "b", "a*", "", "卷", "a ", "A", "it's", "a,b", "a!=b"])


@given(
    names=st.lists(NAMES, max_size=6),
    others=st.lists(NAMES, max_size=6),
    asked=st.lists(NAMES.filter(bool), min_size=1, max_size=4),
)
@example(names=["a", "a"], others=["a"], asked=["a", "A"])
def test_resolving_takes_exactly_the_named_volumes(names: list[str], others: list[str], asked: list[str]) -> None:
    """Volumes that are not deleted are looked up at most once, never by a name that is misread, and decide nothing."""
    cloud: Any = Cloud(names, others)
    explain = [VolumeRow(one, Retention(True, None)) for one in cloud.list_volumes()]
    chosen = resolve_targets(
        cloud, [VolumeArgument(text) for text in asked], lambda some: [row for row in explain if row.volume in some]
    )
    for want in chosen.targets:
        assert names.count(want.asked) == 1
        assert names[int(want.uuid, 16)] == want.asked
    unknown = {text for text in asked if text not in names and condition("name", "?=", text)}
    for result in chosen.refused:
        assert result.outcome is Outcome.FAILED
        assert names.count(result.asked) != 1
        candidates = others.count(result.asked) if result.asked in unknown and len(unknown) <= 2 else 0
        assert len(result.candidates) == (names.count(result.asked) or candidates)
    assert {want.asked for want in chosen.targets} | {result.asked for result in chosen.refused} == set(asked)
    assert len(cloud.conditions) == bool(unknown)


def test_the_lookup_of_names_fits_into_a_url() -> None:
    cloud: Any = Cloud([], ["the other"])
    names = ["ä" * 300, *(f"{number:03}" + "x" * 97 for number in range(40)), "the other"]
    resolve_targets(cloud, [VolumeArgument(name) for name in names], lambda _some: [])
    [condition] = cloud.conditions
    assert len(quote(condition)) <= MAX_NAME_CHARS + len(quote("name?="))
    assert condition.count(",") == 14
    cloud = Cloud([], [])
    resolve_targets(cloud, [VolumeArgument(f"v{number}") for number in range(40)], lambda _some: [])
    assert cloud.conditions[0].count(",") == MAX_NAMES - 1
