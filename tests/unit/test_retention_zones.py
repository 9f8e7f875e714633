"""The server's time zone and what its dates mean in it, daylight saving included."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zvol.catalog.retention import instant
from zvol.zstack.zones import END, Zone, first_known

ZERO = Zone("server", UTC)
DELETED = "Nov 23, 2026 9:05:50 PM"
AT = datetime(2026, 11, 23, 21, 5, 50, tzinfo=UTC).timestamp()


def utc(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


# ---- zones -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("offset", "minutes"),
    [("Z", 0), ("+00:00", 0), ("+05:45", 345), ("-03:30", -210), ("+08:00", 480), ("+8:00", 480), ("-12:00", -720)],
)
def test_the_offset_of_a_server_without_a_known_name(offset: str, minutes: int) -> None:
    for name in (None, "", "GMT+08:00", "Nowhere/Land", "../../etc/passwd", "/etc/localtime", "localtime", "America"):
        zone = Zone.from_server(name, offset)
        assert zone.source == "server"
        assert zone.tz is not None
        assert zone.tz.utcoffset(None) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "offset", [None, "", "8", "+24:00", "+19:00", "+05:60", "5:45", "z", "UTC", "+٠٥:٤٥", "+05:45 "]
)
def test_no_name_and_no_offset_is_unknown(offset: str | None) -> None:
    assert Zone.from_server(None, offset) == Zone("unknown", None)
    assert Zone.from_server("Nowhere/Land", offset) == Zone()


@pytest.mark.parametrize("offset", ["+01:00", "+02:00", None, "nonsense"])
def test_a_named_zone_knows_daylight_saving(offset: str | None) -> None:
    assert Zone.from_server("Europe/Berlin", offset) == Zone("server", ZoneInfo("Europe/Berlin"))


def test_an_offset_overrides_a_contradicting_name() -> None:
    assert Zone.from_server("Europe/Berlin", "+08:00").tz == timezone(timedelta(hours=8))
    assert Zone.from_server("CST6CDT", "+08:00").tz == timezone(timedelta(hours=8))


def test_the_offset_is_compared_at_its_own_moment() -> None:
    summer, winter = utc(2026, 7, 1), utc(2026, 12, 1)
    assert Zone.from_server("Europe/Berlin", "+02:00", summer).tz == ZoneInfo("Europe/Berlin")
    assert Zone.from_server("Europe/Berlin", "+01:00", winter).tz == ZoneInfo("Europe/Berlin")
    assert Zone.from_server("Europe/Berlin", "+02:00", winter).tz == timezone(timedelta(hours=2))


@pytest.mark.parametrize("at", [-1.0, 1e30, math.inf, math.nan, float(END)])
def test_a_clock_out_of_range_is_ignored(at: float) -> None:
    assert Zone.from_server("Europe/Berlin", "+02:00", at).tz == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("minutes", [0, 345, 480, -210, 840, -720, 765])
@pytest.mark.parametrize("late", [0, 1, 119, -119])
def test_the_offset_from_a_login(minutes: int, late: int) -> None:
    zone = Zone.from_login(DELETED, AT - minutes * 60 + late)
    assert zone.source == "login"
    assert zone.tz is not None
    assert zone.tz.utcoffset(None) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("created", "server"),
    [
        (DELETED, AT + 121),
        (DELETED, AT - 450),
        (DELETED, AT + 15 * 3600),
        (DELETED, AT - 14 * 3600 - 900),
        (DELETED, AT + 12 * 3600 + 900),
        (DELETED, None),
        (DELETED, math.nan),
        (DELETED, math.inf),
        (None, AT),
        ("", AT),
        ("yesterday", AT),
    ],
)
def test_a_login_without_a_usable_date(created: str | None, server: float | None) -> None:
    assert Zone.from_login(created, server) == Zone()


@settings(deadline=None)
@given(st.text(st.characters()), st.floats())
def test_any_login_is_a_zone_or_unknown(created: str, server: float) -> None:
    assert Zone.from_login(created, server).source in ("login", "unknown")


@settings(deadline=None)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_answer_is_a_zone_or_unknown(name: str, offset: str) -> None:
    assert Zone.from_server(name, offset).source in ("server", "unknown")
    assert Zone.from_profile(name).source in ("profile", "unknown")


def test_the_time_zone_of_the_profile() -> None:
    assert Zone.from_profile("Asia/Shanghai") == Zone("profile", ZoneInfo("Asia/Shanghai"))
    assert Zone.from_profile("+05:45") == Zone("profile", timezone(timedelta(minutes=345)))
    assert Zone.from_profile(None) == Zone.from_profile("Asia/Shangai") == Zone()
    assert Zone.from_profile("localtime") == Zone.from_server("posixrules", None) == Zone()  # this machine's own


def test_the_server_comes_before_login_and_profile() -> None:
    server, login, profile = Zone("server", UTC), Zone("login", UTC), Zone("profile", UTC)
    assert first_known(server, login, profile) == server
    assert first_known(Zone(), login, profile) == login
    assert first_known(Zone(), Zone(), profile) == profile
    assert first_known(Zone(), Zone(), Zone()) == first_known() == Zone()


# ---- instants --------------------------------------------------------------------------------------------------------
def test_an_offset_of_a_quarter_of_an_hour() -> None:
    nepal = Zone.from_server("Asia/Kathmandu", "+05:45")
    assert instant(DELETED, nepal) == AT - 345 * 60 == instant(DELETED, Zone.from_server(None, "+05:45"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # Berlin, forwards at 02:00 on 29 March: before, the hour that never was, after
        ("Europe/Berlin", "Mar 29, 2026 1:59:59 AM", (2026, 3, 29, 0, 59, 59)),
        ("Europe/Berlin", "Mar 29, 2026 2:30:00 AM", (2026, 3, 29, 0, 30)),
        ("Europe/Berlin", "Mar 29, 2026 3:00:00 AM", (2026, 3, 29, 1, 0)),
        # and back at 03:00 on 25 October: before, the hour that comes twice, after
        ("Europe/Berlin", "Oct 25, 2026 1:59:59 AM", (2026, 10, 24, 23, 59, 59)),
        ("Europe/Berlin", "Oct 25, 2026 2:30:00 AM", (2026, 10, 25, 0, 30)),
        ("Europe/Berlin", "Oct 25, 2026 3:00:00 AM", (2026, 10, 25, 2, 0)),
        ("America/New_York", "Mar 8, 2026 1:59:59 AM", (2026, 3, 8, 6, 59, 59)),
        ("America/New_York", "Mar 8, 2026 2:30:00 AM", (2026, 3, 8, 6, 30)),
        ("America/New_York", "Mar 8, 2026 3:00:00 AM", (2026, 3, 8, 7, 0)),
        ("America/New_York", "Nov 1, 2026 12:59:59 AM", (2026, 11, 1, 4, 59, 59)),
        ("America/New_York", "Nov 1, 2026 1:30:00 AM", (2026, 11, 1, 5, 30)),
        ("America/New_York", "Nov 1, 2026 2:00:00 AM", (2026, 11, 1, 7, 0)),
        ("Australia/Lord_Howe", "Apr 5, 2026 1:45:00 AM", (2026, 4, 4, 14, 45)),
    ],
)
def test_daylight_saving(name: str, text: str, expected: tuple[int, ...]) -> None:
    assert instant(text, Zone("server", ZoneInfo(name))) == utc(*expected)


@settings(deadline=None)
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
)
def test_an_ambiguous_date_takes_its_earliest_reading(local: datetime, name: str) -> None:
    local = local.replace(microsecond=0)
    found = instant(local.isoformat(" "), Zone("server", ZoneInfo(name)))
    readings = [local.replace(tzinfo=ZoneInfo(name), fold=fold).timestamp() for fold in (0, 1)]
    assert found == min(readings)


@pytest.mark.parametrize("text", [None, "", "yesterday", "Jan 1, 1969 1:00:00 AM", "Jan 1, 0001 1:00:00 AM"])
def test_unreadable_dates_have_no_instant(text: str | None) -> None:
    assert instant(text, ZERO) is None


def test_a_date_at_the_end_of_the_range_has_no_instant() -> None:
    assert instant("Dec 31, 9999 11:59:59 PM", ZERO) == END
    assert instant("Dec 31, 9999 11:59:59 PM", Zone("server", timezone(timedelta(hours=-1)))) is None


def test_without_a_zone_there_is_no_instant() -> None:
    assert instant(DELETED, Zone()) is None


@settings(deadline=None)
@given(st.text(st.characters()))
def test_any_text_is_an_instant_or_none(text: str) -> None:
    found = instant(text, ZERO)
    assert found is None or 0 <= found <= END
