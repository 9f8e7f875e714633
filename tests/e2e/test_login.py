"""Logging in: from a password to a session that is kept, and what happens when it ends in the middle of a run."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.proxy import Rule, proxy
from tests.faults.test_recover import FAST, check
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, run, sandbox

PASSWORD = "password"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def env(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host})


def files(env: dict[str, str]) -> list[Path]:
    return [path for path in Path(env["HOME"]).rglob("*") if path.is_file()]


def test_login_whoami_recover_logout(env: dict[str, str]) -> None:
    assert run(["list"], env).code in (2, 4)
    ran = run(["login", "--account", "admin", "--password-stdin", "-v"], env, stdin=f"{PASSWORD}\n")
    assert ran.code == 0, ran
    [kept] = [path for path in files(env) if path.parent.name == "sessions"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    found = run(["whoami", "--json"], env).json()[0]
    assert (found["valid"], found["sessionFrom"]) == (True, "kept by zvol login")
    recovered = run(["recover", PG_DATA, "-o", "name", "-v", "--debug"], env)
    assert recovered.code == 0
    session = kept.read_text().split('"session": "')[1][:32]
    left = run(["logout", "-v"], env)
    assert left.code == 0
    assert "/sessions/***" in left.err
    for text in (
        ran.out + ran.err,
        recovered.err,
        left.err,
        *(
            path.read_text()
            for path in files(env)
            if path != kept and path.suffix != ".db" and "locks" not in str(path)
        ),
    ):
        assert session not in text
    assert not kept.exists()
    assert run(["logout"], env).code == 0


def test_a_kept_session_is_bound_to_its_server(env: dict[str, str], cloud: Sandbox) -> None:
    run(["login", "--account", "admin", "--password-stdin"], env, stdin=PASSWORD)
    with proxy(cloud.host) as (elsewhere, between):
        assert run(["list"], env | {"ZVOL_HOST": elsewhere}).code in (2, 4)
        assert between.seen == []


def test_a_wrong_password_is_4_with_advice(env: dict[str, str]) -> None:
    ran = run(["login", "--account", "admin", "--password-stdin", "--json"], env, stdin="wrong")
    assert (ran.code, ran.out) == (4, "")
    assert ran.error()["error"]["code"] == "ID.1000"
    assert "password is wrong" in ran.error()["hint"]
    assert "wrong\n" not in ran.err.replace("password is wrong", "")


def test_nobody_is_asked_where_nobody_is(env: dict[str, str]) -> None:
    assert run(["login", "--account", "admin"], env).code == 2
    assert run(["login"], env).code == 2
    assert run(["login", "--account", "admin", "--password-stdin"], env, stdin="").code == 2


def profile(env: dict[str, str], host: str) -> dict[str, str]:
    """Return an environment whose profile can log in by itself."""
    home = Path(env["HOME"])
    program = home / "password"
    program.write_text("#!/bin/sh\necho password\n")
    program.chmod(0o700)
    folder = home / ".config" / "zvol"
    folder.mkdir(parents=True, exist_ok=True)
    login = f"account: admin\n    password_command: [{program}]\n"
    (folder / "config.yaml").write_text(
        f"profiles:\n  it:\n    host: {host}\n    {login}    settle_wait: 20s\n    api_timeout: 10s\n"
    )
    (folder / "config.yaml").chmod(0o600)
    return {name: value for name, value in env.items() if name != "ZVOL_HOST"}


def test_cron_logs_in_for_one_run_and_out_again(env: dict[str, str], cloud: Sandbox) -> None:
    with proxy(cloud.host) as (host, between):
        ran = run(["recover", PG_DATA, "--json"], profile(env, host))
    assert ran.code == 0, ran
    paths = [one.path for one in between.seen]
    assert paths[0].endswith("/v1/accounts/login")
    assert between.seen[-1].method == "DELETE"
    assert "/accounts/sessions/" in paths[-1]


def test_a_session_that_expires_in_the_middle_is_renewed_once(
    env: dict[str, str], cloud: Sandbox, tmp_path: Path
) -> None:
    """Nothing was executed for want of a session, so the volume is submitted again under a new id."""
    gate = tmp_path / "go"
    with proxy(cloud.host, Rule("put", "hold", file=gate)) as (host, between):

        def expire() -> None:
            between.held.wait(20)
            cloud.call("DELETE", f"/v1/accounts/sessions/{between.session}")
            gate.touch()

        other = threading.Thread(target=expire)
        other.start()
        ran = run(["recover", PG_DATA, PG_WAL, "-o", "ndjson"], profile(env, host), command=FAST)
        other.join()
    assert ran.code == 0, ran
    assert sum(one.path.endswith("/login") for one in between.seen) == 2
    assert cloud.count("begun", PG_DATA) == 1
    check(ran, cloud)
