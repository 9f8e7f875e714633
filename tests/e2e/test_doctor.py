"""`zvol doctor`: each red case, what it asks the server, and that it changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.process import PG_DATA, Ran, Sandbox, environment, sandbox
from tests.support.profiles import FAST
from tests.support.terminal import on_terminal
from tests.support.tls import tls
from tests.support.warm import run
from zvol.sandbox import advance

ALL = ["configuration", "files", "runs", "host", "tls", "version", "clock", "zone", "session", "policy"]
READS = [
    ("PUT", "/v1/management-nodes/actions"),
    ("PUT", "/v1/management-nodes/actions"),
    ("GET", "/v1/management-nodes/platform-timezone"),
    ("GET", "/v1/accounts/sessions/*/valid"),
    ("GET", "/v1/global-configurations"),
]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def env(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


def red(ran: Ran) -> dict[str, str]:
    """Return what is wrong with what to do; each has a hint, and the exit code says the same."""
    wrong = {one["check"]: f"{one['found']} | {one['hint']}" for one in ran.json() if not one["ok"]}
    assert all(one["hint"] for one in ran.json() if not one["ok"])
    assert ran.code == (1 if wrong else 0), ran
    return wrong


def test_all_is_well_and_nothing_was_asked_that_could_change_anything(env: dict[str, str], cloud: Sandbox) -> None:
    with proxy(cloud.host) as (host, between):
        ran = run(["doctor", "--json"], env | {"ZVOL_HOST": host})
    assert red(ran) == {}
    assert [one["check"] for one in ran.json()] == ALL
    asked = [(one.method, one.path.partition("?")[0].partition("/zstack")[2]) for one in between.seen]
    assert [(method, path.replace(cloud.session, "*")) for method, path in asked] == READS
    assert cloud.events() == []
    found = {one["check"]: one["found"] for one in ran.json()}
    assert found["version"] == "ZStack 5.2.1, tested with zvol"
    assert found["policy"] == "Delay: a deleted volume is safe for 3d"
    assert found["zone"] == "Etc/UTC, from the server"


COPIES = "If a proxy sends a request twice"
NO_KEYS = "Access keys do not work: log in with an account."


@pytest.mark.parametrize(
    ("version", "shown", "some", "count"),
    [
        ("3.0", "ZStack 3.0, supported from its source code, not tested", NO_KEYS, 6),
        ("3.10.40", "ZStack 3.10.40, tested with zvol", COPIES, 4),
        ("4.4.60", "ZStack 4.4.60, supported from its source code, not tested", COPIES, 2),
        ("zsphere-4.2", "ZSphere 4.2 (reports 4.8.0.3), supported from its source code, not tested", None, 0),
        ("zsphere-4.10.0", "ZSphere 4.10.0, tested with zvol", "The server has no users below accounts", 1),
        ("4.8.0.8", "ZSphere 4.3 or later (reports 4.8.0.8), not known to zvol", "zvol does not know this number", 1),
        ("6.0", "ZStack 6.0, not known to zvol", "It is newer than any release that zvol knows", 1),
    ],
)
def test_what_is_slower_or_missing_on_this_server(
    tmp_path: Path, version: str, shown: str, some: str | None, count: int
) -> None:
    with sandbox(tmp_path / "cloud", "--version", version) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        checks = {one["check"]: one for one in run(["doctor", "--json"], env).json()}
        people = run(["doctor"], env)
        quiet = run(["doctor", "-q"], env)
        for_programs = run(["doctor", "--json"], env)
    assert all(list(one) == ["check", "ok", "found", "hint", "notes"] for one in checks.values())
    assert checks["version"]["ok"]
    assert checks["version"]["found"] == shown
    notes = checks["version"]["notes"]
    assert len(notes) == count
    assert some is None or any(note.startswith(some) for note in notes)
    assert all(one["notes"] == [] for name, one in checks.items() if name != "version")
    lines = people.err.splitlines()
    assert lines[:1] == ([f"zvol: {shown}:"] if count else [])
    assert " ".join(line.strip() for line in lines[1:]) == " ".join(notes)
    assert all(len(line) <= 80 for line in lines)
    assert (quiet.err, for_programs.err) == ("", "")


def test_people_get_one_line_each(env: dict[str, str]) -> None:
    ran = run(["doctor"], env | {"ZVOL_SESSION": "b" * 32})
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert [line.split()[0].lower() for line in lines[1:]] == ALL[:-1]
    assert "WRONG" in next(line for line in lines if line.startswith("session"))
    assert "expired (environment ZVOL_SESSION)" in ran.out
    assert "The session is from ZVOL_SESSION: unset it and run `zvol login`" in ran.out


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_wrong_configuration_is_a_check_that_fails(tmp_path: Path, more: list[str]) -> None:
    """All its mistakes are named, the checks of zvol's own files go on, and the exit code is that of a usage error."""
    (tmp_path / "config.yaml").write_text("profiles: {p: {hots: a, host: 'ftp://h'}}\noutput: yaml\n")
    ran = run(["doctor", "--config", str(tmp_path / "config.yaml"), *more], environment(tmp_path / "home", {}))
    assert ran.code == 2
    assert [mistake in ran.out for mistake in ("unknown key hots", "must begin with https", "output")] == [True] * 3
    assert "files" in ran.out
    assert "\\u{a}" not in ran.out


