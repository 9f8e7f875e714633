"""`zvol login` keeps what the login shows of the server's zone, for servers before 4.1, which do not tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.pages import page
from tests.support.process import Sandbox, environment, sandbox
from tests.support.warm import run

LOGIN = ["login", "--account", "dev-team", "--password-stdin"]
ADMIN = ["login", "--account", "admin", "--password-stdin"]
UNKNOWN = ("unknown", None)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("old") / "cloud", "--version", "3.10.40", "--zone", "Asia/Kathmandu") as made:
        yield made


def at(home: Path, host: str) -> dict[str, str]:
    return environment(home, {"ZVOL_HOST": host})


def shown(env: dict[str, str]) -> tuple[str, int | None]:
    """Return where the zone of the only volume is from, and its time left."""
    [row] = run(["list", "--json"], env).json()
    return row["recycle"]["clock"], row["recycle"]["secondsLeft"]


def stored(home: Path) -> Path:
    [path] = (home / ".local/state/zvol/sessions").iterdir()
    return path


def zone_check(env: dict[str, str]) -> dict[str, Any]:
    checks: list[dict[str, Any]] = run(["doctor", "--json"], env).json()
    return next(one for one in checks if one["check"] == "zone")


def test_later_commands_know_the_zone(old: Sandbox, tmp_path: Path) -> None:
    env = at(tmp_path, old.host)
    assert run(LOGIN, env, stdin="password").code == 0
    clock, left = shown(env)
    assert clock == "login"
    assert left is not None
    assert 0 < left <= 86400
    assert run(["list", "--expiring-within", "1s", "--exit-code"], env).code == 0
    found = zone_check(env)
    assert (found["ok"], "UTC+05:45, from `zvol login`" in found["found"]) == (True, True)
    session = json.loads(stored(tmp_path).read_text())["session"]
    assert shown(env | {"ZVOL_SESSION": session}) == UNKNOWN, "it goes with the session that is used"


def test_a_session_that_an_older_zvol_stored_works_as_before(old: Sandbox, tmp_path: Path) -> None:
    env = at(tmp_path, old.host)
    assert run(LOGIN, env, stdin="password").code == 0
    path = stored(tmp_path)
    record = json.loads(path.read_text())
    assert record["zone"][0] == 20700.0
    moment = record["zone"][1]
    for value in (None, 5, [], [1.0], ["+05:45", moment], [20701.0, moment], [90000.0, moment], [20700.0, -1.0], True):
        path.write_text(json.dumps(record | {"zone": value}))
        assert shown(env) == UNKNOWN, value
        assert zone_check(env)["ok"] is False
    del record["zone"]
    path.write_text(json.dumps(record))
    assert shown(env) == UNKNOWN
    assert run(LOGIN, env, stdin="password").code == 0
    assert shown(env)[0] == "login"


def test_a_server_that_tells_its_zone_is_asked(tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud") as cloud:
        env = at(tmp_path / "home", cloud.host)
        assert run(LOGIN, env, stdin="password").code == 0
        assert shown(env)[0] == "server"


def test_a_login_without_the_servers_clock_is_stored_without_a_zone(old: Sandbox, tmp_path: Path) -> None:
    rule = Rule("any", "page", last=9, page=page("502 Bad Gateway"), path="management-nodes/actions")
    with proxy(old.host, rule) as (host, between):
        env = at(tmp_path, host)
        assert run(LOGIN, env, stdin="password").code == 0
        assert between.count_sessions() == (1, 0)
        assert "zone" not in json.loads(stored(tmp_path).read_text())
    assert run(["list"], at(tmp_path, old.host)).code == 4, "it is that of another host"


def test_a_stored_session_that_others_can_read_is_refused_as_before(old: Sandbox, tmp_path: Path) -> None:
    env = at(tmp_path, old.host)
    assert run(LOGIN, env, stdin="password").code == 0
    stored(tmp_path).chmod(0o644)
    assert run(["list"], env).code == 2
    found = {one["check"]: one["ok"] for one in run(["doctor", "--json"], env).json()}
    assert (found["zone"], found["session"]) == (False, False)


def test_an_administrator_does_not_wait_for_a_heartbeat_after_a_login(old: Sandbox, tmp_path: Path) -> None:
    with proxy(old.host) as (host, between):
        env = at(tmp_path, host)
        assert run(ADMIN, env, stdin="password").code == 0
        ran = run(["list", "--json"], env)
        assert {row["recycle"]["clock"] for row in ran.json()} == {"login"}
        assert not any(one.method == "GET" and one.path.endswith("/management-nodes") for one in between.seen)
