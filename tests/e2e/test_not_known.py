"""Not known is neither yes nor no: a look-up that fails widens nothing, narrows nothing, and makes nothing later."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.pages import document, failure, page
from tests.support.process import PG_DATA, Ran, Sandbox, environment, sandbox
from tests.support.process import run as started
from tests.support.terminal import on_terminal
from tests.support.warm import run
from zvol.sandbox import advance

HOUR = 3600
DB_1 = "50e70000c0de4b1e8a5efeedbead0001"
EVER = 10**6
PAGE_502 = page("502 Bad Gateway")
CONFIGS, CLOCK, ZONE = "global-configurations", "management-nodes/actions", "platform-timezone"
VMS, STORES, TAGS = "vm-instances", "primary-storage", "user-tags"
BROKEN = {
    "502": Rule("any", "page", last=EVER, page=PAGE_502),
    "dropped": Rule("any", "drop", last=EVER),
    "SYS.1000": Rule("any", "page", last=EVER, page=failure("SYS.1000")),
    "a portal": Rule("any", "page", last=EVER, page=document("200 OK", {"ok": True})),
    "404": Rule("any", "page", last=EVER, page=page("404 Not Found")),
}


def without(
    path: str, arguments: list[str], at: dict[str, str], broken: str = "502", command: tuple[str, ...] = ()
) -> Ran:
    """Run zvol while one look-up is answered wrongly."""
    found = BROKEN[broken]
    rule = Rule(found.kind, found.action, last=found.last, page=found.page, path=path)
    with proxy(at["ZVOL_HOST"], rule) as (host, between):
        more = {"command": command} if command else {}
        ran = run(arguments, at | {"ZVOL_HOST": host}, **more)  # type: ignore[arg-type]
        assert sum(between.counts.values()), "the look-up was asked for"
    return ran


def stopped(ran: Ran, option: str, code: int = 5) -> None:
    assert (ran.code, ran.out) == (code, ""), ran
    assert ran.error()["exitCode"] == code
    assert f"{option} cannot be decided: " in ran.error()["error"].get("details", "") + ran.err


WITHIN = ("--expiring-within", CONFIGS, ["--expiring-within", "1h"])
DECIDED_BY = [
    WITHIN,
    ("--expiring-within", CLOCK, ["--expiring-within", "1h"]),
    ("--expiring-within", ZONE, ["--expiring-within", "1h"]),
    ("--last-vm", VMS, ["--last-vm", "db-1"]),
    ("--primary-storage", STORES, ["--primary-storage", "old-nfs"]),
    ("--tagged", TAGS, ["--tagged", "owner:dba"]),
    ("--deleted-since", CLOCK, ["--deleted-since", "3h"]),
    ("--deleted-since", ZONE, ["--deleted-since", "3h"]),
    ("--deleted-since", ZONE, ["--deleted-since", "2026-11-23"]),
    ("--deleted-before", CLOCK, ["--deleted-before", "1h"]),
    ("--deleted-before", ZONE, ["--deleted-before", "1h"]),
]
IDS = [f"{option} {look_up}" for option, look_up, _ in DECIDED_BY]


@pytest.mark.parametrize(("option", "look_up", "given"), DECIDED_BY, ids=IDS)
def test_a_write_never_goes_on_a_guess(
    option: str, look_up: str, given: list[str], at: dict[str, str], cloud: Sandbox
) -> None:
    for command in (["recover", *given, "--yes"], ["recover", *given, "--dry-run"], ["list", *given]):
        stopped(without(look_up, [*command, "--json"], at), option)
    assert cloud.events() == []


@pytest.mark.parametrize("broken", list(BROKEN))
@pytest.mark.parametrize(("option", "look_up", "given"), [WITHIN, *DECIDED_BY[2:7]], ids=[IDS[0], *IDS[2:7]])
def test_whatever_breaks_the_look_up(
    broken: str, option: str, look_up: str, given: list[str], at: dict[str, str], cloud: Sandbox
) -> None:
    stopped(without(look_up, ["recover", *given, "--yes", "--json"], at, broken), option)
    assert cloud.events() == []


@pytest.mark.parametrize(("code", "exit_code"), [("ID.1001", 4), ("SYS.1019", 1)])
def test_a_look_up_that_is_refused_says_so(code: str, exit_code: int, at: dict[str, str], cloud: Sandbox) -> None:
    for option, path, value in (("--last-vm", VMS, "db-1"), ("--expiring-within", CONFIGS, "1h")):
        rule = Rule("any", "page", last=EVER, page=failure(code), path=path)
        with proxy(cloud.host, rule) as (host, _):
            ran = run(["recover", option, value, "--yes", "--json"], at | {"ZVOL_HOST": host})
        stopped(ran, option, exit_code)
        assert ran.error()["error"]["code"] == code
    assert cloud.events() == []


@pytest.mark.parametrize("given", [["--last-vm", DB_1, "--name", "pg-*"], ["--name", "pg-*"], ["--name", "nothing"]])
@pytest.mark.parametrize("look_up", [VMS, STORES, CONFIGS, CLOCK, ZONE])
def test_what_does_not_rest_on_it_is_not_stopped(look_up: str, given: list[str], at: dict[str, str]) -> None:
    expected = sorted(run(["list", *given, "-o", "name"], at).out.split())
    with proxy(at["ZVOL_HOST"], Rule("any", "page", last=EVER, page=PAGE_502, path=look_up)) as (host, _):
        ran = run(["recover", *given, "--yes", "-o", "name"], at | {"ZVOL_HOST": host})
    assert (ran.code, sorted(ran.out.split())) == (0, expected)


@pytest.mark.parametrize(("option", "look_up", "given"), DECIDED_BY, ids=IDS)
def test_the_alarm_rings(option: str, look_up: str, given: list[str], at: dict[str, str]) -> None:
    del option
    alarm = ["list", *given, "--expiring-within", "1h", "--exit-code", "--json"]
    assert run(["list", "--expiring-within", "1h", "--exit-code", "--json"], at).code == 0
    ran = without(look_up, alarm, at)
    rings = look_up in (CONFIGS, CLOCK, ZONE)
    assert (ran.code, bool(ran.json())) == ((10, True) if rings else (0, False)), ran


def test_what_is_not_known_is_null(at: dict[str, str]) -> None:
    for look_up, nulls in (
        (CONFIGS, {"secondsLeft", "expungesAfter", "policy"}),
        (CLOCK, {"secondsLeft", "expungesAfter"}),
        (ZONE, {"secondsLeft", "expungesAfter"}),
    ):
        for command in (["list", "--json"], ["show", PG_DATA, PG_DATA.replace("1", "2"), "--json"]):
            for row in without(look_up, command, at).json() or [{}]:
                recycle = row["recycle"]
                assert {name for name in nulls if recycle[name] is not None} == set()
                assert recycle["clock"] == ("server" if look_up == CONFIGS else "unknown")


# ---- this machine's clock ----------------------------------------------------------------------------------------
def skewed(hours: float) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.support.skewed", str(hours * HOUR))


@pytest.mark.parametrize("hours", [-40, 40])
def test_this_machines_clock_plays_no_part(hours: int, at: dict[str, str], cloud: Sandbox) -> None:
    wrong = skewed(hours)
    since = ["list", "--deleted-since", "3h", "--sort", "name", "-o", "csv", "--columns", "name"]
    assert run(since, at, command=wrong).out.split() == ["name", "pg-data", "pg-wal"]
    assert run(["list", "--expiring-within", "12h", "--exit-code"], at, command=wrong).code == 10
    assert run(["list", "--expiring-within", "1h", "--exit-code"], at, command=wrong).code == 0
    ran = run(["recover", "--deleted-since", "3h", "--yes", "--expect", "2"], at, command=wrong)
    assert ran.code == 0, ran
    shown = on_terminal(["list"], at, command=wrong).text
    assert " 2d ago " in shown
    text = on_terminal(["recover", "backup"], at, command=wrong).text
    assert "deleted 20h ago" in text


@pytest.mark.parametrize("hours", [-40, 0, 40])
def test_a_server_without_a_clock(hours: int, at: dict[str, str], cloud: Sandbox) -> None:
    wrong = skewed(hours)
    ran = without(CLOCK, ["list", "--expiring-within", "12h", "--exit-code", "--json"], at, command=wrong)
    assert ran.code == 10
    assert {(row["recycle"]["secondsLeft"], row["recycle"]["clock"]) for row in ran.json()} == {(None, "unknown")}
    stopped(
        without(CLOCK, ["recover", "--deleted-since", "3h", "--yes", "--json"], at, command=wrong), "--deleted-since"
    )
    assert cloud.events() == []
    with proxy(cloud.host, Rule("any", "page", last=EVER, page=PAGE_502, path=CLOCK)) as (host, _):
        shown = on_terminal(["list"], at | {"ZVOL_HOST": host}, command=wrong).text
    assert " ago" not in shown
    assert "left)" not in shown


# ---- the zone ----------------------------------------------------------------------------------------------------
def aged(tmp_path: Path, *options: str) -> Sandbox:
    """Return a cloud in Berlin: pg-data was deleted in summer, and now it is winter."""
    cloud = Sandbox(tmp_path / "cloud", ("--zone", "Europe/Berlin", *options))
    cloud.folder.mkdir()
    cloud.start()
    body = {"updateGlobalConfig": {"value": str(300 * 24 * HOUR)}}
    cloud.job(cloud.call("PUT", "/v1/global-configurations/volume/expungePeriod/actions", body))
    state = cloud.directory
    now = cloud.call("PUT", "/v1/management-nodes/actions", {"getCurrentTime": {}})[1]["currentTime"]["MillionSeconds"]
    summer = 1_815_000_000  # July 2027
    advance(state, summer - now / 1000)
    cloud.session = cloud.call("PUT", "/v1/accounts/login", LOGIN)[1]["inventory"]["uuid"]
    cloud.recover(PG_DATA)
    cloud.delete(PG_DATA)
    advance(state, summer - now / 1000 + 150 * 24 * HOUR)
    return cloud


LOGIN = {
    "logInByAccount": {
        "accountName": "admin",
        "password": (
            "b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86"
        ),
    }
}


def left(cloud: Sandbox, home: Path, **more: str) -> int | None:
    env = {"ZVOL_HOST": cloud.host, "ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password", **more}
    found = started(["show", PG_DATA, "--json"], environment(home, env)).json()["recycle"]["secondsLeft"]
    assert found is None or isinstance(found, int)
    return found


def test_summer_time_that_ended_between_the_deletion_and_the_login(tmp_path: Path) -> None:
    cloud = aged(tmp_path, "--no-timezone-api")
    try:
        known = left(cloud, tmp_path / "home")
        cloud.end()
        cloud.options = ("--zone", "Europe/Berlin")
        cloud.start()
        shown = left(cloud, tmp_path / "home")
    finally:
        cloud.end()
    assert known is not None
    assert shown is not None
    assert shown - 60 < known <= shown + 60, (known, shown)


def test_a_machine_without_zone_tables_has_those_of_the_dependency(tmp_path: Path) -> None:
    cloud = aged(tmp_path)
    try:
        usual, bare = left(cloud, tmp_path / "home"), left(cloud, tmp_path / "home", PYTHONTZPATH="")
    finally:
        cloud.end()
    assert usual is not None
    assert bare is not None
    assert abs(usual - bare) < 60


def test_the_zone_of_the_profile_is_not_used_because_the_servers_could_not_be_asked(
    at: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "home" / ".config" / "zvol"
    folder.mkdir(parents=True)
    with proxy(at["ZVOL_HOST"], Rule("any", "page", last=EVER, page=PAGE_502, path=ZONE)) as (host, _):
        file = folder / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(
            f"profiles:\n  it:\n    host: {host}\n    session: '{at['ZVOL_SESSION']}'\n    timezone: America/New_York\n"
        )
        env = {name: value for name, value in at.items() if not name.startswith("ZVOL_")}
        recycle = run(["show", PG_DATA, "--json"], env).json()["recycle"]
        assert (recycle["secondsLeft"], recycle["clock"]) == (None, "unknown")
        assert run(["list", "--expiring-within", "1h", "--exit-code"], env).code == 10


@pytest.mark.parametrize("filter", [["--expiring-within", "1h"], ["--deleted-since", "3h"]])
def test_a_server_that_can_never_tell_its_zone(filter: list[str], tmp_path: Path) -> None:
    """Its heartbeats show it, and only an administrator may read them."""
    tenant = {"logInByAccount": LOGIN["logInByAccount"] | {"accountName": "dev-team"}}
    with sandbox(tmp_path / "cloud", "--no-timezone-api") as cloud:
        session = cloud.call("PUT", "/v1/accounts/login", tenant)[1]["inventory"]["uuid"]
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": session})
        ran = run(["recover", *filter, "--yes"], env)
        assert (ran.code, ran.out) == (2, "")
        assert "Set `timezone` in the profile" in ran.err
        assert cloud.events() == []
        assert run(["list", "--expiring-within", "1h", "--exit-code"], env).code == 10
        admin = env | {"ZVOL_SESSION": cloud.session}
        assert run(["recover", *filter, "--yes"], admin).code == 0
        assert run(["list", "--expiring-within", "1h", "--exit-code"], admin).code == 0
