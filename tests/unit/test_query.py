"""Paging is complete or says so, conditions are safe or refused, and choosing never widens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.errors import Weather
from zvol.model import Listed, Outcome, Recycle, Volume
from zvol.recovery.selection import choose
from zvol.zstack.answers import Found
from zvol.zstack.query import OPERATORS, PAGE, Pager, condition


class Shelf:
    """A server's table; `drift` changes it before the n-th page."""

    def __init__(self, count: int, drift: dict[int, int]) -> None:
        self.rows = [{"uuid": f"{number:032x}"} for number in range(count)]
        self.drift, self.page = drift, 0

    def fetch(self, query: Sequence[tuple[str, str]]) -> Found:
        self.page += 1
        change = self.drift.get(self.page, 0)
        self.rows = (
            self.rows[:change]
            if change < 0
            else self.rows + [{"uuid": f"{number:032x}"} for number in range(10_000_000, 10_000_000 + change)]
        )
        given = dict(query)
        start, limit = int(given["start"]), int(given["limit"])
        assert given["sort"] == "+uuid"
        ordered = sorted(self.rows, key=lambda row: row["uuid"])
        return Found(tuple(ordered[start : start + limit]), len(ordered))


@given(count=st.integers(0, 3 * PAGE), drift=st.dictionaries(st.integers(1, 8), st.integers(-3, 3), max_size=3))
def test_every_page_or_weather(count: int, drift: dict[int, int]) -> None:
    shelf = Shelf(count, drift)
    try:
        found = Pager(shelf.fetch).all([])
    except Weather:
        return
    uuids = [item["uuid"] for item in found]
    assert len(set(uuids)) == len(uuids)
    assert set(uuids) == {row["uuid"] for row in shelf.rows}


def test_a_server_that_lies_about_its_total_is_weather() -> None:
    with pytest.raises(Weather):
        Pager(lambda _query: Found(({"uuid": "a"},), 5)).all([])
    with pytest.raises(Weather):
        Pager(lambda _query: Found(({"uuid": "a"},), None)).all([])


@given(st.text(max_size=40))
def test_a_condition_is_what_was_meant_or_is_not_sent(value: str) -> None:
    made = condition("name", "=", value)
    if made is None:
        return
    first = next(sign for sign in OPERATORS if sign in made)
    assert made.split(first, 1) == ["name", value]
    assert not set("'\\") & set(value)


class Bin:
    """A recycle bin to choose from."""

    def __init__(self, names: list[str]) -> None:
        fields = [{"uuid": f"{n:032x}", "name": name, "status": "Deleted"} for n, name in enumerate(names)]
        self.volumes = [Volume(str(one["uuid"]), one) for one in fields]

    def deleted(self) -> list[Volume]:
        return self.volumes

    def query(self, _path: str, _query: object) -> Found:
        raise Weather("an optional look-up: what it costs is what it would have told")


NAMES = st.sampled_from(["a", "b", "a*", "", "卷", "a ", "A"])


@given(names=st.lists(NAMES, max_size=6), asked=st.lists(NAMES.filter(bool), min_size=1, max_size=4))
def test_choosing_takes_exactly_what_was_named(names: list[str], asked: list[str]) -> None:
    bin_: Any = Bin(names)
    chosen = choose(
        bin_, [(text, None) for text in asked], lambda rows: [Listed(one, Recycle(True, None)) for one in rows]
    )
    for want in chosen.wanted:
        assert names.count(want.asked) == 1
        assert names[int(want.uuid, 16)] == want.asked
    for result in chosen.refused:
        assert result.outcome is Outcome.FAILED
        assert names.count(result.asked) != 1
        assert len(result.candidates) == names.count(result.asked)
    assert {want.asked for want in chosen.wanted} | {result.asked for result in chosen.refused} == set(asked)
