"""Refusals, logins, keys and copies of requests on the releases that answer them differently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.process import PG_DATA, Sandbox, environment, sandbox
from tests.support.warm import run, start
from zvol.sandbox.names import ACCESS_KEY, ACCESS_SECRET, DB_1, TENANT

ADMIN, TENANT_NAME = "admin", "dev-team"
NO_ROLE = "the role of this account does not permit this request"
READ = 1
"""The permission of a share that allows no changes."""


@contextmanager
def release(tmp_path: Path, version: str, *options: str) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """Serve a sandbox of a release; yields it with the environment of somebody without a session."""
    with sandbox(tmp_path / "cloud", "--version", version, *options) as cloud:
        yield cloud, environment(tmp_path / "home", {"ZVOL_HOST": cloud.host})


def account(env: dict[str, str], name: str) -> dict[str, str]:
    return env | {"ZSTACK_ACCOUNT_NAME": name, "ZSTACK_ACCOUNT_PASSWORD": "password"}


def share(cloud: Sandbox, account: str, permission: int) -> None:
    params = {"resourceUuids": [PG_DATA], "accountUuids": [account], "permission": permission}
    cloud.job(cloud.call("PUT", "/v1/accounts/resources/actions", {"shareResource": params}))


# ---- permissions -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "who", "code", "hint"),
    [
        ("zsphere-4.10.0", "viewer", "SYS.1019", "Ask the administrator for a role"),
        ("zsphere-4.10.0", TENANT_NAME, "SYS.1018", "Ask the administrator to share the resource"),
        ("zsphere-4.3", TENANT_NAME, "SYS.1018", "Ask the administrator to share the resource"),
        ("zsphere-4.2", TENANT_NAME, "SYS.1018", "Ask the administrator to share the resource"),
        ("4.8.22", TENANT_NAME, "SYS.1006", ""),
        ("2.3", TENANT_NAME, "ID.1002", "for a policy that allows this request"),
    ],
)
def test_without_permission_one_put_is_refused_and_the_account_that_may_recovers_at_once(
    tmp_path: Path, version: str, who: str, code: str, hint: str
) -> None:
    with release(tmp_path, version) as (cloud, env):
        if who == TENANT_NAME:
            share(cloud, TENANT, READ)
        ran = run(["recover", PG_DATA, "--json"], account(env, who), timeout=60)
        assert (ran.code, ran.out, cloud.count("accepted", PG_DATA)) == (1, "", 1)
        assert (ran.error()["kind"], ran.error()["error"]["code"]) == ("refused", code)
        assert ran.error()["error"]["details"] in ran.err
        assert hint in ran.error()["hint"]
        assert bool(hint) == bool(ran.error()["hint"])
        ran = run(["recover", PG_DATA, "-o", "ndjson"], account(env, ADMIN), timeout=60)
        assert (ran.code, ran.json()["outcome"], ran.json()["by"]) == (0, "recovered", "zvol")
        assert cloud.count("accepted", PG_DATA) == 2
        assert run(["resume", "--json"], account(env, who)).json() == []


def test_a_refusal_that_a_killed_run_never_heard_is_found_by_resume(tmp_path: Path) -> None:
    """Its job tells: what was open is closed, and the account that may recover does not wait for it."""
    go = tmp_path / "go"
    held = Rule("put", "hold-answer", file=go)
    with release(tmp_path, "zsphere-4.10.0") as (cloud, env), proxy(cloud.host, held) as (host, between):
        env = env | {"ZVOL_HOST": host}
        process = start(["recover", PG_DATA], account(env, "viewer"))
        assert between.held.wait(60)
        process.kill()
        process.communicate(timeout=60)
        go.touch()
        ran = run(["resume", "-o", "ndjson"], account(env, "viewer"), timeout=60)
        assert (ran.code, ran.json()["outcome"], ran.json()["error"]["code"]) == (1, "failed", "SYS.1019")
        ran = run(["recover", PG_DATA, "-o", "ndjson"], account(env, ADMIN), timeout=60)
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        assert cloud.count("begun", PG_DATA) == 1


def test_without_a_role_an_attachment_and_a_tag_are_refused_in_the_words_of_the_server(tmp_path: Path) -> None:
    with release(tmp_path, "zsphere-4.10.0") as (cloud, env):
        cloud.recover(PG_DATA)
        env = account(env, "viewer")
        ran = run(["attach", PG_DATA, DB_1], env, timeout=60)
        assert (ran.code, "SYS.1019" in ran.err, "Ask the administrator for a role" in ran.err) == (1, True, True)
        ran = run(["recover", PG_DATA, "--user-tag", "incident", "-o", "ndjson"], env, timeout=60)
        assert (ran.code, ran.json()["outcome"]) == (1, "already")
        [warning] = ran.json()["warnings"]
        assert warning.startswith(f"user tag 'incident': {NO_ROLE} (server: SYS.1019 ")
        assert "Ask the administrator for a role" in warning


# ---- logins ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["2.3", "3.0", "3.1", "3.2", "3.10.40", "zsphere-4.10.0"])
def test_from_login_to_logout(tmp_path: Path, version: str) -> None:
    """Before 3.2 jobs that are running and a logout have an empty body."""
    with release(tmp_path, version, "--job-time", "0.5") as (cloud, env):
        assert run(["login", "--account", ADMIN, "--password-stdin"], env, stdin="password").code == 0
        ran = run(["recover", PG_DATA, "-o", "ndjson"], env)
        assert (ran.code, ran.json()["outcome"], ran.json()["by"]) == (0, "recovered", "zvol")
        assert cloud.count("accepted", PG_DATA) == 1
        assert run(["attach", PG_DATA, DB_1], env).code == 0
        ran = run(["logout"], env)
        assert (ran.code, "logged out of" in ran.err) == (0, True)
        assert run(["list"], env).code == 4


@pytest.mark.parametrize(("version", "code"), [("3.0", 0), ("5.2.1", 0), ("zsphere-4.3", 0), ("zsphere-4.10.0", 4)])
def test_a_user_below_an_account(tmp_path: Path, version: str, code: int) -> None:
    command = ["login", "--account", TENANT_NAME, "--user", "operator", "--password-stdin"]
    with release(tmp_path, version) as (_, env):
        ran = run(command, env, stdin="password")
        assert (ran.code, "this server has no users below accounts" in ran.err) == (code, code == 4)


# ---- access keys -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "locale", "code", "hint"),
    [
        ("3.0", "zh_CN", 4, "knows no access keys"),
        ("3.9", "zh_CN", 4, "a ZStack before 3.10 reads it in the language of its own system"),
        ("3.9", "en_US", 0, ""),
        ("3.10.40", "zh_CN", 0, ""),
    ],
)
def test_a_signed_request(tmp_path: Path, version: str, locale: str, code: int, hint: str) -> None:
    switch = () if version == "3.0" else ("--access-keys",)  # which is refused there
    with release(tmp_path, version, *switch, "--locale", locale) as (cloud, env):
        folder = Path(env["HOME"]) / ".config" / "zvol"
        folder.mkdir(parents=True)
        (folder / "key").write_text(ACCESS_SECRET)
        (folder / "key").chmod(0o600)
        keys = f"access_key_id: {ACCESS_KEY}\n    access_key_secret_file: key\n    timezone: Etc/UTC"
        (folder / "config.yaml").write_text(f"profiles:\n  it:\n    host: {cloud.host}\n    {keys}\n")
        ran = run(["recover", PG_DATA], {name: value for name, value in env.items() if name != "ZVOL_HOST"})
        assert (ran.code, hint in ran.err) == (code, True)
        assert cloud.count("accepted", PG_DATA) == (code == 0)


# ---- copies ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["3.0", "3.1", "4.4.65", "5.2.1"])
@pytest.mark.parametrize("action", ["again", "again-first"])
def test_a_proxy_that_sends_a_put_twice(tmp_path: Path, version: str, action: str) -> None:
    """The second one is a 500 before 3.1, executed until 4.4, a 400 since: the volume is back in each case."""
    with release(tmp_path, version) as (cloud, env), proxy(cloud.host, Rule("put", action)) as (host, between):
        ran = run(["recover", PG_DATA, "-o", "ndjson"], account(env | {"ZVOL_HOST": host}, ADMIN), timeout=60)
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        assert (len(between.puts()), cloud.status(PG_DATA)) == (1, "Ready")
        assert cloud.count("accepted", PG_DATA) == (2 if version in ("3.1", "4.4.65") else 1)