@pytest.mark.parametrize("columns", [30, 60, 80, 120, 200])
def test_on_a_terminal_a_check_is_a_line_and_what_to_do_is_below_what_is_wrong(
    env: dict[str, str], columns: int
) -> None:
    shown = on_terminal(["doctor"], env | {"ZVOL_SESSION": "b" * 32, "TERM": "xterm-256color"}, columns=columns)
    assert shown.code == 1
    lines = shown.text.replace("\r", "").splitlines()
    begun = [line for line in lines if line[:1] in "✓✗"]
    assert [line.split()[:3] for line in begun] == [
        [*(["✗", "WRONG"] if name == "session" else ["✓", "ok"]), name] for name in ALL[:-1]
    ]
    assert " ".join(" ".join(lines).split()).endswith(
        "expired (environment ZVOL_SESSION)"
        " The session is from ZVOL_SESSION: unset it and run `zvol login`, or put a new one there."
    )
    advice = next(place for place, line in enumerate(lines) if line.strip().startswith("The session is"))
    checks, below = lines[:advice], lines[advice:]
    assert all(line[:24].strip() == "" for line in checks if line not in begun)
    assert all(len(line) <= max(columns, 24 + 20) for line in checks if " " in line[24:])
    assert all(line[:9].strip() == "" and len(line) <= max(columns, 9 + 20) for line in below)
    wrapped = len(checks) - len(begun)
    assert {30: wrapped > 9, 60: wrapped == 2, 80: wrapped == 1}.get(columns, wrapped == 0)
    assert {30: len(below) > 3, 60: len(below) == 2, 80: len(below) == 2}.get(columns, len(below) == 1)
    assert all(code in shown.raw for code in (b"\x1b[32m\xe2\x9c\x93 ok", b"\x1b[1;31m\xe2\x9c\x97 WRONG"))


def test_on_a_terminal_what_a_release_lacks_is_a_note(tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--version", "4.10.0") as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        shown = on_terminal(["doctor"], env | {"TERM": "xterm-256color"}, columns=80)
    assert shown.code == 0
    lines = shown.text.replace("\r", "").splitlines()
    assert [line for line in lines if line[0] in "!✗"] == ["! note  version        ZSphere 4.10.0, tested with zvol"]
    assert lines[-2] == "zvol: ZSphere 4.10.0, tested with zvol:"


def test_a_dead_host(env: dict[str, str]) -> None:
    ran = run(["doctor", "--json"], env | {"ZVOL_HOST": "http://127.0.0.1:1"})
    assert "refuses the connection" in red(ran)["host"]
    assert ran.json()[-1]["check"] == "host"
    more = {"ZVOL_HOST": "https://127.0.0.1:1", "ZVOL_CA_FILE": "/nope.pem", "XDG_STATE_HOME": "/proc/nope"}
    wrong = red(run(["doctor", "--json"], env | more))
    assert "It is from environment ZVOL_CA_FILE" in wrong["tls"]
    assert "the journal cannot be written" in wrong["files"]


def test_something_that_is_no_zstack(env: dict[str, str], cloud: Sandbox) -> None:
    wrong = red(run(["doctor", "--json"], env | {"ZVOL_HOST": cloud.host.replace("/zstack", "/")}))
    assert "not answer as a ZStack: HTTP 404" in wrong["version"]
    bare = cloud.host.removesuffix("/zstack")
    ran = run(["list"], env | {"ZVOL_HOST": f"{bare}/"})
    assert f"{bare} answered HTTP 404 that is not ZStack's\n  Check port and path of `host`." in ran.err


def test_certificates(env: dict[str, str], cloud: Sandbox, tmp_path: Path) -> None:
    with tls(cloud.host, tmp_path) as (host, ca_file):
        ran = run(["doctor", "--json"], env | {"ZVOL_HOST": host})
        assert "ca_file" in red(ran)["tls"]
        assert ran.json()[-1]["check"] == "tls"
        well = run(["doctor", "--json"], env | {"ZVOL_HOST": host, "ZVOL_CA_FILE": str(ca_file)})
        assert red(well) == {}
        assert any(one["found"] == f"verified with {ca_file}" for one in well.json())


def test_an_expired_session(env: dict[str, str], cloud: Sandbox) -> None:
    cloud.call("DELETE", f"/v1/accounts/sessions/{cloud.session}")
    with proxy(cloud.host) as (host, between):
        ran = run(["doctor", "--json"], env | {"ZVOL_HOST": host})
    assert "expired" in red(ran)["session"]
    assert not any("global" in one.path for one in between.seen)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4000, "4000 s ahead of this machine"), (-4000, "4000 s behind this machine"), (30, None)]
)
def test_a_skewed_clock(env: dict[str, str], cloud: Sandbox, seconds: int, shown: str | None) -> None:
    advance(cloud.folder / ".local" / "state" / "zvol" / "sandbox", seconds)
    wrong = red(run(["doctor", "--json"], env))
    assert (shown in wrong["clock"].replace("3999", "4000").replace("4001", "4000")) if shown else wrong == {}


