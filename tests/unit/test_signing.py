"""Signatures of access keys: what is signed, and with which date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.secrets import Secret
from zvol.zstack.access_key import AccessKeyAuth, signature
from zvol.zstack.server_clock import ServerClock
from zvol.zstack.server_facts import parse_current_time
from zvol.zstack.zones import Zone

UUID = "d4910ee8def241e7afcb55ca1ee685c9"
AT = datetime(2017, 11, 14, 14, 20, 57, tzinfo=UTC).timestamp()
JAVA = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT([+-]\d\d:\d\d)?")


def clock(zone: tzinfo, ahead: float = 0.0) -> ServerClock:
    return ServerClock(ahead, Zone("server", zone))


def test_the_documented_test_vector() -> None:
    path = f"/v1/volumes/{UUID}/actions"
    made = signature(Secret("test-secret"), "PUT", "Tue, 14 Nov 2017 22:20:57 CST", path)
    assert made == "Sv0gXhyHq7NTJmRpZHF/vQ6v+bA="


def test_the_headers_of_a_request() -> None:
    made = AccessKeyAuth("AK", Secret("test-secret"), clock(ZoneInfo("Asia/Shanghai")), lambda: AT)(
        "GET", "/v1/volumes"
    )
    assert made["Date"] == "Tue, 14 Nov 2017 22:20:57 GMT+08:00"
    expected = signature(Secret("test-secret"), "GET", made["Date"], "/v1/volumes")
    assert made["Authorization"] == f"ZStack AK:{expected}"


def test_the_path_is_signed_decoded() -> None:
    secret, date = Secret("s"), "Tue, 14 Nov 2017 22:20:57 GMT"
    assert signature(secret, "GET", date, "/v1/a%20b/%E4%BA%91") == signature(secret, "GET", date, "/v1/a b/云")
    assert signature(secret, "GET", date, "/v1/a") != signature(secret, "PUT", date, "/v1/a")
    assert signature(secret, "GET", date, "/v1/a") != signature(secret, "GET", date, "/v1/b")


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        (UTC, "Tue, 14 Nov 2017 14:20:57 GMT"),
        (ZoneInfo("Asia/Shanghai"), "Tue, 14 Nov 2017 22:20:57 GMT+08:00"),
        (ZoneInfo("Asia/Kathmandu"), "Tue, 14 Nov 2017 20:05:57 GMT+05:45"),
        (ZoneInfo("America/St_Johns"), "Tue, 14 Nov 2017 10:50:57 GMT-03:30"),
        (ZoneInfo("Pacific/Kiritimati"), "Wed, 15 Nov 2017 04:20:57 GMT+14:00"),
        (timezone(timedelta(minutes=-30)), "Tue, 14 Nov 2017 13:50:57 GMT-00:30"),
    ],
)
def test_the_date_is_in_the_servers_time_zone(zone: tzinfo, written: str) -> None:
    assert clock(zone).date(AT) == written


def test_the_servers_clock_is_used_and_not_this_machines() -> None:
    assert clock(UTC, ahead=3600).date(AT) == "Tue, 14 Nov 2017 15:20:57 GMT"


def test_daylight_saving_follows_the_date() -> None:
    berlin = clock(ZoneInfo("Europe/Berlin"))
    summer = datetime(2017, 7, 1, 12, tzinfo=UTC).timestamp()
    assert berlin.date(summer).endswith("14:00:00 GMT+02:00")
    assert berlin.date(AT).endswith("15:20:57 GMT+01:00")


@given(st.floats(0, 4e9), st.floats(-1e6, 1e6), st.integers(-18 * 4, 18 * 4))
def test_every_date_is_readable_by_java_and_the_right_instant(now: float, ahead: float, quarters: int) -> None:
    zone = timezone(timedelta(minutes=15 * quarters))
    text = clock(zone, ahead).date(now)
    assert JAVA.fullmatch(text)
    offset = text.rpartition("GMT")[2].replace(":", "") or "+0000"
    read = datetime.strptime(text.rpartition(" GMT")[0] + offset, "%a, %d %b %Y %H:%M:%S%z")
    assert abs(read.timestamp() - (now + ahead)) <= 1


@pytest.mark.parametrize(
    "document",
    [{}, {"currentTime": None}, {"currentTime": {"MillionSeconds": "1"}}, {"currentTime": {"MillionSeconds": True}},
     {"currentTime": {"MillionSeconds": -1}}, {"currentTime": {"MillionSeconds": 10**20}}, {"currentTime": []}],
)  # fmt: skip
def test_an_invalid_time(document: dict[str, object]) -> None:
    assert parse_current_time(document) is None


def test_the_advice_shows_both_clocks() -> None:
    signer = AccessKeyAuth("AK", Secret("s"), clock(ZoneInfo("Asia/Shanghai"), 7), lambda: AT)
    advice = signer.hint("requestTimeTooSkewed")
    assert "22:20:64" not in advice
    assert "22:21:04 GMT+08:00" in advice
    assert "2017-11-14 14:20:57 UTC" in advice
    assert "+7 s" in advice


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        ("Authorization type must be 'OAuth'", "knows no access keys"),
        ("RestAuthenticationType type: ZStack was not registered by any RestAuthenticationBackend", "no access keys"),
        ("unable to find RestAuthenticationBackend[provider type: x]", "knows no access keys"),
        ("'Date' format error, correct format is 'EEE, dd MMM yyyy HH:mm:ss '", "a ZStack before 3.10 reads it in"),
        ("'Date' must be incuded in request header", "Check the id and the secret"),
        ("wrong accessKey signature", "Check the id and the secret"),
    ],
)
def test_what_to_do_about_a_refused_signature(refusal: str, advice: str) -> None:
    hint = AccessKeyAuth("AK", Secret("s"), clock(UTC), lambda: AT).hint(refusal)
    assert advice in hint
    assert ("`zvol login`" in hint) == ("Check" not in advice)
