"""Finding and choosing: for someone who does not know the UUID and is afraid of the clock."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.proxy import Rule, answer, proxy
from tests.faults.test_recover import FAST, config
from tests.support.process import PG_DATA, PG_WAL, READY, ROOT, ZVOL, Sandbox, environment, run, sandbox

BACKUP = "d0a7a5e0c0de4b1e8a5efeedbead0003"
DB_1 = "50e70000c0de4b1e8a5efeedbead0001"
PAGE_502 = answer("502 Bad Gateway", b"<html>502</html>")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def at(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


def names(arguments: list[str], env: dict[str, str]) -> list[str]:
    ran = run(["list", *arguments, "-o", "csv", "--columns", "name"], env)
    assert ran.code == 0, ran
    return ran.out.splitlines()[1:]


# ---- list --------------------------------------------------------------------------------------------------------
def test_the_most_urgent_comes_first_with_what_is_left(at: dict[str, str]) -> None:
    rows = run(["list", "--json"], at).json()
    left = [row["recycle"]["secondsLeft"] for row in rows]
    assert left == sorted(left)
    assert all(row["recycle"]["clock"] == "server" for row in rows)
    assert all(row["recycle"]["policy"] == "Delay" for row in rows)
    assert rows[-1]["recycle"]["expungesAfter"].endswith("Z")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--name", "pg-*"], ["pg-wal", "pg-data"]),
        (["--name", "PG-*"], []),
        (["--deleted-since", "3h"], ["pg-wal", "pg-data"]),
        (["--deleted-before", "60h"], ["archive-2019"]),
        (["--last-vm", "db-1", "--name", "pg-d*"], ["pg-data"]),
        (["--last-vm", DB_1, "--name", "pg-w*"], ["pg-wal"]),
        (["--primary-storage", "old-nfs"], ["archive-2019", "backup"]),
        (["--tagged", "owner:dba"], ["pg-data"]),
        (["--tagged", "%"], []),
        (["--name", "' or 1=1"], []),
        (["--last-vm", "a!=b%s"], []),
        (["--expiring-within", "12h"], ["archive-2019"]),
        (["--sort", "name", "--limit", "1"], None),
    ],
)
def test_filters(filters: list[str], found: list[str] | None, at: dict[str, str]) -> None:
    assert found is None or names(filters, at) == found


def test_the_alarm_for_cron(at: dict[str, str]) -> None:
    assert run(["list", "--expiring-within", "12h", "--exit-code"], at).code == 10
    assert run(["list", "--expiring-within", "1h", "--exit-code"], at).code == 0
    assert run(["list", "--name", "nothing", "--fail-if-empty"], at).code == 1
    assert run(["list", "--exit-code"], at).code == 2
    empty = run(["list", "--name", "nothing", "--json"], at)
    assert (empty.code, empty.json()) == (0, [])


def test_columns(at: dict[str, str]) -> None:
    ran = run(["list", "--columns", "uuid,left"], at)
    assert ran.out.splitlines()[0].split() == ["UUID", "LEFT"]
    assert "safe-until" in run(["list", "--columns", "help"], at).out
    assert names(["--status", "Ready"], at)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Europe/Berlin"])
def test_the_deadline_is_right_in_any_zone_of_the_server(zone: str, tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--zone", zone) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        recycle = run(["show", PG_DATA, "--json"], env).json()["recycle"]
        assert 259_200 - 7_200 - 120 < recycle["secondsLeft"] <= 259_200 - 7_200
        assert names(["--deleted-since", "3h"], env) == ["pg-wal", "pg-data"]


# ---- show --------------------------------------------------------------------------------------------------------
def test_show_says_what_comes_back_and_what_to_do_next(at: dict[str, str]) -> None:
    text = run(["show", PG_DATA], at).out
    assert "Recoverable: " in text
    assert "2 snapshots" in text
    assert "owner:dba" in text
    assert "last on VM db-1" in text
    assert f"zvol recover {PG_DATA}" in text


@pytest.mark.parametrize(
    ("uuid", "recoverable", "reason"), [(READY, False, "not-deleted"), (ROOT, False, "root"), (PG_DATA, True, None)]
)
def test_show_says_why_not(uuid: str, recoverable: bool, reason: str | None, at: dict[str, str]) -> None:
    recycle = run(["show", uuid, "--json"], at).json()["recycle"]
    assert (recycle["recoverable"], recycle["reason"]) == (recoverable, reason)


def test_show_of_what_is_not_there(at: dict[str, str]) -> None:
    ran = run(["show", "f" * 32, "--json"], at)
    assert (ran.code, ran.out) == (1, "")
    assert ran.error()["kind"] == "gone"


def test_a_storage_that_is_disabled_is_told(at: dict[str, str]) -> None:
    assert "is Disabled" in run(["show", "archive-2019"], at).out


# ---- choosing ----------------------------------------------------------------------------------------------------
def test_filters_need_consent_where_nobody_can_be_asked(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", "--name", "pg-*"], at)
    assert (ran.code, ran.out) == (2, "")
    assert run(["recover", "--name", "pg-*", "--expect", "2"], at).code == 2
    assert run(["recover", "--name", "pg-*", "--expect", "3", "--yes"], at).code == 2
    assert cloud.events() == []
    ran = run(["recover", "--deleted-since", "3h", "--expect", "2", "--yes", "--json"], at)
    assert ran.code == 0
    assert {one["uuid"] for one in ran.json()} == {PG_DATA, PG_WAL}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", "--name", "x"],
        [PG_DATA, "--all"],
        [PG_DATA, "--name", "x"],
        ["-", "--name", "x"],
        [PG_DATA, "--yes"],
        ["--deleted-since", "tomorrowish"],
    ],
)
def test_nothing_ever_widens(arguments: list[str], at: dict[str, str], cloud: Sandbox) -> None:
    assert run(["recover", *arguments], at).code == 2
    assert cloud.events() == []


def test_no_match_is_an_empty_answer(at: dict[str, str]) -> None:
    ran = run(["recover", "--name", "nothing", "--json"], at)
    assert (ran.code, ran.json()) == (0, [])
    assert run(["recover", "--name", "nothing", "--fail-if-empty"], at).code == 1


def ask(reply: str, arguments: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Run zvol on a terminal, answer its question, and return the exit code and what was on the screen."""
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover
        os.execvpe(sys.executable, [*ZVOL, *arguments], env)
    seen = b""
    while True:
        ready, _, _ = select.select([fd], [], [], 30)
        try:
            data = os.read(fd, 65536) if ready else b""
        except OSError:
            data = b""
        if not data:
            break
        if b"[y/N]" in data:
            os.write(fd, reply.encode())
        seen += data
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_on_a_terminal_the_list_is_shown_and_the_question_asked(at: dict[str, str], cloud: Sandbox) -> None:
    code, seen = ask("n\n", ["recover", "--name", "pg-*"], at)
    assert code == 1
    assert PG_DATA in seen
    assert "Bring these 2 volumes back on http://127.0.0.1" in seen
    assert cloud.events() == []
    code, _ = ask("y\n", ["recover", "--name", "pg-*"], at)
    assert code == 0
    assert cloud.status(PG_DATA) == cloud.status(PG_WAL) == "Ready"


