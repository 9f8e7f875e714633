"""The grammar of WHEN, as `zvol help times` has it: all of it is understood, and nothing near it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zvol.catalog.filters import FilterFacts, Filters, select
from zvol.catalog.listing import RetentionContext
from zvol.catalog.when import MAX_AGO, TimeBound, parse_when
from zvol.cli.help_command import TIMES
from zvol.config.kinds import AGE
from zvol.errors import InvalidValue, UsageProblem
from zvol.model import Volume
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.text import human_duration, parse_duration
from zvol.zstack.dates import parse_server_date
from zvol.zstack.zones import Zone

BERLIN = {"TZ": "Europe/Berlin"}
NOW = 1_795_000_000.0
SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 31))

DURATIONS = st.lists(st.sampled_from("wdhms"), min_size=1, max_size=5, unique=True).flatmap(
    lambda units: st.tuples(
        *(
            st.tuples(st.integers(0, 99), st.just(unit), st.sampled_from(["", " ", "  "]))
            for unit in sorted(units, key="wdhms".index)
        )
    )
)
OFFSETS = st.sampled_from(["", "Z", "+00:00", "+08:00", "-03:30", "+0545", "-1200"])


@st.composite
def iso(draw: st.DrawFn) -> str:
    date = draw(MOMENTS)
    clock = draw(st.sampled_from(["", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f"]))
    text = f"{date.year:04}" + date.strftime("-%m-%d")
    return text + draw(st.sampled_from("T ")) + date.strftime(clock) + draw(OFFSETS) if clock else text


def american(date: datetime) -> str:
    return f"{date:%b} {date.day}, {date.year} {date.hour % 12 or 12}:{date:%M:%S} {'AM' if date.hour < 12 else 'PM'}"


VALID = st.one_of(
    DURATIONS.map(lambda parts: "".join(f"{count}{unit}{space}" for count, unit, space in parts)),
    iso(),
    MOMENTS.map(american),
)


def is_duration(text: str) -> bool:
    """Read a duration by hand, from left to right."""
    left, units, seen = text.strip(" "), "wdhms", False
    while left:
        digits = len(left) - len(left.lstrip("0123456789"))
        unit = left[digits : digits + 1]
        if not 1 <= digits <= 9 or not unit or unit not in units:
            return False
        units, left, seen = units[units.index(unit) + 1 :], left[digits + 1 :].lstrip(" "), True
    return seen


def is_date(text: str) -> bool:
    """Read a date with the formats of the standard library, and compare what it writes."""
    date, mark, clock = text[:10], text[10:11], text[11:]
    try:
        if f"{datetime.strptime(date, '%Y-%m-%d'):%Y-%m-%d}" != date or not int(date[:4]) >= 1970:
            return False
    except ValueError:
        return False
    if not mark and not clock:
        return True
    zone = re.search(r"(Z|[+-](\d\d):?(\d\d))?$", clock, re.ASCII)
    assert zone is not None
    clock = clock[: zone.start()]
    if zone[2] and (int(zone[2]) > 23 or int(zone[3]) > 59):
        return False
    clock, dot, fraction = clock.partition(".")
    form = {5: "%H:%M", 8: "%H:%M:%S"}.get(len(clock), "")
    try:
        whole = bool(form) and datetime.strptime(clock, form).strftime(form) == clock
    except ValueError:
        return False
    fine = not dot or (len(clock) == 8 and fraction.isascii() and fraction.isdigit() and len(fraction) <= 9)
    return mark in ("T", " ") and whole and fine


def is_when(text: str) -> bool:
    typed = text.strip(" ")
    if is_duration(typed.removesuffix(" ago")):
        return float(parse_duration(typed.removesuffix(" ago")) or 0) <= MAX_AGO
    return is_date(typed) or (not re.match("[0-9]{4}-", typed) and parse_server_date(typed) is not None)


def accepts(text: str) -> bool:
    try:
        parse_when(text, BERLIN)
    except UsageProblem:
        return False
    return True


@settings(deadline=None, max_examples=400)
@given(VALID)
def test_all_of_the_grammar_is_understood(text: str) -> None:
    assert is_when(text)
    assert accepts(text)


@st.composite
def near(draw: st.DrawFn) -> str:
    """Return a valid text with one or two characters changed, left out, doubled or added."""
    text = draw(VALID)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        what = draw(
            st.sampled_from(["", text[at : at + 1] * 2, *"0123456789", *"wdhmsMHTZtz:+-. ,xPM", "１", "\u00a0"])
        )
        text = text[:at] + what + text[at + draw(st.integers(0, 1)) :]
    return text


@pytest.mark.no_cover
@settings(deadline=None, max_examples=1500)
@given(near())
@example("2026-11-25x01")
@example("1795010100000")
@example("20261125120000Z")
@example("2026-W48-3")
@example("2026-11-25T24:00")
@example("1h1h")
@example("٣h")
def test_a_text_near_the_grammar_is_understood_only_if_it_is_in_it(text: str) -> None:
    assert accepts(text) == is_when(text)


@settings(deadline=None)
@given(DURATIONS)
def test_the_parts_of_a_duration_are_added(parts: tuple[tuple[int, str, str], ...]) -> None:
    text = "".join(f"{count}{unit}{space}" for count, unit, space in parts)
    total = sum(count * SECONDS[unit] for count, unit, _ in parts)
    assert parse_duration(text) == parse_when(text).ago == parse_when(text.strip() + " ago").ago == total
    if total >= 1:
        assert AGE.read(text) == total, "D and WHEN have one grammar"


@given(st.integers(1, 3650 * 86400))
def test_what_zvol_prints_is_a_duration(seconds: int) -> None:
    shown = human_duration(seconds)
    assert 0 <= seconds - parse_when(shown).ago < 86400
    assert parse_when(f"{shown} ago") == parse_when(shown)


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["Z", "+08:00", "-0330"]))
def test_an_offset_decides(date: datetime, offset: str) -> None:
    hours = {"Z": 0.0, "+08:00": 8.0, "-0330": -3.5}[offset]
    text = f"{date.year:04}" + date.strftime("-%m-%d %H:%M:%S") + offset
    expected = (date.replace(microsecond=0, tzinfo=UTC) - timedelta(hours=hours)).timestamp()
    assert parse_when(text, BERLIN) == TimeBound(expected)
    assert parse_when(text, BERLIN).explain(Zone()) == ""


def test_each_example_of_the_help_is_understood() -> None:
    d, when = TIMES.split("WHEN is")
    assert [parse_duration(text) for text in re.split(r"\s{3,}", d.strip().splitlines()[-1].strip())] == [
        *(90, 300, 5400, 129600, 604800)
    ]
    examples = [line.strip().split("   ")[0] for line in when.splitlines() if line.startswith("  ")]
    assert len(examples) == 7
    for text in examples:
        assert accepts(text), text
    assert parse_when("2h ago") == parse_when("2h") == TimeBound(ago=7200)
    assert max(map(len, TIMES.splitlines())) <= 80


@pytest.mark.parametrize("text", ["3650d", "521w 3d", "87600h"])
def test_the_longest_duration(text: str) -> None:
    assert parse_when(text).ago == AGE.read(text) == MAX_AGO
    for longer in (f"{text} 1s", "999999999w"):
        with pytest.raises(UsageProblem, match="more than 3650 days"):
            parse_when(longer)
        with pytest.raises(InvalidValue):
            AGE.read(longer)


# ---- where clocks are changed ---------------------------------------------------------------------------------------
TWICE, NEVER = "2026-10-25 02:30", "2026-03-29 02:30"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def row(deleted: float, changed: str = "") -> VolumeRow:
    fields = {"uuid": "a" * 32, "status": "Deleted", "type": "Data", "name": "v", "lastOpDate": changed}
    return VolumeRow(Volume("a" * 32, fields), Retention(True, None), deleted)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (TWICE, "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"),
        (NEVER, "2026-03-29T00:30:00+00:00", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_a_time_that_is_twice_or_never_decides_only_what_both_readings_decide(
    text: str, first: str, second: str
) -> None:
    bound = parse_when(text, BERLIN)
    assert bound.between(None, Zone()) == (at(first), at(second))
    assert bound.explain(Zone()).count("Z") == 2
    since, before, facts = Filters(since=bound), Filters(before=bound), FilterFacts(NOW)
    for deleted, is_since in ((at(first) - 1, False), (at(first), None), (at(second) - 1, None), (at(second), True)):
        assert since.match(row(deleted), facts) is is_since
        assert before.match(row(deleted), facts) is (None if is_since is None else not is_since)
    nobody: object = None
    context = RetentionContext({}, Zone(), NOW)
    with pytest.raises(UsageProblem) as caught:
        select([row(at(first))], since, nobody, context)  # type: ignore[arg-type]
    assert f"{first[:19]}Z or {second[:19]}Z" in caught.value.message
    assert "with its offset" in caught.value.hint
    assert select([row(at(first))], since, nobody, context, alarm=True)  # type: ignore[arg-type]
    assert select([row(at(second))], since, nobody, context)  # type: ignore[arg-type]


def test_a_zone_of_the_c_library_is_read_twice_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    posix = "CET-1CEST,M3.5.0,M10.5.0/3"
    monkeypatch.setenv("TZ", posix)
    time.tzset()
    try:
        assert parse_when(TWICE, {"TZ": posix}) == parse_when(TWICE, BERLIN)
        assert parse_when("2026-07-01", {"TZ": posix}) == parse_when("2026-07-01", BERLIN)
        assert "CEST, +02:00" in parse_when("2026-07-01", {"TZ": posix}).explain(Zone())
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_of_the_server_is_in_its_zone() -> None:
    bound = parse_when("Nov 23, 2026 9:05:50 PM", BERLIN)
    shanghai = Zone("server", ZoneInfo("Asia/Shanghai"))
    assert bound.between(NOW, shanghai) == (at("2026-11-23T13:05:50+00:00"),) * 2
    assert bound.explain(shanghai) == (
        "Nov 23, 2026 9:05:50 PM was read in the server's time zone (Asia/Shanghai): 2026-11-23T13:05:50Z"
    )
    assert bound.explain(Zone()) == "Nov 23, 2026 9:05:50 PM is in the server's time zone"
    assert Filters(since=bound).match(row(NOW), FilterFacts(NOW)) is None
    assert Filters(since=bound).match(row(NOW), FilterFacts(NOW, zone=shanghai)) is False


def test_a_volume_whose_own_date_is_ambiguous_is_not_decided_either() -> None:
    berlin = Zone("server", ZoneInfo("Europe/Berlin"))
    first, second = at("2026-10-25T00:30:00+00:00"), at("2026-10-25T01:30:00+00:00")
    deleted = row(first, "Oct 25, 2026 2:30:00 AM")
    for bound, since in ((first, True), (first + 1, None), (second, None), (second + 1, False)):
        facts = FilterFacts(NOW, zone=berlin)
        assert Filters(since=TimeBound(bound)).match(deleted, facts) is since
        assert Filters(before=TimeBound(bound)).match(deleted, facts) is (None if since is None else not since)


def test_the_zone_of_a_login_leaves_the_season_open() -> None:
    """Only the offset in winter is known: a date in summer can be an hour earlier, or as it says."""
    zone = Zone.from_login("2026-12-01 13:00:00", at("2026-12-01T12:00:00+00:00"))
    bound = parse_when("Jul 1, 2026 2:00:00 PM")
    assert bound.between(None, zone) == (at("2026-07-01T12:00:00+00:00"), at("2026-07-01T13:00:00+00:00"))
    summer = Zone.from_login("2026-07-01 14:00:00", at("2026-07-01T12:00:00+00:00"))
    first, last = parse_when("Jan 10, 2026 2:00:00 PM").between(None, summer) or (0, 0)
    assert first <= at("2026-01-10T12:00:00+00:00")
    assert last >= at("2026-01-10T13:00:00+00:00"), "in Berlin; Troll in Antarctica changes by two hours"
