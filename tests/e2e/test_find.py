"""Finding: for someone who does not know the UUID and is afraid of the clock."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, READY, ROOT, Sandbox, environment, sandbox
from tests.support.warm import run

DB_1 = "50e70000c0de4b1e8a5efeedbead0001"


def names(arguments: list[str], env: dict[str, str]) -> list[str]:
    ran = run(["list", *arguments, "-o", "csv", "--columns", "name"], env)
    assert ran.code == 0, ran
    return ran.out.splitlines()[1:]


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
        (["--last-vm", "web-1", "--name", "pg-*"], []),
        (["--expiring-within", "12h"], ["archive-2019"]),
        (["--sort", "name", "--limit", "1"], None),
    ],
)
def test_filters(filters: list[str], found: list[str] | None, at: dict[str, str]) -> None:
    assert found is None or names(filters, at) == found


@pytest.mark.parametrize(
    "command", [["list"], ["recover", "--yes"], ["list", "--expiring-within", "9d", "--exit-code"]]
)
def test_a_filter_that_names_what_is_not_there(command: list[str], at: dict[str, str], cloud: Sandbox) -> None:
    for option, value, there in (
        ("--last-vm", "a!=b%s", "known: db-1, old-app, web-1, web-2"),
        ("--last-vm", "DB-1", "known: db-1, old-app, web-1, web-2"),
        ("--primary-storage", "nfs", "known: ceph"),
    ):
        ran = run([*command, option, value, "--json"], at)
        assert (ran.code, ran.out, ran.error()["kind"]) == (1, "", "not-found"), ran
        assert f"{value}; {there}" in ran.error()["error"]["details"]
    assert cloud.events() == []


def test_a_uuid_is_never_looked_up(at: dict[str, str]) -> None:
    assert names(["--last-vm", "f" * 32], at) == names(["--primary-storage", "f" * 32], at) == []


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


def test_show_says_what_comes_back_and_what_to_do_next(at: dict[str, str]) -> None:
    text = run(["show", PG_DATA], at).out
    assert "Recoverable: " in text
    assert "2 snapshots" in text
    assert "owner:dba" in text
    assert re.search(r"last on VM db-1 .*, until 20[-0-9]+T[:0-9]+Z;", text)
    assert len(set(re.findall(r"^(?:Deleted|Changed): +(.*)$", text, re.MULTILINE))) == 1
    assert not re.search(" [AP]M", text)
    assert not re.search("^(Deleted|Safe until|Left):", run(["show", READY], at).out, re.MULTILINE)
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