def test_no_input_never_asks(at: dict[str, str]) -> None:
    code, seen = ask("y\n", ["recover", "--name", "pg-*", "--no-input"], at)
    assert code == 2
    assert "[y/N]" not in seen


# ---- after the recovery ------------------------------------------------------------------------------------------
def test_user_tags_are_made_real_once(at: dict[str, str], cloud: Sandbox) -> None:
    for _ in range(2):
        ran = run(["recover", PG_DATA, "--user-tag", "incident-42", "--json"], at)
        assert ran.code == 0
    tags = cloud.call("GET", f"/v1/user-tags?q=resourceUuid={PG_DATA}")[1]["inventories"]
    assert sorted(tag["tag"] for tag in tags) == ["incident-42", "owner:dba", "production"]
    run(["recover", PG_WAL, "--user-tag", "x", "--no-ensure-tags"], at)
    assert cloud.call("GET", f"/v1/user-tags?q=resourceUuid={PG_WAL}&q=tag=x")[1]["inventories"] == []


def test_reattach_and_attach(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", PG_DATA, "--reattach", "--json"], at)
    assert (ran.code, ran.json()["vmInstanceUuid"]) == (0, DB_1)
    run(["recover", PG_WAL], at)
    assert run(["attach", PG_WAL], at).code == 0
    again = run(["attach", PG_WAL], at)
    assert again.code == 0
    refused = run(["attach", PG_WAL, "f" * 32], at)
    assert refused.code == 1


def test_a_refused_reattach_is_a_warning_and_1_and_the_volume_stays_recovered(at: dict[str, str]) -> None:
    ran = run(["recover", "archive-2019", "--reattach", "-o", "ndjson"], at)
    result = json.loads(ran.out)
    assert (ran.code, result["outcome"]) == (1, "recovered")
    assert "never on a VM" in result["warnings"][0]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([Rule("other", "lose")], 0),
        ([Rule("other", "lose-page", page=PAGE_502)], 0),
        ([Rule("other", "drop")], 3),
    ],
)
def test_an_attach_whose_answer_is_lost_is_settled_by_reading(
    rules: list[Rule], code: int, tmp_path: Path, cloud: Sandbox
) -> None:
    cloud.recover(PG_DATA)
    with proxy(cloud.host, *rules) as (host, between):
        env = config(tmp_path, host, cloud.session)
        ran = run(["attach", PG_DATA], env, command=FAST)
    assert ran.code == code, ran
    assert sum(one.method == "POST" for one in between.seen) == 1


