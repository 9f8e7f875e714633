"""Time left: the server's texts, its zone and its policy; and unknown wherever one of them is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.model import Volume
from zvol.recovery.dates import parse_server_date
from zvol.recovery.deadline import Policy, Zone, instant, listed, parse_policy, recycle, urgency

NOON = datetime(2026, 11, 23, 21, 5, 50)
POLICY = Policy("Delay", 259_200, 3600)
UTC_ZONE = Zone("server", UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Nov 23, 2026 9:05:50 PM",
        "Nov 23, 2026, 9:05:50 PM",
        "Nov 23, 2026, 9:05:50\u202fPM",
        "Nov 23, 2026 9:05:50\u00a0pm",
        "November 23, 2026 9:05:50 PM",
        "十一月 23, 2026 9:05:50 下午",
        "11月 23, 2026 9:05:50 下午",
        "2026年11月23日 下午9:05:50",
        "2026-11-23 21:05:50",
        "2026/11/23 21:05:50",
    ],
)
def test_the_forms_of_a_date(text: str) -> None:
    assert parse_server_date(text) == NOON


@pytest.mark.parametrize(
    ("text", "hour"),
    [("Nov 23, 2026 12:00:00 AM", 0), ("Nov 23, 2026 12:00:00 PM", 12), ("Nov 23, 2026 1:00:00 AM", 1)],
)
def test_midnight_and_noon(text: str, hour: int) -> None:
    found = parse_server_date(text)
    assert found is not None
    assert found.hour == hour


@pytest.mark.parametrize(
    "text", ["", "soon", "Nov 31, 2026 9:00:00 PM", "Nov 23, 2026 13:00:00 PM", "Foo 23, 2026 9:05:50 PM", "１"]
)
def test_what_is_no_date_is_unknown(text: str) -> None:
    assert parse_server_date(text) is None


@given(st.text())
def test_any_text_is_a_date_or_unknown(text: str) -> None:
    found = parse_server_date(text)
    assert found is None or found.tzinfo is None


@pytest.mark.parametrize(
    ("name", "offset", "hours"),
    [("Asia/Shanghai", "+08:00", 8), ("Etc/UTC", "Z", 0), (None, "+05:45", 5.75), ("Nowhere/Land", "-03:30", -3.5)],
)
def test_zones_of_the_server(name: str | None, offset: str, hours: float) -> None:
    zone = Zone.from_server(name, offset)
    at = instant("Nov 23, 2026 9:05:50 PM", zone)
    assert at == NOON.replace(tzinfo=UTC).timestamp() - hours * 3600
    assert zone.source == "server"


def test_a_login_tells_the_zone_to_a_quarter_of_an_hour() -> None:
    now = NOON.replace(tzinfo=UTC).timestamp()
    zone = Zone.from_login("Nov 24, 2026 2:50:51 AM", now)
    assert zone.source == "login"
    assert instant("Nov 24, 2026 2:50:50 AM", zone) == now
    assert Zone.from_login("Nov 24, 2026 2:55:50 AM", now).tz is None
    assert Zone.from_login("rubbish", now) == Zone()
    assert Zone.from_profile("Asia/Kathmandu").source == "profile"
    assert Zone.from_profile(None) == Zone()


def test_the_ambiguous_hour_is_read_as_the_earlier_one() -> None:
    berlin = Zone.from_server("Europe/Berlin", None)
    at = instant("Oct 25, 2026 2:30:00 AM", berlin)
    assert at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    gap = instant("Mar 29, 2026 2:30:00 AM", berlin)
    assert gap == datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp()


def deleted(**more: object) -> Volume:
    fields = {"uuid": "a" * 32, "type": "Data", "status": "Deleted", "lastOpDate": "Nov 23, 2026 9:05:50 PM"}
    return Volume("a" * 32, fields | more)


def test_a_deleted_volume_is_safe_for_its_period() -> None:
    now = NOON.replace(tzinfo=UTC).timestamp() + 3600
    found = recycle(deleted(), POLICY, UTC_ZONE, now)
    assert (found.recoverable, found.seconds_left, found.clock_from) == (True, 259_200 - 3600, "deleted")
    overdue = recycle(deleted(), POLICY, UTC_ZONE, now + 10**6)
    assert (overdue.recoverable, overdue.seconds_left, overdue.reason) == (True, 0, "overdue")


def test_what_is_not_known_is_not_guessed() -> None:
    for policy, zone, volume in (
        (None, UTC_ZONE, deleted()),
        (POLICY, Zone(), deleted()),
        (Policy("Delay", None, None), UTC_ZONE, deleted()),
        (POLICY, UTC_ZONE, deleted(lastOpDate="rubbish")),
        (POLICY, UTC_ZONE, deleted(lastOpDate=7)),
    ):
        found = recycle(volume, policy, zone, 0.0)
        assert (found.recoverable, found.seconds_left, found.expunges_after) == (True, None, None)


def test_policies() -> None:
    assert recycle(deleted(), Policy("Never", 259_200, 3600), UTC_ZONE, 0.0).expunges_after is None
    assert recycle(deleted(), Policy("Direct", 259_200, 3600), UTC_ZONE, 0.0).expunges_after is not None
    configs = [
        {"category": "volume", "name": "deletionPolicy", "value": "Never"},
        {"category": "volume", "name": "expungePeriod", "value": "60"},
        {"category": "volume", "name": "expungeInterval", "value": "-1"},
        {"category": "vm", "name": "expungePeriod", "value": "99"},
    ]
    assert parse_policy(configs) == Policy("Never", 60, None)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "Ready"}, "not-deleted"),
        ({"type": "Root"}, "root"),
        ({"installPath": "/x"}, "half-expunged"),
    ],
)
def test_why_not(more: dict[str, object], reason: str) -> None:
    found = recycle(deleted(**more), POLICY, UTC_ZONE, 0.0)
    assert (found.recoverable, found.reason) == (False, reason)


def test_a_change_after_the_deletion_shows() -> None:
    found = recycle(deleted(lastDetachDate="Nov 23, 2026 8:00:00 PM"), POLICY, UTC_ZONE, 0.0)
    assert found.clock_from == "changed"


def test_the_most_urgent_comes_first_and_unknown_counts_as_about_to() -> None:
    now = NOON.replace(tzinfo=UTC).timestamp()
    rows = [
        listed(deleted(lastOpDate=text), policy, UTC_ZONE, now, {}, {})
        for text, policy in (
            ("Nov 23, 2026 9:05:50 PM", POLICY),
            ("Nov 22, 2026 9:05:50 PM", POLICY),
            ("rubbish", POLICY),
            ("Nov 22, 2026 9:05:50 PM", Policy("Never", 1, 1)),
        )
    ]
    order = [rows.index(row) for row in sorted(rows, key=urgency)]
    assert order == [2, 1, 0, 3]
