"""The dates of ZStack: every form that Java is known to write, and no other, in any locale of this machine."""

from __future__ import annotations

import contextlib
import locale
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zvol.zstack.dates import MAX_LENGTH, normalized_date, parse_server_date

THEN = datetime(2026, 11, 23, 21, 5, 50)
SHORT = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CHINESE = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")

SECONDS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(lambda d: d.replace(microsecond=0))


def american(date: datetime, *, comma: str = "", space: str = " ", am: str = "AM", pm: str = "PM") -> str:
    half = am if date.hour < 12 else pm
    hour = date.hour % 12 or 12
    clock = f"{hour}:{date.minute:02}:{date.second:02}{space}{half}"
    return f"{SHORT[date.month - 1]} {date.day}, {date.year}{comma} {clock}"


@pytest.mark.parametrize(
    "text",
    [
        "Nov 23, 2026 9:05:50 PM",
        "Nov 23, 2026, 9:05:50 PM",
        "Nov 23, 2026 9:05:50\u202fPM",
        "Nov 23, 2026, 9:05:50\u202fPM",
        "Nov 23, 2026, 9:05:50\u00a0PM",
        "Nov\u00a023,\u00a02026 09:05:50 PM",
        "Nov 23, 2026 9:05:50 pm",
        "NOV 23, 2026 9:05:50 PM",
        "November 23, 2026 9:05:50 PM",
        " Nov 23,  2026 9:05:50 PM ",
        "十一月 23, 2026 9:05:50 下午",
        "十一月 23, 2026, 9:05:50\u202f下午",
        "十一月 23, 2026 下午9:05:50",
        "11月 23, 2026 9:05:50 下午",
        "11月 23, 2026, 下午 9:05:50",
        "11月 23, 2026 9:05:50 PM",
        "Nov 23, 2026 9:05:50 下午",
        "2026年11月23日 下午9:05:50",
        "2026年11月23日 下午 9:05:50",
        "2026年11月23日 21:05:50",
        "2026年11月23日, 下午9:05:50",
        "2026-11-23 21:05:50",
        "2026-11-23 21:05:50.0",
        "2026-11-23 21:05:50.123456",
    ],
)
def test_each_known_form_is_read(text: str) -> None:
    assert parse_server_date(text) == THEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "2026",
        "Nov 23, 2026",
        "Nov 23, 2026 9:05:50",
        "Nov 23, 2026 21:05:50",
        "Nov 23, 2026 9:05 PM",
        "Nov 23, 2026 13:05:50 PM",
        "Nov 23, 2026 0:05:50 AM",
        "Nov 23, 2026 9:60:50 PM",
        "Nov 23, 2026 9:05:60 PM",
        "Nov 31, 2026 9:05:50 PM",
        "Nov 0, 2026 9:05:50 PM",
        "Feb 29, 2026 9:05:50 PM",
        "Nov 23, 0000 9:05:50 PM",
        "Nov 23, 26 9:05:50 PM",
        "Nov 23, 2026 9:05:50 XM",
        "Nov 23, 2026 9:05:50 PM CST",
        "Nov 23, 2026 9:05:50 PM x",
        "Nov 23, 2026 9:05:50 PM" + " " * MAX_LENGTH + "x",
        "Nov 23, 2026 9:05:50 PM" + " " * MAX_LENGTH,
        "Nox 23, 2026 9:05:50 PM",
        "Nove 23, 2026 9:05:50 PM",
        "十三月 23, 2026 9:05:50 下午",
        "十十月 23, 2026 9:05:50 下午",
        "13月 23, 2026 9:05:50 下午",
        "0月 23, 2026 9:05:50 下午",
        "2026年13月23日 下午9:05:50",
        "2026年11月23日 下午21:05:50",
        "2026年11月23日 25:05:50",
        "2026-11-23",
        "2026-11-23T21:05:50+08:00",
        "2026-11-23 21:05:50 PM",
        "2026-11-23 24:00:00",
        "0000-00-00 00:00:00",
        "23/11/2026 21:05:50",
        "11/23/2026 9:05:50 PM",
        "1795467950",
        "٢٠٢٦-١١-٢٣ ٢١:٠٥:٥٠",
    ],
)
def test_an_unreadable_date_is_none(text: str) -> None:
    assert parse_server_date(text) is None


@pytest.mark.parametrize(("month", "name"), list(enumerate(SHORT, 1)))
def test_every_english_month(month: int, name: str) -> None:
    assert parse_server_date(f"{name} 9, 2026 1:02:03 AM") == datetime(2026, month, 9, 1, 2, 3)


