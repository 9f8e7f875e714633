"""`zvol attach` of several volumes: each to the VM it was last on, or all to one, and one that fails stops no other."""

from __future__ import annotations

import csv

import pytest

from tests.support.process import PG_DATA, PG_WAL, READY, Sandbox
from tests.support.terminal import on_terminal
from tests.support.warm import run
from zvol.sandbox.names import DB_1

NOBODY = "f" * 32


@pytest.fixture
def back(cloud: Sandbox, at: dict[str, str]) -> dict[str, str]:
    """Return the environment of a cloud in which pg-data and pg-wal were recovered, and are on no VM."""
    cloud.recover(PG_DATA)
    cloud.recover(PG_WAL)
    return at


def on_vm(uuid: str, env: dict[str, str]) -> str | None:
    found: str | None = run(["show", uuid, "--json"], env).json()["vmInstanceUuid"]
    return found


def test_each_comes_to_the_vm_it_was_last_on(back: dict[str, str]) -> None:
    ran = run(["attach", "pg-wal", PG_DATA, PG_DATA.upper(), "pg-data", "scratch", NOBODY, READY, "--yes"], back)
    rows = [line.split(maxsplit=4) for line in ran.out.splitlines()]
    assert rows == [
        ["NAME", "UUID", "OUTCOME", "VM", "DETAIL"],
        ["pg-wal", PG_WAL, "attached", "db-1", "-"],
        ["pg-data", PG_DATA, "attached", "db-1", "-"],
        ["scratch", "-", "failed", "-", "scratch is deleted"],
        [NOBODY, NOBODY, "failed", "-", "there is no such volume"],
        ["db-temp", READY, "already", "db-1", "-"],
    ]
    assert ran.code == 1
    assert ran.err.startswith("zvol: 2 attached, 1 already, 2 failed\nzvol: Recover it first: `zvol recover ")
    assert (on_vm(PG_WAL, back), on_vm(PG_DATA, back)) == (DB_1, DB_1)
    again = run(["attach", "-", "-o", "csv"], back, stdin=f"{PG_WAL}\npg-data\n")
    found = [(one["outcome"], one["changed"], one["vm-uuid"]) for one in csv.DictReader(again.out.splitlines())]
    assert (again.code, found) == (0, [("already", "false", DB_1)] * 2)


def test_a_dry_run_and_a_wrong_number_change_nothing(cloud: Sandbox, back: dict[str, str]) -> None:
    before = len(cloud.events())
    would = run(["attach", "pg-data", "pg-wal", PG_WAL, "archive-2019", "--dry-run", "--expect", "2"], back)
    assert would.code == 1
    assert would.out.count("would-attach  db-1") == 2
    assert "zvol: dry run: 2 would be attached, 1 failed; nothing was sent\n" in would.err
    screen = on_terminal(["attach", "pg-data", "pg-wal", "nobody", "--dry-run"], back).text
    assert "Dry run: 2 would be attached, 1 failed; nothing was sent (exit 1)" in screen
    good = on_terminal(["attach", "pg-data", "pg-wal", "--dry-run"], back).text
    assert ("DETAIL" in screen, "DETAIL" in good) == (True, False)
    for wrong in (["pg-data", "pg-wal", "--expect", "3"], [PG_DATA, PG_WAL, "nobody", "--expect", "1"]):
        ran = run(["attach", *wrong], back)
        assert (ran.code, ran.out) == (2, "")
        assert "2 volumes are named, and " in ran.err
    one = run(["attach", "pg-data", "--expect", "2"], back)
    assert (one.code, "1 volume is named, and 2 were expected; nothing was sent\n" in one.err) == (2, True)
    assert run(["attach", "-", "--expect", "0"], back).code == 0
    assert run(["attach"], back).code == 2
    assert len(cloud.events()) == before
    assert run(["attach", "pg-data", "--expect", "1", "-y"], back).code == 0
    elsewhere = run(["attach", PG_DATA, "--vm", "web-1", "--dry-run", "--json"], back)
    assert elsewhere.code == 1
    assert elsewhere.json()[0]["error"]["details"] == "pg-data is attached to db-1; detach it there first"
    assert elsewhere.error()["exitCode"] == 1
    alone = run(["attach", "pg-data", "web-1"], back)
    said = f"zvol: error: {PG_DATA}: pg-data is attached to db-1; detach it there first\n"
    assert (alone.code, alone.out, alone.err) == (1, "", said)


def test_one_volume_has_a_row_as_several_have(back: dict[str, str]) -> None:
    header = "asked,uuid,name,outcome,changed,vm-uuid,vm,detail"
    for outcome, changed in (("attached", "true"), ("already", "false")):
        ran = run(["attach", "pg-data", "-o", "csv"], back)
        row = f"pg-data,{PG_DATA},pg-data,{outcome},{changed},{DB_1},db-1,"
        assert (ran.code, ran.out.splitlines()) == (0, [header, row])
    for format in ("table", "wide"):
        table = run(["attach", PG_DATA, "-o", format], back).out.splitlines()
        rows = [line.split() for line in table]
        assert rows == [["NAME", "UUID", "OUTCOME", "VM", "DETAIL"], ["pg-data", PG_DATA, "already", "db-1", "-"]]
    assert run(["attach", "pg-data", "-o", "name"], back).out == f"{PG_DATA}\n"
    assert run(["attach", "pg-data", "--json"], back).json()["vmInstanceUuid"] == DB_1
    refused = run(["attach", "scratch", "-o", "csv"], back)
    assert (refused.code, refused.out) == (1, "")


def test_the_second_of_two_is_a_vm_if_there_is_one(cloud: Sandbox, back: dict[str, str]) -> None:
    cloud.rename(PG_WAL, "db-1")
    ran = run(["attach", "pg-data", "db-1"], back)
    assert (ran.code, "db-1 is the name of a VM and of a volume" in ran.err, "--vm db-1" in ran.err) == (1, True, True)
    assert (on_vm(PG_DATA, back), on_vm(PG_WAL, back)) == (None, None)
    assert run(["attach", "pg-data", DB_1], back).code == 0
    assert (on_vm(PG_DATA, back), on_vm(PG_WAL, back)) == (DB_1, None)
    cloud.rename(PG_WAL, "wal")
    nobody = run(["attach", PG_DATA, "scratch"], back)
    assert (nobody.code, "there is no VM scratch; known: db-1, web-1" in nobody.err) == (1, True)
    ran = run(["attach", "pg-data", "wal", "--json"], back)
    assert [one["outcome"] for one in ran.json()] == ["already", "attached"]
    ran = run(["attach", PG_DATA, PG_WAL, "-o", "name", "-q"], back)
    assert (ran.code, ran.out.split(), ran.err) == (0, [PG_DATA, PG_WAL], "")
