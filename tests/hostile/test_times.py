"""Times that people really gave to tools of this kind: understood as the help says, or refused with nothing sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.hostile.corpus_times import LOCAL, SERVER, TIMES, ZONES, Time
from tests.support.process import PG_DATA, Sandbox, environment, sandbox
from tests.support.warm import run
from zvol.catalog.when import parse_when
from zvol.errors import Exit, UsageProblem
from zvol.zstack.zones import Zone

BERLIN = {"TZ": "Europe/Berlin"}
NOWHERE = Zone()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("times") / "cloud") as made:
        yield made


@pytest.fixture
def at(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


def test_the_size_of_the_corpus() -> None:
    assert len({time.text for time in TIMES}) == len(TIMES) >= 150
    assert len(ZONES) >= 20


@pytest.mark.parametrize("time", TIMES, ids=lambda time: ascii(time.text))
def test_each_time_is_what_it_says_or_nothing(time: Time) -> None:
    if time.meaning is None:
        with pytest.raises(UsageProblem) as caught:
            parse_when(time.text, BERLIN)
        assert caught.value.exit is Exit.USAGE
        return
    bound = parse_when(time.text, BERLIN)
    if time.meaning == SERVER:
        assert bound.between(None, NOWHERE) is None
        assert (bound.instant, bound.local is not None) == (None, True)
    elif time.meaning == LOCAL:
        local = datetime.fromisoformat(time.text)
        readings = {local.replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold).timestamp() for fold in (0, 1)}
        assert bound.between(None, NOWHERE) == (min(readings), max(readings))
        assert "Europe/Berlin" in bound.explain(NOWHERE)
    elif "-" in time.text:
        assert bound.instant == pytest.approx(time.meaning, abs=1e-5)
        assert bound.between(None, NOWHERE) == (bound.instant, bound.instant)
        assert bound.explain(NOWHERE) == ""
    else:
        assert (bound.ago, bound.explain(NOWHERE)) == (time.meaning, "")
        assert bound.between(None, NOWHERE) is None, "the clock of this machine is never used"


@pytest.mark.parametrize("time", TIMES[::7], ids=lambda time: ascii(time.text))
def test_the_command_agrees(time: Time, at: dict[str, str]) -> None:
    option = ("--deleted-since", "--deleted-before")[TIMES.index(time) % 2]
    ran = run(["list", option, time.text, "-o", "name"], at | BERLIN)
    assert ran.code == (2 if time.meaning is None else 0), ran
    said = time.meaning in (LOCAL, SERVER)
    assert ran.err.count("was read in") == said, ran
    if time.meaning is None:
        assert ran.out == ""


@pytest.mark.parametrize(("zone", "_where", "meant", "warns"), ZONES, ids=[zone[0] for zone in ZONES])
def test_the_zone_of_this_machine_is_said_and_a_wrong_one_warned_of(
    zone: str, _where: str, meant: str, warns: bool, at: dict[str, str]
) -> None:
    ran = run(["list", "--deleted-since", "2026-11-25 10:00", "-o", "name"], at | {"TZ": zone})
    assert ran.code == 0
    assert ran.err.count(meant) == 1, ran
    assert ran.err.count("is no time zone that this machine knows; UTC is used") == warns
    told = ["--deleted-since", "2026-11-25T10:00:00Z", "--deleted-before", "2h"]
    assert run(["list", *told, "-o", "name"], at | {"TZ": zone}).err == ""


def test_a_guess_at_the_zone(at: dict[str, str]) -> None:
    ran = run(["list", "--deleted-since", "2026-11-25", "--deleted-before", "2026-11-26"], at | {"TZ": "Europe/Berln"})
    assert ran.err.count("did you mean Europe/Berlin?") == 1
    assert ran.err.count("was read in") == 2
    quiet = run(["list", "-q", "--deleted-since", "2026-11-25"], at | {"TZ": "Europe/Berln"})
    assert ("did you mean" in quiet.err, "was read in" in quiet.err) == (True, False)


def test_what_zvol_prints_is_what_it_reads(at: dict[str, str], cloud: Sandbox) -> None:
    """A date from any of its outputs, given back, selects the volume that it is from."""
    [row] = [one for one in run(["list", "--json"], at).json() if one["uuid"] == PG_DATA]
    table = run(["list", "--columns", "uuid,deleted"], at).out
    printed = next(line.split()[-1] for line in table.splitlines() if PG_DATA in line)
    for text in (row["lastOpDate"], printed):
        assert PG_DATA in run(["list", "--deleted-since", text, "-o", "name"], at).out.split()
        assert PG_DATA not in run(["list", "--deleted-before", text, "-o", "name"], at).out.split()
    assert run(["list", "--expiring-within", run(["list", "--columns", "left"], at).out.splitlines()[1]], at).code == 0


def test_a_number_says_what_to_type(at: dict[str, str]) -> None:
    for text, hint in (
        ("1795010100000", "type 2026-11-18T13:55:00Z"),
        ("1795010100", "type 2026-11-18T13:55:00Z"),
        ("20261125120000Z", "Type 2026-11-25T12:00:00Z"),
        ("20261125T1200", "Type 2026-11-25T12:00:00"),
        ("20261125", "Type 2026-11-25"),
        ("90", "90s, 90m, 90h, 90d or 90w"),
        ("soon", "zvol help times"),
    ):
        assert hint in run(["list", "--deleted-since", text], at).err


def test_times_that_no_volume_can_match_are_said(at: dict[str, str]) -> None:
    for options, said in (
        (["--deleted-since", "2999-01-01T00:00Z"], "--deleted-since is in the future: on the server it is 20"),
        (["--deleted-since", "2h", "--deleted-before", "2h"], "--deleted-since is not before --deleted-before"),
        (["--deleted-since", "2h", "--deleted-before", "1h"], ""),
    ):
        ran = run(["list", *options, "-o", "name"], at)
        assert (ran.code, ran.out, "warning" in ran.err) == (0, "", bool(said)), ran
        assert said in ran.err


@pytest.mark.parametrize("option", ["--name", "--last-vm", "--primary-storage", "--tagged"])
def test_a_filter_with_a_line_end_of_windows_is_refused(option: str, at: dict[str, str]) -> None:
    ran = run(["recover", option, "pg-*\r", "--yes"], at)
    assert (ran.code, f"{option} has a control character in it; nothing was sent" in ran.err) == (2, True), ran
