"""What servers before 3.2 and ZSphere answer, and what zvol says of it: empty bodies, permissions, logins, keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.http_messages import answer
from tests.support.pages import failure, raw
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, sandbox
from tests.support.profiles import FAST
from tests.support.sandbox_faults import plant
from tests.support.warm import run
from zvol.sandbox.names import ACCESS_KEY, ACCESS_SECRET

LOGIN = ["login", "--account", "admin", "--password-stdin"]
WORDS = "操作[API:org.zstack.header.volume.APIRecoverDataVolumeMsg]被拒绝，您没有相应的角色权限，请联系管理员处理。"
NOT_READ = (
    f"the server refused the query: the role of this account does not permit this request (server: SYS.1019 {WORDS})"
)
EMPTY_202 = raw("HTTP/1.1 202 Accepted\nContent-Length: 0")
EMPTY_200 = raw("HTTP/1.1 200 OK\nContent-Length: 0")
NO_USERS = answer("404 Not Found", b"no api mapping to /v1/accounts/users/login")
ROLE, SHARE, POLICY = (
    "Ask the administrator for a role",
    "Ask the administrator to share",
    "for a policy that allows this request",
)
PERMISSIONS = [("SYS.1019", ROLE), ("SYS.1018", SHARE), ("ID.1002", POLICY)]


def denied(code: str) -> bytes:
    error = {"code": code, "description": "Operation denied", "details": WORDS, "cost": "0ms"}
    return answer("503 Service Unavailable", json.dumps({"error": error}).encode())


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud", "--faults") as made:
        yield made


def faults(cloud: Sandbox, *names: str) -> None:
    plant(cloud.directory, PG_DATA, *names)


def through(at: dict[str, str], host: str) -> dict[str, str]:
    return at | {"ZVOL_HOST": host}


# ---- permissions -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("code", "hint"), PERMISSIONS)
def test_a_recovery_without_permission_says_what_to_ask_for(
    code: str, hint: str, at: dict[str, str], cloud: Sandbox
) -> None:
    faults(cloud, "unsent")
    with proxy(cloud.host, Rule("job", "page", last=99, page=denied(code))) as (host, between):
        ran = run(["recover", PG_DATA, "--json"], through(at, host), timeout=60)
    assert (ran.code, ran.out, len(between.puts())) == (1, "", 1)
    assert (ran.error()["kind"], ran.error()["error"]["code"]) == ("refused", code)
    assert WORDS in ran.err
    assert hint in ran.error()["hint"]


@pytest.mark.parametrize("code", ["SYS.1018", "SYS.1019", "ID.1002", "ID.1007"])
def test_a_refused_recovery_does_not_delay_the_account_that_may(code: str, at: dict[str, str], cloud: Sandbox) -> None:
    faults(cloud, f"fail:{code}")
    assert run(["recover", PG_DATA], at, timeout=60).code == (4 if code == "ID.1007" else 1)
    assert run(["login", "--account", "admin", "--password-stdin"], at, stdin="password").code == 0
    other = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    ran = run(["recover", PG_DATA, "-o", "ndjson"], other, timeout=60)
    assert (ran.code, ran.json()["outcome"], ran.json()["by"]) == (0, "recovered", "zvol")
    assert cloud.count("accepted", PG_DATA) == 2


@pytest.mark.parametrize(("code", "hint"), PERMISSIONS)
@pytest.mark.parametrize("command", [["list"], ["show", PG_DATA], ["recover", PG_DATA, "--dry-run"]])
def test_a_read_without_permission_says_what_to_ask_for(
    command: list[str], code: str, hint: str, at: dict[str, str]
) -> None:
    rules = (Rule("list", "page", last=99, page=denied(code)), Rule("read", "page", last=99, page=denied(code)))
    with proxy(at["ZVOL_HOST"], *rules) as (host, _):
        ran = run(command, through(at, host))
    assert (ran.code, WORDS in ran.err, hint in ran.err) == (1, True, True)


@pytest.mark.parametrize(("code", "hint"), PERMISSIONS)
def test_an_attachment_and_a_tag_without_permission_say_what_to_ask_for(
    code: str, hint: str, at: dict[str, str], cloud: Sandbox
) -> None:
    page = denied(code)
    rules = (
        Rule("other", "page", last=99, page=page, path="/vm-instances/"),
        Rule("other", "page", last=99, page=page, path="/user-tags$"),
    )
    with proxy(cloud.host, *rules) as (host, _):
        ran = run(
            ["recover", PG_DATA, "--user-tag", "incident", "--reattach", "-o", "ndjson"], through(at, host), timeout=20
        )
        assert (ran.code, ran.json()["outcome"]) == (1, "recovered")
        tag, attach = ran.json()["warnings"]
        for warning in (tag, attach):
            assert f"(server: {code} {WORDS}). " in warning
            assert hint in warning
        attached = run(["attach", PG_DATA], through(at, host), timeout=60)
    assert (attached.code, WORDS[:-1] in attached.err, hint in attached.err) == (1, True, True)


def test_one_volume_without_permission_stops_no_other(at: dict[str, str], cloud: Sandbox) -> None:
    faults(cloud, "fail:SYS.1018")
    ran = run(["recover", PG_DATA, PG_WAL, "--json"], at, timeout=60)
    assert (ran.code, [one["outcome"] for one in ran.json()]) == (1, ["failed", "recovered"])
    assert run(["resume", "--json"], at).json() == []


def test_an_account_that_is_disabled(at: dict[str, str]) -> None:
    page = denied("ID.1007")
    with proxy(at["ZVOL_HOST"], Rule("look", "page", last=9, page=page), Rule("login", "page", page=page)) as (host, _):
        env = through(at, host)
        for command in (["recover", PG_DATA], LOGIN):
            ran = run(command, env, stdin="password")
            assert (ran.code, "ask the administrator to enable it" in ran.err, WORDS in ran.err) == (4, True, True)
            assert ("does not accept this account" in ran.err) == (command != LOGIN)


@pytest.mark.parametrize("path", ["/primary-storage", "/user-tags", "/volume-snapshots", "/resources/accounts"])
def test_what_a_role_may_not_read_is_not_known_in_the_words_of_the_server(path: str, at: dict[str, str]) -> None:
    with proxy(at["ZVOL_HOST"], Rule("other", "page", last=9, page=denied("SYS.1019"), path=path)) as (host, _):
        ran = run(["show", PG_DATA], through(at, host))
    [note] = [line for line in ran.out.splitlines() if "not known: " in line]
    assert (ran.code, note.endswith(f"not known: {NOT_READ}")) == (0, True)


def test_tags_and_a_policy_that_a_role_may_not_read(at: dict[str, str]) -> None:
    page = denied("SYS.1019")
    rules = [Rule("other", "page", last=9, page=page, path=path) for path in ("/user-tags", "/global-configurations")]
    with proxy(at["ZVOL_HOST"], *rules) as (host, _):
        found = run(["doctor", "--json"], through(at, host)).json()
        assert NOT_READ in next(one["found"] for one in found if one["check"] == "policy")
        ran = run(["recover", PG_DATA, "--user-tag", "incident", "-o", "ndjson"], through(at, host))
    assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
    assert ran.json()["warnings"] == [f"the user tags could not be read: {NOT_READ}"]


def test_a_volume_that_a_role_may_not_read_back(at: dict[str, str], cloud: Sandbox) -> None:
    faults(cloud, "unsent")
    with proxy(cloud.host, Rule("back", "page", last=10**6, page=denied("SYS.1019"))) as (host, _):
        ran = run(["recover", PG_DATA, "--timeout", "20s", "-o", "ndjson"], through(at, host), command=FAST)
    assert (ran.code, ran.json()["outcome"]) == (3, "unknown")
    assert f"of the volume: {NOT_READ}" in ran.json()["error"]["details"]


# ---- empty bodies, before 3.2 ------------------------------------------------------------------------------------
def test_a_running_job_has_an_empty_body(at: dict[str, str], cloud: Sandbox) -> None:
    faults(cloud, "unsent")
    with proxy(cloud.host, Rule("job", "page", last=10**6, page=EMPTY_202)) as (host, _):
        ran = run(["recover", PG_DATA, "--timeout", "20s", "-o", "ndjson"], through(at, host), command=FAST)
    assert (ran.code, ran.json()["outcome"]) == (3, "unknown")
    assert "of its job: not done yet" in ran.json()["error"]["details"]


def test_an_empty_200_of_a_job_is_no_success(at: dict[str, str], cloud: Sandbox) -> None:
    faults(cloud, "unsent")
    with proxy(cloud.host, Rule("job", "page", last=10**6, page=EMPTY_200)) as (host, _):
        ran = run(["recover", PG_DATA, "--timeout", "20s", "-o", "ndjson"], through(at, host), command=FAST)
    assert (ran.code, ran.json()["outcome"]) == (3, "unknown")
    assert "of its job: HTTP 200 that is not ZStack's" in ran.json()["error"]["details"]


def test_a_logout_that_is_answered_with_nothing(at: dict[str, str], cloud: Sandbox) -> None:
    env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    with proxy(cloud.host, Rule("other", "lose-page", path="/accounts/sessions/", page=EMPTY_200)) as (host, between):
        assert run(LOGIN, through(env, host), stdin="password").code == 0
        ran = run(["logout"], through(env, host))
        assert (ran.code, "logged out of" in ran.err) == (0, True)
        assert between.count_sessions() == (1, 1)
        assert run(["list"], through(env, host)).code == 4


def test_a_logout_that_is_refused(at: dict[str, str], cloud: Sandbox) -> None:
    env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    page = denied("SYS.1019")
    with proxy(cloud.host, Rule("other", "page", path="/accounts/sessions/", page=page)) as (host, _):
        assert run(LOGIN, through(env, host), stdin="password").code == 0
        ran = run(["logout"], through(env, host))
    assert (ran.code, WORDS in ran.err, "forgotten here" in ran.err) == (4, True, True)


def test_a_session_that_cannot_be_stored_is_the_error_whatever_the_logout_brings(
    at: dict[str, str], cloud: Sandbox
) -> None:
    env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    state = Path(env["HOME"]) / ".local" / "state" / "zvol"
    state.mkdir(parents=True)
    (state / "sessions").write_text("in the way")
    with proxy(cloud.host, Rule("other", "page", page=failure("SYS.1000"))) as (host, between):
        ran = run(LOGIN, through(env, host), stdin="password")
    assert (ran.code, between.count_sessions()) == (7, (1, 1))


# ---- logins ------------------------------------------------------------------------------------------------------
def test_a_server_without_users_below_accounts_says_so(at: dict[str, str]) -> None:
    env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    with proxy(at["ZVOL_HOST"], Rule("login", "page", last=9, page=NO_USERS)) as (host, between):
        ran = run([*LOGIN, "--user", "ops"], through(env, host), stdin="password")
        assert (ran.code, "zvol: error: this server has no users below accounts\n" in ran.err) == (4, True)
        assert "Log in without a user" in ran.err
        folder = Path(env["HOME"]) / ".config" / "zvol"
        folder.mkdir(parents=True)
        lines = f"host: {host}\n    account: admin\n    user: ops\n    password_command: [echo, password]"
        (folder / "config.yaml").write_text(f"profiles:\n  it:\n    {lines}\n")
        ran = run(["recover", PG_DATA], {name: value for name, value in env.items() if name != "ZVOL_HOST"})
        assert (ran.code, "this server has no users below accounts" in ran.err) == (4, True)
        assert between.puts() == []


# ---- access keys -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        ("400 Bad Request", b"Authorization type must be 'OAuth'", "knows no access keys"),
        ("400 Bad Request", b"unable to find RestAuthenticationBackend[provider type: AK]", "knows no access keys"),
        ("400 Bad Request", b"'Date' format error, correct format is 'EEE, dd MMM yyyy HH:mm:ss '", "before 3.10"),
    ],
)
def test_a_signed_request_to_an_older_server(
    status: str, text: bytes, hint: str, at: dict[str, str], cloud: Sandbox
) -> None:
    key = {"ZSTACK_ACCESS_KEY_ID": ACCESS_KEY, "ZSTACK_ACCESS_KEY_SECRET": ACCESS_SECRET}
    env = environment(Path(at["HOME"]), key)
    rules = [Rule(kind, "page", last=99, page=answer(status, text)) for kind in ("list", "read")]
    with proxy(cloud.host, *rules) as (host, _):
        for command in (["list"], ["recover", PG_DATA]):
            ran = run(command, through(env, host))
            assert (ran.code, text.decode() in ran.err, hint in ran.err) == (4, True, True)
            assert "use a session or `zvol login`" in ran.err
    assert cloud.events() == []


def test_a_session_that_is_not_accepted_is_told_once(at: dict[str, str]) -> None:
    ran = run(["recover", PG_DATA], at | {"ZVOL_SESSION": "b" * 32})
    [line] = [line for line in ran.err.splitlines() if "does not accept the session" in line]
    assert (ran.code, ran.err.count("ID.1001"), "last seen" in line) == (4, 1, False)
