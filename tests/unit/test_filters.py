"""Filters: true, false or unknown; and the error for volumes whose filters are undecided."""

from __future__ import annotations

from typing import Any

import click
import pytest

from zvol.catalog.filters import FilterFacts, Filters, TimeBound, parse_when, select
from zvol.catalog.listing import RetentionContext
from zvol.catalog.lookups import Fact
from zvol.cli.selectors import filter_options, filters_given
from zvol.errors import Exit, Refused, TransientError, Unreachable, ZvolError
from zvol.model import Volume
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.zstack.answers import QueryResult
from zvol.zstack.zones import Zone

NOW = 1_795_000_000.0
CALENDAR = RetentionContext({}, Zone(), NOW)
SOON = Retention(True, None, expunges_after=NOW + 60, seconds_left=60)
LATER = Retention(True, None, expunges_after=NOW + 6000, seconds_left=6000)
UNKNOWN = Retention(True, None)
NEVER_EXPUNGED = Retention(True, None, policy="Never")
NOBODY: Any = None


def row(number: int, retention: Retention = UNKNOWN, deleted: float | None = None, **fields: str) -> VolumeRow:
    uuid = f"{number:032x}"
    inventory = {"uuid": uuid, "status": "Deleted", "type": "Data", "name": f"v{number}"} | fields
    return VolumeRow(Volume(uuid, inventory), retention, deleted, server_now=NOW)


def test_each_filter_is_true_false_or_unknown() -> None:
    vms = FilterFacts(NOW, vms=frozenset(("a",)), storages=frozenset(("b",)), tags={row(1).volume.uuid: ["t"]})
    on, off = row(1, lastVmInstanceUuid="a", primaryStorageUuid="b"), row(2, lastVmInstanceUuid="x")
    for filters in (Filters(last_vm="n"), Filters(storage="n"), Filters(tagged="t")):
        assert [filters.match(one, vms) for one in (on, off)] == [True, False]
        assert filters.match(on, FilterFacts(NOW)) is None
    assert Filters(last_vm="n").match(row(3), FilterFacts(NOW)) is False, "it was never on any"
    within = Filters(expiring_within=60.0)
    assert [within.match(one, vms) for one in (row(1, SOON), row(1, LATER), row(1), row(1, NEVER_EXPUNGED))] == [
        True,
        False,
        None,
        False,
    ]


def test_dates() -> None:
    since, before = Filters(since=TimeBound(ago=100.0)), Filters(before=TimeBound(NOW - 100))
    at, ago, ready = row(1, deleted=NOW - 100), row(1, deleted=NOW - 101), row(1, deleted=NOW, status="Ready")
    assert [since.match(one, FilterFacts(NOW)) for one in (at, ago, row(1), ready)] == [True, False, None, False]
    assert [before.match(one, FilterFacts(NOW)) for one in (at, ago, row(1), ready)] == [False, True, None, False]
    assert since.match(at, FilterFacts(None)) is None
    assert before.match(ago, FilterFacts(None)) is True
    assert parse_when("2h") == TimeBound(ago=7200.0)
    assert parse_when("1970-01-01T00:00:10Z") == TimeBound(10.0)


def test_another_filter_that_is_false_decides() -> None:
    both = Filters(name="v1", expiring_within=60.0)
    assert both.match(row(2), FilterFacts(NOW)) is False
    assert both.match(row(1), FilterFacts(NOW)) is None
    assert select([row(2)], both, NOBODY, CALENDAR) == []


def test_an_undecided_volume_is_an_error_that_names_it() -> None:
    rows = [row(number, SOON if number == 20 else UNKNOWN) for number in range(1, 21)]
    with pytest.raises(ZvolError) as raised:
        select(rows, Filters(expiring_within=60.0), NOBODY, CALENDAR)
    assert raised.value.exit is Exit.UNREACHABLE
    assert raised.value.kind == "undecided"
    for number in range(1, 13):
        assert f"{number:032x}" in raised.value.message
    assert f"{13:032x}" not in raised.value.message
    assert f"{20:032x}" not in raised.value.message
    assert raised.value.message.endswith(", ...")
    assert select(rows, Filters(expiring_within=60.0), NOBODY, CALENDAR, alarm=True) == rows
    assert select([row(1, SOON), row(2, LATER)], Filters(expiring_within=60.0), NOBODY, CALENDAR) == [row(1, SOON)]


def test_the_most_severe_reason_is_the_exit_code() -> None:
    missing: dict[Fact, TransientError | ZvolError] = {Fact.POLICY: TransientError("HTTP 502")}
    missing[Fact.ZONE] = Unreachable("no", hint="do this")
    missing[Fact.CLOCK] = ZvolError("certain")
    with pytest.raises(ZvolError) as raised:
        select([row(1)], Filters(expiring_within=60.0), NOBODY, RetentionContext({}, Zone(), None, missing))
    assert raised.value.exit is Exit.FAILED
    assert "HTTP 502" in raised.value.message
    assert raised.value.hint == "do this"


class Names:
    """Stands in for a client whose VMs have these names."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def query_all(self, _path: str, _conditions: list[str], **_how: Any) -> list[dict[str, str]]:
        return [{"uuid": name * 2, "name": name} for name in self.names]

    def query_page(self, _path: str, query: list[tuple[str, str]]) -> QueryResult:
        most = int(dict(query)["limit"])
        return QueryResult(tuple({"uuid": name * 2, "name": name} for name in self.names[:most]), None)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "no VM nobody"), (12, ", v11"), (13, ", v11, ..."), (40, ", v11, ...")]
)
def test_the_message_lists_the_known_names(count: int, shown: str) -> None:
    cloud: Any = Names(*(f"v{number}" for number in range(count)))
    with pytest.raises(Refused) as raised:
        select([], Filters(last_vm="nobody"), cloud, CALENDAR)
    assert raised.value.message.endswith(shown)
    assert raised.value.exit is Exit.FAILED


def test_all_vms_with_the_name_match() -> None:
    cloud: Any = Names("a", "b", "a")
    rows = [row(1, lastVmInstanceUuid="aa"), row(2, lastVmInstanceUuid="bb"), row(3)]
    assert select(rows, Filters(last_vm="a"), cloud, CALENDAR) == rows[:1]


def test_twelve_undecided_volumes_are_all_named() -> None:
    with pytest.raises(ZvolError) as raised:
        select([row(number) for number in range(12)], Filters(expiring_within=1.0), NOBODY, CALENDAR)
    assert not raised.value.message.endswith("...")


def test_each_filter_option_counts_as_a_filter() -> None:
    command = click.command()(filter_options(lambda **_options: None))
    names = [param.name for param in command.params if param.name is not None]
    assert not filters_given(dict.fromkeys(names))
    assert all(filters_given({**dict.fromkeys(names), name: "x"}) for name in names)
