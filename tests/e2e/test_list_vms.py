"""`zvol list --vms`, and the clock of VMs and of root volumes."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import accident
from tests.support.accident import OLD_APP, RINGS, ROOT_2, SOON_VMS, WEB_1, WEB_2, database, destroy
from tests.support.fault_proxy import Proxy, Rule
from tests.support.hostile.names import forbidden
from tests.support.pages import page
from tests.support.process import ROOT, Sandbox, environment, sandbox
from tests.support.warm import run

WEEK = 7 * 86400
BAD = page("502 Bad Gateway")


def configure(cloud: Sandbox, name: str, value: str, category: str = "vm") -> None:
    path = f"/v1/global-configurations/{category}/{name}/actions"
    cloud.job(cloud.call("PUT", path, {"updateGlobalConfig": {"value": value}}))


def uuids(arguments: list[str], env: dict[str, str]) -> list[str]:
    ran = run(["list", "--vms", *arguments, "-o", "name"], env)
    assert ran.code == 0, ran
    return ran.out.split()


# ---- the list --------------------------------------------------------------------------------------------------------
def test_the_most_urgent_vm_comes_first_with_the_clock_of_vms(at: dict[str, str]) -> None:
    rows = run(["list", "--vms", "--json"], at).json()
    assert [row["uuid"] for row in rows] == [OLD_APP, WEB_2]
    for row, hours in zip(rows, (5, 4), strict=True):
        left = row["recycle"].pop("secondsLeft")
        assert WEEK - hours * 3600 - 120 < left <= WEEK - hours * 3600
        until, deleted = (datetime.fromisoformat(row["recycle"].pop(key)) for key in ("expungesAfter", "deletedAt"))
        assert (until - deleted).total_seconds() == WEEK
        assert row["recycle"] == {
            "recoverable": True,
            "reason": None,
            "clockFrom": "deleted",
            "policy": "Delay",
            "clock": "server",
        }


def test_every_format(at: dict[str, str]) -> None:
    table = run(["list", "--vms"], at)
    head, first, _ = table.out.splitlines()
    assert head.split("  ")[0] == "NAME"
    assert "DESTROYED" in head
    assert first.split()[:2] == ["old-app", OLD_APP]
    assert first.split()[-1] == "local-ssd"
    assert (table.code, table.err) == (0, "")
    assert uuids([], at) == [OLD_APP, WEB_2]
    lines = run(["list", "--vms", "-o", "ndjson"], at).out.splitlines()
    assert [json.loads(line)["uuid"] for line in lines] == [OLD_APP, WEB_2]
    rows = list(csv.DictReader(io.StringIO(run(["list", "--vms", "-o", "csv", "--columns", COLUMNS], at).out)))
    assert rows[1] | {"host-uuid": ""} == {
        "name": "web-2",
        "root-uuid": ROOT_2,
        "root-size": str(40 * 2**30),
        "storage": "local-ssd",
        "host-uuid": "",
        "recoverable": "True",
        "state": "Destroyed",
    }


COLUMNS = "name,root-uuid,root-size,storage,host-uuid,recoverable,state"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--name", "web-*"], [WEB_2]),
        (["--name", "WEB-*"], []),
        (["--name", "web-*", "--name", "old-*"], [OLD_APP]),
        (["--deleted-since", "4h30m"], [WEB_2]),
        (["--deleted-before", "4h30m"], [OLD_APP]),
        (["--expiring-within", SOON_VMS], [OLD_APP, WEB_2]),
        (["--expiring-within", "6d19h30m"], [OLD_APP]),
        (["--expiring-within", "6d"], []),
        (["--sort", "name"], [OLD_APP, WEB_2]),
        (["--sort", "deleted"], [OLD_APP, WEB_2]),
        (["--sort", "-deleted"], [WEB_2, OLD_APP]),
        (["--sort", "-left"], [WEB_2, OLD_APP]),
        (["--sort", "-name"], [WEB_2, OLD_APP]),
        (["--sort", "-deleted", "--limit", "1"], [WEB_2]),
    ],
)
def test_filters(filters: list[str], found: list[str], at: dict[str, str]) -> None:
    assert uuids(filters, at) == found


@pytest.mark.parametrize(
    "option",
    [
        ["--last-vm", "db-1"],
        ["--primary-storage", "ceph-main"],
        ["--tagged", "production"],
        ["--type", "Data"],
        ["--status", "any"],
        ["--sort", "size"],
        ["--sort", "-size"],
    ],
)
def test_what_says_nothing_about_a_vm_is_refused(option: list[str], watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    ran = run(["list", "--vms", *option], env)
    assert (ran.code, ran.out) == (2, ""), ran
    assert option[0] in ran.err
    assert "cannot be used with --vms" in ran.err
    assert "--name, --deleted-since, --deleted-before, --expiring-within" in ran.err
    assert between.seen == []


def test_nothing_matches(cloud: Sandbox, at: dict[str, str]) -> None:
    ran = run(["list", "--vms", "--name", "nobody"], at)
    assert (ran.code, ran.err) == (0, "zvol: no VM matches\n")
    assert run(["list", "--vms", "--name", "nobody", "--json"], at).out == "[]\n"
    assert run(["list", "--vms", "--name", "nobody", "--fail-if-empty"], at).code == 1
    for uuid in (OLD_APP, WEB_2):
        accident.recover(cloud, uuid)
    assert run(["list", "--vms"], at).err == "zvol: there is no destroyed VM\n"


def test_columns_of_vms(at: dict[str, str]) -> None:
    assert run(["list", "--vms", "--columns", "uuid,left"], at).out.splitlines()[0].split() == ["UUID", "LEFT"]
    shown = run(["list", "--vms", "--columns", "help"], at).out
    assert "root-size" in shown
    assert "actual-size" not in shown
    wrong = run(["list", "--vms", "--columns", "actual-size", "-o", "name"], at)
    assert wrong.code == 2
    assert "no column actual-size" in wrong.err
    assert run(["list", "--columns", "memory"], at).code == 2


def test_hostile_names_are_harmless(cloud: Sandbox, at: dict[str, str]) -> None:
    name = "\x1b[31mweb\x1b[0m \u202etxt [/red] $(reboot)"
    database(cloud, f"UPDATE vms SET name = '{name}' WHERE uuid = '{WEB_2}'")
    for command in (["list", "--vms"], ["show", "--vm", WEB_2], ["list", "--type", "Root"]):
        ran = run(command, at)
        assert forbidden(ran.out.replace("\n", "")) == []
        assert "\\u{1b}[31mweb" in ran.out, ran
    assert run(["list", "--vms", "--json"], at).json()[1]["name"] == name


def test_more_than_a_page(cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    columns = "name, state, lastOpDate, createDate, rootVolumeUuid, vmNics, vmCdRoms"
    database(
        cloud,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
        f" INSERT INTO vms (uuid, {columns}) SELECT printf('%032x', i), {columns} FROM n, vms WHERE uuid = '{WEB_2}'",
    )
    found = uuids([], env)
    assert len(found) == len(set(found)) == 1202
    listed = [one for one in between.seen if "/vm-instances?q=state" in one.path]
    assert len(listed) == 2
    between.seen.clear()
    ran = run(["list", "--expiring-within", SOON_VMS, "--name", "web-2", "--exit-code"], env)
    assert ran.code == 10
    assert f"1,201 destroyed VMs are, or may be, {RINGS}" in ran.err
    listed = [one for one in between.seen if "/vm-instances?q=state" in one.path]
    assert len(listed) == 2
    assert all("fields=uuid%2Cname%2Cstate%2ClastOpDate" in one.path for one in listed), "small answers"
    between.seen.clear()
    assert "1,202 destroyed VMs can be brought back too" in run(["list"], env).err


# ---- the clock -------------------------------------------------------------------------------------------------------
def test_the_period_is_that_of_vms_and_counts_from_the_vm(cloud: Sandbox, at: dict[str, str]) -> None:
    configure(cloud, "expungePeriod", "36000")
    configure(cloud, "expungePeriod", "999", "volume")
    database(cloud, f"UPDATE volumes SET lastOpDate = lastOpDate + 1800 WHERE uuid IN ('{ROOT}', '{ROOT_2}')")
    vms = {row["uuid"]: row["recycle"]["secondsLeft"] for row in run(["list", "--vms", "--json"], at).json()}
    roots = {row["uuid"]: row["recycle"] for row in run(["list", "--type", "Root", "--json"], at).json()}
    for vm, root, left in ((OLD_APP, ROOT, 5 * 3600), (WEB_2, ROOT_2, 6 * 3600)):
        assert left - 120 < vms[vm] <= left
        assert left - 120 < roots[root]["secondsLeft"] <= left
        assert (roots[root]["recoverable"], roots[root]["reason"]) == (False, "root")
        assert (roots[root]["policy"], roots[root]["clockFrom"]) == ("Delay", "deleted")


def test_policy_never_has_no_deadline(cloud: Sandbox, at: dict[str, str]) -> None:
    configure(cloud, "deletionPolicy", "Never")
    for command in (["list", "--vms"], ["list", "--type", "Root"]):
        for row in run([*command, "--json"], at).json():
            assert (row["recycle"]["policy"], row["recycle"]["expungesAfter"]) == ("Never", None)
        assert "for ever" in run(command, at).out
        assert run([*command, "--expiring-within", "99d", "--exit-code"], at).code == 0


def test_an_overdue_vm(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE vms SET lastOpDate = lastOpDate - {WEEK - 5 * 3600 + 60} WHERE uuid = '{OLD_APP}'")
    rows = run(["list", "--vms", "--json"], at).json()
    assert (rows[0]["recycle"]["reason"], rows[0]["recycle"]["secondsLeft"]) == ("overdue", 0)
    assert rows[1]["recycle"]["secondsLeft"] > 0
    assert "overdue" in run(["list", "--vms", "--name", "old-app", "--columns", "left"], at).out


def test_a_vm_without_its_root_volume_is_not_about_to_be_lost(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"DELETE FROM volumes WHERE uuid = '{ROOT_2}'")
    [row] = run(["list", "--vms", "--name", "web-2", "--json"], at).json()
    assert (row["recycle"]["recoverable"], row["recycle"]["reason"]) == (False, "gone")
    assert uuids(["--expiring-within", "99d"], at) == [OLD_APP]


UNKNOWN = {
    "policy": Rule("any", "page", last=99, page=BAD, path="global-configurations.*vm"),
    "clock": Rule("any", "page", last=99, page=BAD, action_key="getCurrentTime"),
    "zone": Rule("any", "page", last=99, page=BAD, path="platform-timezone"),
}


@pytest.mark.parametrize("missing", UNKNOWN)
def test_a_clock_that_is_not_known(missing: str, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    between.rules = (UNKNOWN[missing],)
    for command in (["list", "--vms"], ["list", "--type", "Root"]):
        for row in run([*command, "--json"], env).json():
            assert (row["recycle"]["expungesAfter"], row["recycle"]["secondsLeft"]) == (None, None)
        refused = run([*command, "--expiring-within", "1h"], env)
        assert (refused.code, refused.out) == (5, ""), refused
        assert "--expiring-within cannot be decided" in refused.err
        assert ("how long the server keeps destroyed VMs is not known" in refused.err) == (missing == "policy")
        assert run([*command, "--expiring-within", "1h", "--exit-code"], env).code == 10
    ran = run(["list", "--expiring-within", "1h", "--exit-code", "--name", "web-2"], env)
    assert ran.code == 10
    assert RINGS in ran.err


def test_the_vm_of_a_root_volume_that_cannot_be_looked_up(watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    between.rules = (Rule("any", "page", last=99, page=BAD, path="vm-instances.*uuid"),)
    for row in run(["list", "--type", "Root", "--json"], env).json():
        assert (row["recycle"]["secondsLeft"], row["recycle"]["clockFrom"]) == (None, None)
    assert run(["list", "--type", "Root", "--expiring-within", "1h", "--exit-code"], env).code == 10


def test_a_root_volume_whose_vm_is_back_has_no_clock(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE vms SET state = 'Stopped' WHERE uuid = '{WEB_2}'")
    [_, row] = sorted(run(["list", "--type", "Root", "--json"], at).json(), key=lambda row: str(row["uuid"]))
    assert (row["uuid"], row["recycle"]["secondsLeft"]) == (ROOT_2, None)


@pytest.mark.parametrize("version", ["3.10.40", "4.4.65", "zsphere-4.10.0"])
def test_other_releases(version: str, tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--version", version) as cloud:
        more = {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}
        env = environment(tmp_path / "home", more)
        assert sorted(uuids([], env)) == [OLD_APP, WEB_2]
        destroy(cloud, WEB_1)
        assert len(uuids(["--deleted-since", "1h"], env)) == 1
        shown = run(["show", "--vm", "web-1", "--json"], env).json()
        assert shown["recycle"]["recoverable"] is True
        assert shown["recycle"]["secondsLeft"] is not None
