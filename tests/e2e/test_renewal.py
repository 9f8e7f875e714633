"""A session that ends: renewed once a run where a password allows it, and never beside one that was given."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.process import PG_DATA, PG_WAL, ZVOL, Sandbox, sandbox
from tests.support.profiles import FAST, check_report
from tests.support.warm import run

LOGIN = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}


def own(at: dict[str, str], host: str) -> dict[str, str]:
    """Return an environment that can log in by itself."""
    return {name: value for name, value in at.items() if name != "ZVOL_SESSION"} | LOGIN | {"ZVOL_HOST": host}


def ended_while(cloud: Sandbox, between: Proxy, release_file: Path, work: Callable[[], None]) -> None:
    """Do the work; end its session on the server while the proxy holds a request of it."""

    def expire() -> None:
        assert between.held.wait(60)
        cloud.call("DELETE", f"/v1/accounts/sessions/{between.session}")
        release_file.touch()

    other = threading.Thread(target=expire)
    other.start()
    work()
    other.join()


def test_many_in_flight_need_exactly_one_new_login(at: dict[str, str], tmp_path: Path) -> None:
    """Nothing was executed for want of a session, so each volume is submitted again, under a new id, exactly once."""
    release_file = tmp_path / "go"
    options = ("--extra", "40", "--job-time", "0.4")
    with (
        sandbox(tmp_path / "many", *options) as cloud,
        proxy(cloud.host, Rule("put", "hold", first=20, last=20, file=release_file)) as (host, between),
    ):

        def work() -> None:
            ran = run(["recover", "--name", "*", "--yes", "-o", "ndjson"], own(at, host), timeout=110)
            assert ran.code == 0, ran
            assert len(ran.out.splitlines()) > 40
            check_report(ran, cloud)

        ended_while(cloud, between, release_file, work)
        assert between.count_sessions()[0] == 2
        begun = [one["volume"] for one in cloud.events() if one["event"] == "begun"]
        assert len(begun) == len(set(begun)) > 40
        jobs = [one["job"] for one in cloud.events() if one["event"] == "accepted"]
        assert len(jobs) > len(begun), "some were accepted and found no session"
        assert len(jobs) == len(set(jobs))


def test_the_first_read_finds_a_kept_session_ended(at: dict[str, str], cloud: Sandbox) -> None:
    """It is renewed before anything is sent, for every command; the stored one is forgotten."""
    for command in (["recover", PG_DATA], ["recover", "pg-wal"], ["list"], ["show", PG_DATA], ["attach", PG_DATA]):
        with proxy(cloud.host) as (host, between):
            env = own(at, host)
            assert run(["login", "--account", "admin", "--password-stdin"], env, stdin="password").code == 0
            [stored] = (Path(env["HOME"]) / ".local" / "state" / "zvol" / "sessions").iterdir()
            ended = stored.read_text().partition('"session": "')[2][:32]
            cloud.call("DELETE", f"/v1/accounts/sessions/{ended}")
            ran = run([*command, "-o", "json"], env)
            assert ran.code == 0, ran
            assert between.count_sessions() == (2, 1), command
            assert not stored.exists()
    assert cloud.count("accepted", PG_DATA) == cloud.count("begun", PG_DATA) == 1


def test_a_session_that_was_given_is_never_replaced(at: dict[str, str], cloud: Sandbox) -> None:
    with proxy(cloud.host) as (host, between):
        for command in (["recover", PG_DATA], ["list"], ["recover", "pg-data", PG_WAL]):
            ran = run(command, own(at, host) | {"ZVOL_SESSION": "b" * 32})
            assert ran.code == 4, ran
            assert "not-sent" in ran.out or "zvol login" in ran.err
        assert between.count_sessions() == (0, 0)
    assert cloud.events() == []


def test_a_renewal_that_fails_says_why(at: dict[str, str], cloud: Sandbox, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    home = Path(at["HOME"])
    program = home / "password"
    program.write_text(f"#!/bin/sh\n[ -e {home}/once ] && echo wrong-MARKER-1 || echo password\ntouch {home}/once\n")
    program.chmod(0o700)
    folder = home / ".config" / "zvol"
    folder.mkdir(parents=True)
    with proxy(cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        (folder / "config.yaml").write_text(
            f"profiles:\n  it:\n    host: {host}\n    account: admin\n    password_command: [{program}]\n"
        )

        def work() -> None:
            ran = run(["recover", PG_DATA], {name: at[name] for name in ("HOME", "PATH")})
            assert ran.code == 4, ran
            assert "logging in again failed: the server refused the login: ID.1000 " in ran.err
            assert "account name or the password is wrong" in ran.err
            assert "MARKER" not in ran.err

        ended_while(cloud, between, release_file, work)
        assert between.count_sessions()[0] == 2
    assert cloud.count("begun", PG_DATA) == 0


@pytest.mark.parametrize(
    "command", [["recover", "a" * 32], ["recover", "nobody"], ["show", "a" * 32], ["list", "--sort", "size"]]
)
def test_what_was_opened_for_one_run_is_closed_also_on_failure(
    at: dict[str, str], cloud: Sandbox, command: list[str]
) -> None:
    with proxy(cloud.host) as (host, between):
        run(command, own(at, host))
        assert between.count_sessions() == (1, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("kind", ["login", "look", "put"])
def test_what_was_opened_for_one_run_is_closed_on_a_signal(
    at: dict[str, str], cloud: Sandbox, tmp_path: Path, kind: str, number: signal.Signals
) -> None:
    """Also when it comes while the login itself is on its way."""
    release_file = tmp_path / "go"
    action = "hold-answer" if kind == "login" else "hold"
    with proxy(cloud.host, Rule(kind, action, file=release_file)) as (host, between):
        process = subprocess.Popen(
            [*ZVOL, "recover", PG_DATA], env=own(at, host), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert between.held.wait(60)
        process.send_signal(number)
        time.sleep(0.2)
        release_file.touch()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 128 + number, err
        assert b"Traceback" not in err
        assert between.count_sessions() == (1, 1)
    last = between.seen[-1].path.rpartition("/")[2]
    assert cloud.call("GET", f"/v1/accounts/sessions/{last}/valid")[1] == {"valid": False}


def test_the_fast_clock_changes_nothing(at: dict[str, str], cloud: Sandbox) -> None:
    with proxy(cloud.host) as (host, between):
        assert run(["recover", PG_DATA, PG_WAL, "-o", "name"], own(at, host), command=FAST).code == 0
        assert between.count_sessions() == (1, 1)
