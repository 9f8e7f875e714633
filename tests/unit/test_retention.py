"""Retention: policies, deadlines and the order of a list; unknown values are never guessed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zvol.catalog.retention import (
    Policy,
    expires_within,
    most_urgent_first,
    parse_policy,
    retention_of,
    volume_row,
)
from zvol.model import Volume
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.zstack.zones import END, Zone

DAY = 86400
PERIOD = 3 * DAY
DELAY = Policy("Delay", PERIOD)
ZERO = Zone("server", UTC)
DELETED = "Nov 23, 2026 9:05:50 PM"
AT = datetime(2026, 11, 23, 21, 5, 50, tzinfo=UTC).timestamp()


def volume(uuid: str = "a" * 32, **fields: Any) -> Volume:
    """Return a deleted data volume; a field given as None is absent."""
    inventory = {
        "uuid": uuid,
        "status": "Deleted",
        "type": "Data",
        "installPath": "/zstack/data.qcow2",
        "primaryStorageUuid": "5" * 32,
        "lastOpDate": DELETED,
    } | fields
    return Volume(uuid, {name: value for name, value in inventory.items() if value is not None})


# ---- policies --------------------------------------------------------------------------------------------------------
def config(name: str, value: object, category: str = "volume") -> dict[str, Any]:
    return {"id": 1, "name": name, "category": category, "value": value, "defaultValue": "259200"}


def test_the_policy_of_the_server() -> None:
    configs = [config("deletionPolicy", "Delay"), config("expungePeriod", "259200"), config("expungeInterval", "3600")]
    known = Policy("Delay", 259200, 3600)
    assert parse_policy(configs) == parse_policy(reversed(configs)) == known
    assert parse_policy([*configs, config("size.scope", "5"), config("deletionPolicy", "Never", "image")]) == known


@pytest.mark.parametrize(
    "value", [259200, 259200.0, "", "0", "-1", "1.5", "1e3", " 5", "5\n", "٣", "9" * 13, None, True, []]
)
def test_an_invalid_period_is_none(value: object) -> None:
    assert parse_policy([config("expungePeriod", value), config("expungeInterval", value)]) == Policy()


@pytest.mark.parametrize("value", ["DBOnly", "delay", "", None, 1, [], {}])
def test_an_invalid_policy_is_none(value: object) -> None:
    assert parse_policy([config("deletionPolicy", value)]).deletion_policy is None


def test_contradicting_values_are_none() -> None:
    assert parse_policy([config("expungePeriod", "5"), config("expungePeriod", "6")]).period_seconds is None
    assert parse_policy([{}, {"name": []}, {"category": "volume"}]) == Policy()


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=3)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["name", "category", "value"]), JSON | st.just("volume"))))
def test_any_configs_are_a_policy(configs: list[Mapping[str, Any]]) -> None:
    assert isinstance(parse_policy(configs), Policy)


# ---- the time left ---------------------------------------------------------------------------------------------------
def test_a_deleted_data_volume() -> None:
    assert retention_of(volume(), DELAY, ZERO, AT + 100.5) == Retention(
        True, None, "deleted", AT + PERIOD, PERIOD - 101, "Delay", "server"
    )


def test_the_zone_moves_the_deadline() -> None:
    shanghai = retention_of(volume(), DELAY, Zone("profile", ZoneInfo("Asia/Shanghai")), AT)
    assert shanghai.expunges_after == AT + PERIOD - 8 * 3600
    assert shanghai.clock == "profile"


def test_the_period_counts_in_real_hours_across_a_change() -> None:
    berlin = Zone("server", ZoneInfo("Europe/Berlin"))
    autumn = retention_of(volume(lastOpDate="Oct 24, 2026 12:00:00 PM"), DELAY, berlin, AT).json()
    assert autumn["expungesAfter"] == "2026-10-27T10:00:00Z"  # 11:00 there, not 12:00
    spring = retention_of(volume(lastOpDate="Mar 28, 2026 12:00:00 PM"), DELAY, berlin, AT).json()
    assert spring["expungesAfter"] == "2026-03-31T11:00:00Z"


def test_overdue_is_still_there_while_it_is_listed() -> None:
    for late in (0, 1, 3600, 365 * DAY):
        found = retention_of(volume(), DELAY, ZERO, AT + PERIOD + late)
        assert (found.recoverable, found.reason, found.seconds_left) == (True, "overdue", 0)
        assert found.expunges_after == AT + PERIOD


def test_less_than_a_second_is_shown_as_zero() -> None:
    assert retention_of(volume(), DELAY, ZERO, AT + PERIOD - 0.5).seconds_left == 0
    assert retention_of(volume(), DELAY, ZERO, AT + PERIOD - 1).seconds_left == 1


def test_never_has_no_deadline() -> None:
    found = retention_of(volume(), Policy("Never", PERIOD), ZERO, AT + 365 * DAY)
    assert found == Retention(True, None, "deleted", None, None, "Never", "server")


def test_the_policy_direct_applies_to_later_deletions_only() -> None:
    found = retention_of(volume(), Policy("Direct", PERIOD), ZERO, AT)
    assert (found.recoverable, found.expunges_after, found.policy) == (True, AT + PERIOD, "Direct")


@pytest.mark.parametrize(
    ("one", "policy", "zone"),
    [
        (volume(), None, ZERO),
        (volume(), Policy(), ZERO),
        (volume(), Policy(None, PERIOD), ZERO),
        (volume(), Policy("Delay", None), ZERO),
        (volume(), DELAY, Zone()),
        (volume(lastOpDate=None), DELAY, ZERO),
        (volume(lastOpDate="yesterday"), DELAY, ZERO),
        (volume(lastOpDate=5), DELAY, ZERO),
    ],
)
def test_unknown_values_are_not_guessed(one: Volume, policy: Policy | None, zone: Zone) -> None:
    found = retention_of(one, policy, zone, AT)
    assert (found.recoverable, found.reason, found.expunges_after, found.seconds_left) == (True, None, None, None)


def test_a_change_ahead_of_the_servers_clock_disproves_the_zone() -> None:
    assert retention_of(volume(), DELAY, ZERO, AT - 600).seconds_left == PERIOD + 600
    ahead = volume_row(volume(), DELAY, ZERO, AT - 601, {}, {})
    assert (ahead.retention.recoverable, ahead.retention.expunges_after, ahead.deleted_at) == (True, None, None)


def test_the_interval_is_not_needed() -> None:
    assert retention_of(volume(), Policy("Delay", PERIOD), ZERO, AT).seconds_left == PERIOD


def test_an_infinite_period_can_be_printed() -> None:
    found = retention_of(volume(), Policy("Delay", 999_999_999_999), ZERO, AT)
    assert found.json()["expungesAfter"] == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("fields", "recoverable", "reason"),
    [
        ({"status": "Ready"}, False, "not-deleted"),
        ({"status": "Ready", "type": "Root"}, False, "not-deleted"),
        ({"status": "NotInstantiated", "installPath": None}, False, "not-deleted"),
        ({"type": "Root"}, False, "root"),
        ({"type": "Memory"}, False, "root"),
        ({"primaryStorageUuid": None}, False, "half-expunged"),
        ({"primaryStorageUuid": None, "type": "Root"}, False, "half-expunged"),
        ({"status": None}, None, None),
        ({"type": None}, None, None),
    ],
)
def test_volumes_without_a_time_left(fields: dict[str, Any], recoverable: bool | None, reason: str | None) -> None:
    found = retention_of(volume(**fields), DELAY, ZERO, AT)
    assert found == Retention(recoverable, reason, policy="Delay", clock="server")


def test_a_volume_never_instantiated_is_recoverable() -> None:
    assert retention_of(volume(installPath=None, primaryStorageUuid=None), DELAY, ZERO, AT).recoverable is True


@pytest.mark.parametrize(
    ("detached", "expected"),
    [
        (None, "deleted"),
        (DELETED, "deleted"),
        ("Nov 23, 2026 9:05:10 PM", "deleted"),
        ("Nov 23, 2026 9:04:50 PM", "deleted"),
        ("Nov 23, 2026 9:04:49 PM", "changed"),
        ("Nov 22, 2026 9:05:50 PM", "changed"),
        ("Nov 24, 2026 9:05:50 PM", "changed"),
        ("yesterday", "deleted"),
    ],
)
def test_the_date_from_which_the_period_counts(detached: str | None, expected: str) -> None:
    for zone in (ZERO, Zone()):
        assert retention_of(volume(lastDetachDate=detached), DELAY, zone, AT).clock_from == expected


def test_without_a_date_there_is_no_deadline() -> None:
    assert retention_of(volume(lastOpDate="?", lastDetachDate=DELETED), DELAY, ZERO, AT).clock_from is None


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 10**12 - 1), st.floats(0, 2**33), st.sampled_from(["Delay", "Direct"]))
def test_the_deadline_is_the_date_plus_the_period(changed: int, period: int, now: float, policy: str) -> None:
    text = datetime.fromtimestamp(changed, UTC).replace(tzinfo=None).isoformat(" ")
    found = retention_of(volume(lastOpDate=text), Policy(policy, period), ZERO, now)
    if changed > now + 600:
        assert found.expunges_after is None
        return
    assert found.expunges_after == min(changed + period, END)
    assert found.seconds_left is not None
    assert found.seconds_left >= 0
    assert (found.seconds_left == 0) == (found.reason == "overdue") == (found.expunges_after - now < 1)
    if found.seconds_left:
        assert 0 <= found.expunges_after - now - found.seconds_left < 1
    found.json()


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["status", "type", "lastOpDate", "lastDetachDate", "installPath"]), JSON),
    st.sampled_from([None, DELAY, Policy("Never"), Policy()]),
    st.sampled_from([ZERO, Zone()]),
    st.floats(0, 1e12),
)
def test_any_inventory_has_a_retention(fields: dict[str, Any], policy: Policy | None, zone: Zone, now: float) -> None:
    row = volume_row(Volume("a" * 32, {"uuid": "a" * 32} | fields), policy, zone, now, {}, {})
    assert (row.retention.expunges_after is None) == (row.retention.seconds_left is None)
    assert row.retention.reason is None or row.retention.recoverable is not None
    row.json()
    most_urgent_first(row)


# ---- lists -----------------------------------------------------------------------------------------------------------
def test_a_row_has_names() -> None:
    one = volume(lastVmInstanceUuid="7" * 32)
    row = volume_row(one, DELAY, ZERO, AT, {"7" * 32: "web"}, {"5" * 32: "ceph"})
    assert (row.volume, row.last_vm, row.storage, row.deleted_at) == (one, "web", "ceph", AT)
    assert row.retention == retention_of(one, DELAY, ZERO, AT)


def test_a_row_without_names_or_a_deletion() -> None:
    row = volume_row(volume(status="Ready"), DELAY, ZERO, AT, {}, {})
    assert (row.last_vm, row.storage, row.deleted_at) == (None, None, None)


ROWS: dict[str, VolumeRow] = {
    name: volume_row(one, policy, zone, AT, {}, {})
    for name, one, policy, zone in [
        ("unknown, no date", volume("9" * 32, lastOpDate=None), DELAY, ZERO),
        ("unknown, older", volume("8" * 32, lastOpDate="Nov 20, 2026 9:05:50 PM"), DELAY, Zone()),
        ("unknown, younger", volume("7" * 32), DELAY, Zone()),
        ("overdue for long", volume("6" * 32, lastOpDate="Nov 2, 2026 9:05:50 PM"), DELAY, ZERO),
        ("overdue", volume("5" * 32, lastOpDate="Nov 20, 2026 8:05:50 PM"), DELAY, ZERO),
        ("soon", volume("4" * 32, lastOpDate="Nov 21, 2026 9:05:50 PM"), DELAY, ZERO),
        ("later", volume("0" * 32), DELAY, ZERO),
        ("later, too", volume("3" * 32), DELAY, ZERO),
        ("half expunged", volume("2" * 32, primaryStorageUuid=None, lastOpDate="Nov 2, 2026 1:05:50 PM"), DELAY, ZERO),
        ("never", volume("1" * 32, lastOpDate="Nov 3, 2026 1:05:50 PM"), Policy("Never", PERIOD), ZERO),
        ("ready", volume("1" * 32, status="Ready"), DELAY, ZERO),
    ]
}


def test_the_most_urgent_comes_first() -> None:
    rows = sorted(ROWS.values(), key=lambda row: most_urgent_first(row))
    assert rows == list(ROWS.values())


@settings(deadline=None)
@given(st.permutations(list(ROWS)))
def test_the_order_does_not_depend_on_the_input_order(names: list[str]) -> None:
    assert sorted((ROWS[name] for name in names), key=most_urgent_first) == list(ROWS.values())


def test_the_order_is_total() -> None:
    keys = [most_urgent_first(row) for row in ROWS.values()]
    assert len(set(keys)) == len(keys)
    for one, other, third in itertools.permutations(keys, 3):
        assert (one < other) != (other < one)
        assert not (one < other < third) or one < third


@pytest.mark.parametrize("name", ROWS)
def test_volumes_that_expire_soon(name: str) -> None:
    soon = expires_within(ROWS[name].retention, DAY)
    assert soon is (None if name.startswith("unknown") else name.startswith("overdue") or name == "soon")


@settings(deadline=None)
@given(st.sampled_from(list(ROWS.values())), st.sampled_from(list(ROWS.values())), st.floats(0, 1e9))
def test_volumes_that_expire_come_first(one: VolumeRow, other: VolumeRow, seconds: float) -> None:
    if expires_within(one.retention, seconds) is not False and expires_within(other.retention, seconds) is False:
        assert most_urgent_first(one) < most_urgent_first(other)
