"""When only the offset of one moment is known, the earliest reading of a date is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zvol.catalog.retention import Policy, instant, retention_of
from zvol.model import Volume
from zvol.zstack import date_readings
from zvol.zstack.zones import END, Zone

HOUR = 3600
WINTER = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()


def text(at: float, zone: str) -> str:
    """Return what a server in a zone writes at an instant."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def logged_in(zone: str, at: float) -> Zone:
    return Zone.from_login(text(at, zone), at)


@pytest.mark.parametrize(
    ("zone", "now", "then", "earlier"),
    [
        ("Europe/Berlin", WINTER, SUMMER, 0),  # summer time ended: the later offset alone would be an hour late
        ("Europe/Berlin", SUMMER, WINTER - 365 * 86400, HOUR),  # it began: in Johannesburg it would be an hour earlier
        ("Europe/Berlin", WINTER, WINTER - 86400, 0),
        ("America/New_York", WINTER, SUMMER, 0),
        ("Australia/Lord_Howe", SUMMER, WINTER - 365 * 86400, 0),  # its summer time is half an hour
        ("Asia/Shanghai", WINTER, SUMMER, 0),  # nobody at +08:00 has had summer time for years
        ("Asia/Kathmandu", SUMMER, WINTER - 365 * 86400, 0),
    ],
)
def test_an_older_date_with_the_offset_of_a_login(zone: str, now: float, then: float, earlier: int) -> None:
    found = instant(text(then, zone), logged_in(zone, now))
    assert found == then - earlier


@settings(deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Sydney", "UTC"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),
    st.integers(0, 400 * 86400),
)
def test_a_date_is_never_read_later_than_it_was(zone: str, now: datetime, ago: int) -> None:
    at = now.replace(tzinfo=UTC, microsecond=0).timestamp()
    found = instant(text(at - ago, zone), logged_in(zone, at))
    assert found is not None
    assert at - ago - 4 * HOUR <= found <= at - ago  # in 2023 Casey in Antarctica changed from +11:00 to +08:00


def test_the_offset_of_a_server_with_an_unknown_zone_is_that_of_one_moment() -> None:
    for name in (None, "Nowhere/Land", "Asia/Tokyo"):
        zone = Zone.from_server(name, "+01:00", WINTER)
        assert zone.source == "server"
        assert instant(text(SUMMER, "Europe/Berlin"), zone) == SUMMER
    custom = Zone.from_server("GMT+01:00", "+01:00", WINTER)  # a zone of Java's own, that has no summer time
    assert instant("2026-07-01 13:00:00", custom) == SUMMER
    assert custom.offset is None


def test_without_the_moment_any_zone_that_ever_had_the_offset_is_possible() -> None:
    zone = Zone.from_server(None, "+01:00", None)
    assert instant(text(SUMMER, "Europe/Berlin"), zone) == SUMMER


def test_without_zone_tables_an_offset_one_hour_larger_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(date_readings, "_zones_with_offset", lambda _offset, _moment: ())
    date_readings._largest_offset.cache_clear()
    zone = Zone.of_moment("login", timezone(timedelta(hours=1)), WINTER)
    assert instant("2026-07-01 14:00:00", zone) == SUMMER
    assert instant("2026-12-01 14:00:00", zone) == WINTER
    date_readings._largest_offset.cache_clear()


def test_the_offset_of_the_profile_holds_for_every_date() -> None:
    zone = Zone.from_profile("+01:00")
    assert instant("2026-07-01 13:00:00", zone) == SUMMER


@pytest.mark.parametrize("now", [None, SUMMER + 10])
def test_without_the_servers_clock_no_time_is_known(now: float | None) -> None:
    fields = {"uuid": "a" * 32, "status": "Deleted", "type": "Data", "lastOpDate": "2026-07-01 12:00:00"}
    found = retention_of(Volume("a" * 32, fields), Policy("Delay", 1000), Zone("server", UTC), now)
    known = now is not None
    assert found.recoverable is True
    assert (found.expunges_after, found.seconds_left) == ((SUMMER + 1000, 990) if known else (None, None))
    assert found.clock == ("server" if known else "unknown")


@pytest.mark.parametrize("at", [-1.0, 1e30, float("inf"), float("nan"), float(END), float(END) - 86400])
def test_a_moment_out_of_range_is_none(at: float) -> None:
    zone = Zone.from_server(None, "+01:00", at)
    assert zone.moment is None
    assert instant(text(SUMMER, "Europe/Berlin"), zone) == SUMMER


def test_the_epoch_is_a_valid_instant() -> None:
    assert instant("1970-01-01 00:00:00", Zone("server", UTC)) == 0
    assert Zone.from_server(None, "Z", 0.0).moment == 0