@pytest.mark.parametrize(("month", "name"), list(enumerate(CHINESE, 1)))
def test_every_chinese_month(month: int, name: str) -> None:
    expected = datetime(2026, month, 9, 1, 2, 3)
    assert parse_server_date(f"{name}月 9, 2026 1:02:03 上午") == expected
    assert parse_server_date(f"{month}月 9, 2026 1:02:03 上午") == expected
    assert parse_server_date(f"2026年{month}月9日 上午1:02:03") == expected


@pytest.mark.parametrize(
    ("clock", "hour"),
    [("12:00:00 AM", 0), ("1:00:00 AM", 1), ("11:00:00 AM", 11), ("12:00:00 PM", 12), ("1:00:00 PM", 13)],
)
def test_noon_and_midnight(clock: str, hour: int) -> None:
    assert parse_server_date(f"Mar 1, 2026 {clock}") == datetime(2026, 3, 1, hour)
    time, half = clock.split()
    chinese = {"AM": "上午", "PM": "下午"}[half]
    assert parse_server_date(f"2026年3月1日 {chinese}{time}") == datetime(2026, 3, 1, hour)
    assert parse_server_date(f"三月 1, 2026 {time} {chinese}") == datetime(2026, 3, 1, hour)


def test_september_has_four_letters_in_some_tables() -> None:
    assert parse_server_date("Sept 9, 2026 1:02:03 AM") == datetime(2026, 9, 9, 1, 2, 3)


def test_a_leap_day() -> None:
    assert parse_server_date("Feb 29, 2028 12:00:00 AM") == datetime(2028, 2, 29)


@settings(deadline=None)
@given(st.text(st.characters()))
@example("\ud800" * 20 + "1")
@example("İ 1, 2026 1:00:00 PM")
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = parse_server_date(text)
    assert found is None or found.tzinfo is None


@settings(deadline=None)
@given(st.lists(st.sampled_from([*"0123456789 ,:-月年日.", *SHORT, *CHINESE, "AM", "PM", "上午", "下午"])).map("".join))
def test_any_text_of_the_right_letters_is_a_date_or_none(text: str) -> None:
    found = parse_server_date(text)
    assert found is None or found.tzinfo is None


@settings(deadline=None)
@given(SECONDS, st.sampled_from(["", ","]), st.sampled_from([" ", "\u202f", "\u00a0"]))
def test_a_date_written_by_java_is_read_back(date: datetime, comma: str, space: str) -> None:
    assert parse_server_date(american(date, comma=comma, space=space)) == date
    assert parse_server_date(american(date, comma=comma, space=space, am="上午", pm="下午")) == date


@settings(deadline=None)
@given(SECONDS)
def test_a_date_written_by_a_database_is_read_back(date: datetime) -> None:
    assert parse_server_date(date.isoformat(" ")) == date


@settings(deadline=None)
@given(SECONDS)
def test_a_second_later_is_a_second_later(date: datetime) -> None:
    if date < datetime(9999, 12, 31, 23, 59, 59):
        later = parse_server_date(american(date + timedelta(seconds=1)))
        assert later is not None
        assert later - date == timedelta(seconds=1)


@pytest.fixture(params=["C", "zh_CN.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "ar_EG.UTF-8"])
def lc_time(request: pytest.FixtureRequest) -> Iterator[str]:
    """Set a locale for the test; one that this machine lacks leaves it as it is, and the test still counts."""
    before = locale.setlocale(locale.LC_ALL)
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, request.param)
    yield request.param
    locale.setlocale(locale.LC_ALL, before)


def test_the_locale_of_this_machine_has_no_effect(lc_time: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def depends_on_the_locale(*_: object) -> None:
        raise AssertionError("the names of months come from the locale")

    monkeypatch.setattr("_strptime._strptime", depends_on_the_locale)
    assert parse_server_date("Nov 23, 2026 9:05:50 PM") == THEN
    assert parse_server_date("十一月 23, 2026 9:05:50 下午") == THEN


# ---- dates that are compared -----------------------------------------------------------------------------------------
@given(SECONDS)
def test_all_spellings_of_a_date_are_the_same(date: datetime) -> None:
    spellings = {american(date), american(date, comma=",", space="\u202f"), f"{date:%Y}-{date:%m-%d %H:%M:%S}"}
    assert {normalized_date(text) for text in spellings} == {date.isoformat(" ")}


@given(SECONDS, st.integers(1, 10**6))
def test_another_second_is_another_date(date: datetime, later: int) -> None:
    with contextlib.suppress(OverflowError):
        assert normalized_date(american(date)) != normalized_date(american(date + timedelta(seconds=later)))


@given(st.text(st.characters()))
def test_text_that_is_not_a_date_is_compared_as_text(text: str) -> None:
    assert normalized_date(normalized_date(text)) == normalized_date(text)
    assert parse_server_date(text) is not None or normalized_date(text) == text
    assert normalized_date(None) is None