# ---- what the cloud's own settings change ------------------------------------------------------------------------
SCRATCH = "d0a7a5e0c0de4b1e8a5efeedbead000f"
TENANT = "7e4a27acc0de4b1e8a5efeedbead00aa"


def log_in_as_tenant(cloud: Sandbox) -> str:
    password = hashlib.sha512(b"password").hexdigest()
    body = {"logInByAccount": {"accountName": "dev-team", "password": password}}
    return str(cloud.call("PUT", "/v1/accounts/login", body)[1]["inventory"]["uuid"])


def test_another_account_sees_and_recovers_only_its_own(at: dict[str, str], cloud: Sandbox) -> None:
    theirs = at | {"ZVOL_SESSION": log_in_as_tenant(cloud)}
    assert names([], theirs) == ["scratch"]
    assert run(["recover", PG_DATA], theirs).code == 1
    assert run(["recover", SCRATCH], theirs).code == 0


def test_a_full_quota_is_told_before_and_after(at: dict[str, str], cloud: Sandbox) -> None:
    body = {"updateQuota": {"identityUuid": TENANT, "name": "volume.data.num", "value": 1}}
    cloud.job(cloud.call("PUT", "/v1/accounts/quotas/actions", body))
    recycle = run(["show", SCRATCH, "--json"], at).json()["recycle"]
    assert (recycle["recoverable"], recycle["reason"]) == (None, "quota")
    assert "quota volume.data.num of its owner is full (1 of 1)" in run(["show", SCRATCH], at).out
    refused = run(["recover", SCRATCH, "--json"], at | {"ZVOL_SESSION": log_in_as_tenant(cloud)})
    assert (refused.code, refused.error()["error"]["code"]) == (1, "ID.1003")


def set_config(cloud: Sandbox, name: str, value: str) -> None:
    path = f"/v1/global-configurations/volume/{name}/actions"
    cloud.job(cloud.call("PUT", path, {"updateGlobalConfig": {"value": value}}))


@pytest.mark.parametrize(("policy", "left"), [("Never", False), ("Direct", True)])
def test_the_policy_decides_how_long(policy: str, left: bool, at: dict[str, str], cloud: Sandbox) -> None:
    set_config(cloud, "deletionPolicy", policy)
    recycle = run(["show", PG_DATA, "--json"], at).json()["recycle"]
    assert recycle["policy"] == policy
    assert (recycle["expungesAfter"] is not None) == left
    assert f"policy is {policy}" in run(["show", PG_DATA], at).out
    assert ("for ever" in run(["list"], at).out) == (not left)


def test_what_the_server_has_destroyed_is_gone(at: dict[str, str], cloud: Sandbox) -> None:
    set_config(cloud, "expungePeriod", "9000")
    assert PG_DATA in run(["list", "-o", "name"], at).out
    assert run(["show", "archive-2019"], at).code == 1
    assert run(["recover", "d0a7a5e0c0de4b1e8a5efeedbead0006"], at).code == 1


def test_reattach_whose_answer_is_lost_for_good_is_a_warning_and_3(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("other", "drop", 1, 99)) as (host, _):
        env = config(tmp_path, host, cloud.session)
        ran = run(["recover", PG_DATA, "--reattach", "-o", "ndjson"], env, command=FAST)
    result = json.loads(ran.out)
    assert (ran.code, result["outcome"]) == (3, "recovered")
    assert "not known whether it is attached" in result["warnings"][0]
    assert cloud.status(PG_DATA) == "Ready"
