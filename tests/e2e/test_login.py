"""Logging in by hand: where the password may come from, where the session is stored, and what a refused login means."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from tests.support.fault_proxy import proxy
from tests.support.process import PG_DATA, Sandbox, environment, sandbox
from tests.support.terminal import on_terminal
from tests.support.warm import run

ADMIN = ["login", "--account", "admin"]
STDIN = [*ADMIN, "--password-stdin"]
HASH = hashlib.sha512(b"password").hexdigest()


@pytest.fixture
def out(at: dict[str, str]) -> dict[str, str]:
    """Return the environment of somebody without a session."""
    return {name: value for name, value in at.items() if name != "ZVOL_SESSION"}


def stored_sessions(env: dict[str, str]) -> list[Path]:
    return sorted((Path(env["HOME"]) / ".local" / "state" / "zvol" / "sessions").glob("*"))


def session_of(path: Path) -> str:
    return str(json.loads(path.read_text())["session"])


def profile(env: dict[str, str], host: str, body: str) -> dict[str, str]:
    folder = Path(env["HOME"]) / ".config" / "zvol"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(f"profiles:\n  it:\n    host: {host}\n    {body}\n")
    return {name: value for name, value in env.items() if name != "ZVOL_HOST"}


def test_login_whoami_recover_logout(out: dict[str, str], cloud: Sandbox) -> None:
    assert run(["list"], out).code == 4
    ran = run([*STDIN, "-v"], out, stdin="password\n")
    assert ran.code == 0, ran
    [path] = stored_sessions(out)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    session = session_of(path)
    found = run(["whoami", "--json"], out).json()[0]
    assert (found["valid"], found["sessionFrom"], found["account"]) == (True, "stored by zvol login", "admin")
    recovered = run(["recover", PG_DATA, "-o", "name", "-v", "--debug"], out)
    assert recovered.code == 0
    left = run(["logout", "-v"], out)
    assert left.code == 0
    assert "/sessions/***" in left.err
    for text in (ran.err, recovered.out, recovered.err, left.err):
        assert session not in text
        assert HASH not in text
    assert not stored_sessions(out)
    assert cloud.call("GET", f"/v1/accounts/sessions/{session}/valid")[1] == {"valid": False}
    again = run(["logout"], out)
    assert (again.code, "no session is stored" in again.err) == (0, True)


# ---- where the password may come from ----------------------------------------------------------------------------
def test_a_terminal_is_asked_and_shows_nothing(out: dict[str, str]) -> None:
    shown = on_terminal(ADMIN, out, question=b"Password of admin on http://127.0.0.1", reply="password\n")
    assert shown.code == 0, shown.text
    assert len(stored_sessions(out)) == 1
    typed = shown.text.partition("Password of admin")[2].replace("Password of admin", "")
    assert "password" not in typed.replace("password_command", "")
    assert "*" not in typed


@pytest.mark.parametrize(
    ("typed", "code"),
    [(["\x03"], 130), (["\x04"], 1), (["\n", "\x04"], 1), (["wrong-MARKER\n"], 4), (["MARKER-пароль\n"], 4)],
)
def test_answers_on_a_terminal_that_lead_nowhere(out: dict[str, str], typed: list[str], code: int) -> None:
    shown = on_terminal(ADMIN, out, replies=[(b"Password of", text) for text in typed])
    assert shown.code == code, shown.text
    assert shown.raw.endswith(b"\n")
    assert "Traceback" not in shown.text
    assert "MARKER" not in shown.text
    assert not stored_sessions(out)


def test_a_terminal_is_not_asked_with_no_input(out: dict[str, str]) -> None:
    for command, env in (([*ADMIN, "--no-input"], out), (ADMIN, out | {"ZVOL_NO_INPUT": "1"})):
        shown = on_terminal(command, env)
        assert (shown.code, "there is no terminal" in shown.text) == (2, True)
    shown = on_terminal(["login"], out)
    assert (shown.code, "no account was named" in shown.text) == (2, True)


def test_each_source_of_a_password(out: dict[str, str], cloud: Sandbox) -> None:
    home = Path(out["HOME"])
    (home / "secret").write_text("password\nand more\n")
    (home / "secret").chmod(0o600)
    (home / "ask").write_text("#!/bin/sh\necho password\n")
    (home / "ask").chmod(0o700)
    for body in (f"password_file: {home}/secret", f"password_command: [{home}/ask]"):
        env = profile(out, cloud.host, f"account: admin\n    {body}")
        assert run(["login"], env).code == 0
        assert run(["logout"], env).code == 0
    named = {"ZSTACK_ACCOUNT_NAME": "admin", "ZVOL_HOST": cloud.host}
    assert run(["login"], out | named | {"ZSTACK_ACCOUNT_PASSWORD": "password"}).code == 0
    assert run(["login", "--password-stdin"], out | named, stdin="password").code == 0
    assert run(ADMIN, out | {"ZSTACK_ACCOUNT_PASSWORD": "password"}).code == 0


def test_the_hash_of_a_password_is_the_password(out: dict[str, str]) -> None:
    for text in (HASH, HASH.upper()):
        ran = run([*STDIN, "-v", "--debug"], out, stdin=text)
        assert ran.code == 0, ran
        assert HASH[:16] not in ran.err.lower() + stored_sessions(out)[0].read_text()


def test_a_password_is_taken_as_it_is(out: dict[str, str], cloud: Sandbox) -> None:
    """Spaces at its ends count, and so does every letter; a line end does not."""
    for number, text in enumerate([" two spaces ", "пароль-密码", "a\x0bb\u2028c", "\ttab", "x" * 1000]):
        digest = hashlib.sha512(text.encode()).hexdigest()
        account = {"params": {"name": f"user-{number}", "password": digest}}
        cloud.job(cloud.call("POST", "/v1/accounts", account))
        for ending in ("", "\n", "\r\n") if number == 0 else ("\n",):
            ran = run(["login", "--account", f"user-{number}", "--password-stdin"], out, stdin=text + ending)
            assert ran.code == 0, (text, ran)
        assert run(["login", "--account", f"user-{number}"], out | {"ZSTACK_ACCOUNT_PASSWORD": text}).code == 0


@pytest.mark.parametrize("text", [b"", b"\n", b"\r\npassword", b"\xff\xfep\0", b"MARKER\xff\xfe\n"])
def test_what_is_no_password(out: dict[str, str], text: bytes) -> None:
    import subprocess

    from tests.support.process import ZVOL

    ran = subprocess.run([*ZVOL, *STDIN, "--debug"], env=out, input=text, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.startswith(b"zvol: error: standard input: ")
    assert b"MARKER" not in ran.stderr
    assert b"Traceback" not in ran.stderr
    assert run(STDIN, out | {"ZSTACK_ACCOUNT_PASSWORD": "MARKER\udcff"}, stdin="x").code == 2


# ---- whose session -----------------------------------------------------------------------------------------------
def test_a_user_of_an_account(out: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["login", "--account", "dev-team", "--user", "operator", "--password-stdin"], out, stdin="password")
    assert ran.code == 0, ran
    assert "logged in as dev-team/operator" in ran.err
    found = run(["whoami", "--json"], out).json()[0]
    assert (found["account"], found["user"], found["valid"]) == ("dev-team", "operator", True)
    assert [one["name"] for one in run(["list", "-o", "json"], out).json()] == ["scratch"]
    for account, user in (("dev-team", "nobody"), ("admin", "operator")):
        ran = run(["login", "--account", account, "--user", user, "--password-stdin"], out, stdin="password")
        assert ran.code == 4


def test_a_session_is_bound_to_scheme_host_port_and_account(out: dict[str, str], cloud: Sandbox) -> None:
    assert run(STDIN, out, stdin="password").code == 0
    [path] = stored_sessions(out)
    with proxy(cloud.host) as (elsewhere, between):
        for host in (elsewhere, elsewhere.replace("127.0.0.1", "localhost"), elsewhere.replace("http:", "https:")):
            assert run(["list"], out | {"ZVOL_HOST": host}).code == 4
        assert run(["list"], profile(out, cloud.host, "account: dev-team")).code == 4
        assert run(["list"], profile(out, cloud.host, "account: admin\n    user: ops")).code == 4
        assert run(["list"], profile(out, cloud.host, "account: admin")).code == 0
        assert between.seen == []
        record = json.loads(path.read_text())  # a file that was moved, or whose content is of another server
        path.rename(path.with_name("f" * 32))
        assert run(["list"], out).code == 4
        path.write_text(json.dumps(record | {"base": elsewhere}))
        path.chmod(0o600)
        assert run(["list"], out | {"ZVOL_HOST": elsewhere}).code == 4
        assert between.seen == []


def test_the_latest_login_counts_where_no_account_is_named(out: dict[str, str], cloud: Sandbox) -> None:
    team = ["login", "--account", "dev-team", "--password-stdin"]
    for command, account in ((STDIN, "admin"), (team, "dev-team"), (STDIN, "admin")):
        assert run(command, out, stdin="password").code == 0
        assert run(["whoami", "--json"], out).json()[0]["account"] == account
    assert len(stored_sessions(out)) == 2
    assert run(["logout"], out).code == 0
    assert run(["whoami", "--json"], out).json()[0]["account"] == "dev-team"


def test_a_profile_logs_in_as_nobody_else(out: dict[str, str], cloud: Sandbox) -> None:
    env = profile(out, cloud.host, "account: admin")
    ran = run(["login", "--account", "dev-team", "--password-stdin"], env, stdin="password")
    assert (ran.code, "of account admin, not of dev-team" in ran.err) == (2, True)
    assert run(["login", "--user", "operator", "--password-stdin"], env, stdin="password").code == 2
    assert not stored_sessions(out)


def test_a_login_beside_a_session_that_counts_more_is_warned_of(at: dict[str, str]) -> None:
    ran = run(STDIN, at, stdin="password")
    assert (ran.code, "is used instead" in ran.err) == (0, True)


def test_the_sandbox_needs_no_login(tmp_path: Path) -> None:
    ran = run(["--sandbox", *STDIN], environment(tmp_path / "home"), stdin="password")
    assert (ran.code, "needs no login" in ran.err) == (2, True)


# ---- refusals ----------------------------------------------------------------------------------------------------
def test_a_wrong_password_is_4_with_advice(out: dict[str, str]) -> None:
    ran = run([*STDIN, "--json"], out, stdin="wrong-MARKER")
    assert (ran.code, ran.out) == (4, "")
    assert ran.error()["error"]["code"] == "ID.1000"
    assert "password is wrong" in ran.error()["hint"]
    assert "MARKER" not in ran.err


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ID.1005", "initial password must be changed"),
        ("ID.1006", "Too many sessions"),
        ("ID.2000", "second factor"),
        ("ID.2001", "second factor"),
        ("LOGIN_CONTROL.1000", "too old"),
        ("LOGIN_CONTROL.1001", "used before"),
        ("LOGIN_CONTROL.1002", "locked"),
        ("LOGIN_CONTROL.1003", "captcha"),
        ("LOGIN_CONTROL.1004", "refuses logins from here"),
        ("LOGIN_CONTROL.1005", "captcha"),
        ("LOGIN_CONTROL.9999", "Ask the administrator"),
    ],
)
def test_what_commercial_login_control_wants(tmp_path: Path, code: str, message: str) -> None:
    with sandbox(tmp_path / "cloud", "--login-refusal", code) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host})
        ran = run([*STDIN, "--json"], env, stdin="password")
        assert (ran.code, ran.out) == (4, "")
        assert ran.error()["error"]["code"] == code
        assert message in ran.error()["hint"]
        cron = env | {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
        ran = run(["recover", PG_DATA], cron)
        assert ran.code == 4
        assert message in ran.err
        assert cloud.events() == []


def test_a_logout_that_the_server_does_not_hear_of(out: dict[str, str], cloud: Sandbox) -> None:
    assert run(STDIN, out, stdin="password").code == 0
    cloud.end()
    ran = run(["logout"], out)
    assert (ran.code, "forgotten here" in ran.err) == (5, True)
    assert not stored_sessions(out)


def test_whoami_of_a_session_that_is_none(at: dict[str, str]) -> None:
    ran = run(["whoami"], at | {"ZVOL_SESSION": "b" * 32})
    assert (ran.code, "zvol login" in ran.err) == (4, True)
    assert "b" * 32 not in ran.out + ran.err


def test_the_zone_that_a_login_shows(tmp_path: Path) -> None:
    """An old server does not tell its zone; the date of the login, beside its clock, does, also to a tenant."""
    password = hashlib.sha512(b"password").hexdigest()
    tenant = {"logInByAccount": {"accountName": "dev-team", "password": password}}
    with sandbox(tmp_path / "cloud", "--no-timezone-api", "--zone", "Asia/Kathmandu") as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host})
        session = cloud.call("PUT", "/v1/accounts/login", tenant)[1]["inventory"]["uuid"]
        given = run(["list", "-o", "json"], env | {"ZVOL_SESSION": session}).json()
        assert {(one["recycle"]["clock"], one["recycle"]["secondsLeft"]) for one in given} == {("unknown", None)}
        login = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
        found = {one["name"]: one["recycle"] for one in run(["list", "-o", "json"], env | login).json()}
        assert {one["clock"] for one in found.values()} == {"login"}
        assert abs(found["pg-data"]["secondsLeft"] - (3 * 86400 - 7200)) < 86400