def test_a_server_that_does_not_tell_its_zone(tmp_path: Path) -> None:
    """The heartbeats of its management nodes show it to the administrator only."""
    password = hashlib.sha512(b"password").hexdigest()
    login = {"logInByAccount": {"accountName": "dev-team", "password": password}}
    with sandbox(tmp_path / "old", "--no-timezone-api") as old:
        _, logged_in = old.call("PUT", "/v1/accounts/login", login)
        env = environment(tmp_path / "home", {"ZVOL_HOST": old.host, "ZVOL_SESSION": logged_in["inventory"]["uuid"]})
        assert "timezone" in red(run(["doctor", "--json"], env))["zone"]
        assert red(run(["doctor", "--json"], env | {"ZVOL_SESSION": old.session})) == {}


@pytest.mark.parametrize(("policy", "well"), [("Direct", False), ("Never", True)])
def test_the_deletion_policy(env: dict[str, str], cloud: Sandbox, policy: str, well: bool) -> None:
    path = "/v1/global-configurations/volume/deletionPolicy/actions"
    cloud.job(cloud.call("PUT", path, {"updateGlobalConfig": {"value": policy}}))
    ran = run(["doctor", "--json"], env)
    assert ("policy" not in red(ran)) is well
    assert ran.json()[-1]["found"].startswith(policy)


@pytest.mark.parametrize("where", ["", "sessions", "journal.db", "stored"])
def test_files_that_others_can_use(env: dict[str, str], where: str) -> None:
    for name in ("ZVOL_SESSION",):
        env.pop(name)
    assert run(["login", "--account", "admin", "--password-stdin"], env, stdin="password").code == 0
    assert run(["recover", PG_DATA], env).code == 0
    assert red(run(["doctor", "--json"], env)) == {}
    state = Path(env["HOME"]) / ".local" / "state" / "zvol"
    target = next((state / "sessions").iterdir()) if where == "stored" else state / where
    mode = target.stat().st_mode & 0o777
    target.chmod(mode | 0o044)
    ran = run(["doctor", "--json"], env)
    hint = next(one["hint"] for one in ran.json() if one["check"] == "files")
    assert red(ran).keys() >= {"files"}
    assert hint == f"Run: chmod {mode:o} {target}"
    os.system(hint.removeprefix("Run: "))
    assert red(run(["doctor", "--json"], env)) == {}


def test_a_run_that_was_left_open(env: dict[str, str], cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("put", "drop", last=9)) as (host, _):
        open_run = env | {"ZVOL_HOST": host}
        assert run(["recover", PG_DATA, "--timeout", "30s"], open_run, command=FAST).code == 3
        assert red(run(["doctor", "--json"], open_run))["runs"] == "1 recorded, 1 pending | Run `zvol resume`."


def test_it_never_logs_in(env: dict[str, str], cloud: Sandbox) -> None:
    """A login may end the other sessions of the account."""
    env.pop("ZVOL_SESSION")
    login = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    with proxy(cloud.host) as (host, between):
        ran = run(["doctor", "--json"], env | login | {"ZVOL_HOST": host})
    assert red(ran) == {}
    assert "logs in for each run, as admin" in ran.json()[-1]["found"]
    assert not any("accounts" in one.path for one in between.seen)
    nobody = red(run(["doctor", "--json"], env))
    assert "zvol login" in nobody["session"]
    assert "set ZVOL_HOST and ZVOL_SESSION_FILE" in nobody["session"]


def test_a_kept_session_says_whose_it_is(env: dict[str, str], cloud: Sandbox) -> None:
    env.pop("ZVOL_SESSION")
    command = ["login", "--account", "dev-team", "--user", "operator", "--password-stdin"]
    assert run(command, env, stdin="password").code == 0
    found = {one["check"]: one["found"] for one in run(["doctor", "--json"], env).json()}
    assert found["session"] == "valid (account dev-team/operator, stored by zvol login)"


def test_without_a_configuration_it_is_a_line_and_the_checks_of_local_files(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    ran = run(["doctor", "--json"], env)
    assert (ran.code, ran.err) == (1, "")
    assert [(one["check"], one["ok"]) for one in ran.json()] == [("configuration", False), ("files", True)]
    shown = on_terminal(["doctor"], env | {"TERM": "xterm-256color"}, columns=60)
    assert b"\x1b[1;31m" in shown.raw.splitlines()[0]
    assert shown.lines[0].split() == ["✗", "WRONG", "configuration", "no", "host", "is", "configured"]
    assert shown.lines[-1].startswith("✓ ok     files")
    assert run(["doctor"], env | {"ZVOL_OUTPUT": "nope"}).code == 2, "a mistake is an error, as everywhere"
