"""After a recovery: tags made real, and volumes back on their VM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, answer, proxy
from tests.support.process import PG_DATA, PG_WAL, Sandbox
from tests.support.profiles import FAST, profile
from tests.support.terminal import on_terminal
from tests.support.warm import run

DB_1 = "50e70000c0de4b1e8a5efeedbead0001"
ATTACH = "/volumes/"
PAGE_502 = answer("502 Bad Gateway", b"<html>502</html>")


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
    for vm in ([], ["db-1"], [DB_1]):
        again = run(["attach", PG_WAL, *vm], at)
        assert (again.code, again.err) == (0, f"zvol: {PG_WAL} is on VM {DB_1} already\n")
    refused = run(["attach", PG_WAL, "f" * 32], at)
    assert refused.code == 1


def test_attach_on_a_terminal(at: dict[str, str], cloud: Sandbox) -> None:
    cloud.recover(PG_WAL)
    env = at | {"TERM": "xterm"}
    with proxy(cloud.host, Rule("any", "page", 1, 99, page=PAGE_502, path="fields=uuid")) as (host, _):
        for more, said in (
            ({}, "✓ Attached pg-wal to db-1"),
            ({}, "✓ pg-wal was already attached to db-1"),
            ({"ZVOL_HOST": host}, f"✓ pg-wal was already attached to {DB_1}"),
        ):
            shown = on_terminal(["attach", PG_WAL], env | more, columns=80)
            assert (shown.code, shown.lines) == (0, [said])
    assert on_terminal(["attach", PG_WAL, "-q"], env, columns=80).lines == []
    assert on_terminal(["attach", PG_WAL, "-o", "name"], env, columns=80).lines[0] == PG_WAL


def test_attach_by_name(at: dict[str, str], cloud: Sandbox) -> None:
    cloud.recover(PG_DATA)
    assert run(["attach", "pg-data", "db-1", "--json"], at).json()["vmInstanceUuid"] == DB_1
    nobody = run(["attach", PG_DATA, "db"], at)
    assert (nobody.code, nobody.err) == (1, "zvol: error: there is no VM db; known: db-1, web-1\n")
    run(["recover", "archive-2019"], at)
    [archive] = [
        one["uuid"] for one in run(["list", "--status", "any", "--json"], at).json() if one["name"][:4] == "arch"
    ]
    never = run(["attach", "archive-2019"], at)
    assert (never.code, f"`zvol attach {archive} VM`" in never.err) == (2, True)
    cloud.rename(archive, "pg-data")
    several = run(["attach", "pg-data"], at)
    assert (several.code, archive in several.err, PG_DATA in several.err) == (1, True, True)


def test_a_refused_reattach_is_a_warning_and_1_and_the_volume_stays_recovered(at: dict[str, str]) -> None:
    ran = run(["recover", "archive-2019", "--reattach", "-o", "ndjson"], at)
    result = json.loads(ran.out)
    assert (ran.code, result["outcome"]) == (1, "recovered")
    assert "never on a VM" in result["warnings"][0]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([Rule("other", "lose", path=ATTACH)], 0),
        ([Rule("other", "lose-page", page=PAGE_502, path=ATTACH)], 0),
        ([Rule("other", "drop", path=ATTACH)], 3),
    ],
)
def test_an_attach_whose_answer_is_lost_is_settled_by_reading(
    rules: list[Rule], code: int, tmp_path: Path, cloud: Sandbox
) -> None:
    cloud.recover(PG_DATA)
    with proxy(cloud.host, *rules) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = run(["attach", PG_DATA], env, command=FAST)
    assert ran.code == code, ran
    assert sum(one.method == "POST" for one in between.seen) == 1


def test_reattach_whose_answer_is_lost_for_good_is_a_warning_and_3(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("other", "drop", 1, 99)) as (host, _):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = run(["recover", PG_DATA, "--reattach", "-o", "ndjson"], env, command=FAST)
    result = json.loads(ran.out)
    assert (ran.code, result["outcome"]) == (3, "recovered")
    assert "not known whether it is attached" in result["warnings"][0]
    assert cloud.status(PG_DATA) == "Ready"
