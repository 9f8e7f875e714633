"""`zvol recover`, the main job, as a stranger uses it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.support.accident import WEB_2
from tests.support.fault_proxy import Rule, answer, proxy
from tests.support.process import PG_DATA, PG_WAL, READY, ROOT, ZVOL, Sandbox
from tests.support.warm import run
from zvol.model import INVENTORY_FIELDS

RESULT_KEYS = ["asked", "uuid", "target", "outcome", "changed", "by", "inventory", "error", "jobUuid", "warnings"]

ERROR_KEYS = ["error", "kind", "exitCode", "hint", "uuid", "jobUuid"]

SESSION = "a" * 32


def test_the_line_of_the_readme_brings_a_volume_back(env: dict[str, str]) -> None:
    first = run(["--sandbox", "recover", PG_DATA, "--json"], env)
    assert first.code == 0
    assert first.json()["status"] == "Ready"
    again = run(["--sandbox", "recover", PG_DATA, "--json"], env)
    assert (again.code, again.json()["status"]) == (0, "Ready")
    strict = run(["--sandbox", "recover", PG_DATA, "--strict"], env)
    assert strict.code == 1
    assert strict.err.endswith(f"warning: {PG_DATA}: it was back already, and --strict was given\n")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_piped_to_jq(env: dict[str, str]) -> None:
    line = f"{' '.join(ZVOL)} --sandbox recover {PG_DATA} --json | jq -r .installPath"
    ended = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert ended.stdout.strip().endswith(f"{PG_DATA}.qcow2")


def test_one_volume_is_the_inventory_itself_with_all_documented_fields(at: dict[str, str]) -> None:
    found = run(["recover", PG_DATA, "--json"], at).json()
    assert list(found)[: len(INVENTORY_FIELDS)] == list(INVENTORY_FIELDS)
    assert found["vmInstanceUuid"] is None
    assert isinstance(found["size"], int)
    assert found["lastVmInstanceUuid"]


def test_several_volumes_are_an_array_in_the_order_asked(at: dict[str, str]) -> None:
    ran = run(["recover", PG_WAL, "f" * 32, READY, PG_DATA, PG_WAL.upper(), "--json"], at)
    results = ran.json()
    assert [result["outcome"] for result in results] == ["recovered", "gone", "already", "recovered"]
    assert all(list(result) == RESULT_KEYS for result in results)
    assert ran.code == 1
    assert list(ran.error()) == ERROR_KEYS
    assert ran.error()["kind"] == "gone"
    assert ran.error()["hint"].endswith("a destroyed VM: `zvol recover --vm VM`.")


def test_standard_input_and_ndjson(at: dict[str, str]) -> None:
    ran = run(["recover", "-", "-o", "ndjson"], at, stdin=f"{PG_DATA}\n{PG_WAL}\r\n{PG_DATA}\n")
    assert ran.code == 0
    assert {json.loads(line)["uuid"] for line in ran.out.splitlines()} == {PG_DATA, PG_WAL}


def test_an_empty_standard_input_is_nothing_never_everything(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", "-", "--json"], at, stdin="")
    assert (ran.code, ran.json()) == (0, [])
    assert cloud.events() == []


def test_an_empty_line_is_a_mistake_and_all_are_named(at: dict[str, str], cloud: Sandbox) -> None:
    """An unset variable in a script is such a line; the volumes beside it are not touched."""
    ran = run(["recover", "-", "--json"], at, stdin=f"{PG_DATA}\n\n#1\n \t\n")
    assert (ran.code, ran.out) == (2, "")
    assert "line 2" in ran.err
    assert "line 4" in ran.err
    assert "line 3" not in ran.err
    assert cloud.events() == []


def test_a_name_is_taken_when_it_is_the_only_one(at: dict[str, str]) -> None:
    assert run(["recover", "pg-data", "-o", "name"], at).out == f"{PG_DATA}\n"
    ran = run(["recover", "backup", "pg-wal", "nobody"], at)
    assert ran.code == 1
    assert "2 deleted data volumes have this name" in ran.err
    line = r"^ +\w{32}  500 GiB  deleted 20[-0-9]+T[:0-9]+Z  last VM (?:-|web-1)$"
    assert len(re.findall(line, ran.err, re.MULTILINE)) == 2, ran.err
    assert "pg-wal" in ran.out
    assert "recovered" in ran.out


def test_a_name_that_is_no_deleted_volume_any_more_says_what_it_is(at: dict[str, str], cloud: Sandbox) -> None:
    """The outcome stays: a name can mean another volume by now."""
    run(["recover", PG_DATA], at)
    before = len(cloud.events())
    ran = run(["recover", "pg-data", PG_DATA[:30], "it's"], at)
    assert ran.code == 1
    assert f"  {PG_DATA}  200 GiB  Ready\n" in ran.err
    assert ": pg-data is not deleted (Ready): nothing to recover\n" in ran.err
    assert f"  See it: `zvol show {PG_DATA}`\n" in ran.err
    assert "it is not a UUID: 30 hex digits instead of 32" in ran.out
    assert len(cloud.events()) == before
    assert run(["show", "pg-data", "--json"], at).json()["uuid"] == PG_DATA


def test_a_name_of_several_volumes_that_are_not_deleted(at: dict[str, str], cloud: Sandbox) -> None:
    run(["recover", PG_DATA, PG_WAL, "-q"], at)
    cloud.rename(PG_WAL, "pg-data")
    ran = run(["recover", "pg-data", "--json"], at)
    assert (ran.code, ran.error()["kind"]) == (1, "not-deleted")
    assert "pg-data is the name of 2 volumes that are not deleted: nothing to recover\n" in ran.err
    assert ran.error()["hint"] == "See it: `zvol show UUID`"


def test_a_name_that_is_no_volume_leads_to_the_one_that_is_meant(at: dict[str, str], cloud: Sandbox) -> None:
    for name, text, hint in (
        ("pg-*", "; a VOLUME is a UUID or an exact name", "For a pattern use --name 'pg-*', as in `zvol list"),
        ("b?ckup", "; a VOLUME is a UUID or an exact name", "--name 'b?ckup'"),
        ("PG-DATA", "; did you mean pg-data?", PG_DATA),
        ("pg-dta", "; did you mean pg-data?", PG_DATA),
        ("qqq", "no deleted data volume has this name", "`zvol list` shows what can be recovered"),
    ):
        ran = run(["recover", name, "--json"], at)
        assert (ran.code, ran.error()["kind"]) == (1, "not-found")
        assert ran.error()["error"]["details"].endswith(text)
        assert hint in ran.error()["hint"]
    ran = run(["recover", "--vm", "web2"], at)
    assert "no destroyed VM has this name; did you mean web-2?" in ran.out
    assert f"If you mean that one: `zvol recover --vm {WEB_2}`" in ran.err
    assert cloud.events() == []
    for arguments in (["list", "pg data"], ["list", "--vms", "pg data", "x", "--json"]):
        ran = run(arguments, at)
        assert (ran.code, ran.out) == (2, "")
        assert "list takes no names; use --name 'pg data', or `zvol show` to see one in full\n" in ran.err


def test_a_dry_run_only_reads(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", PG_DATA, ROOT, "--dry-run", "--json"], at)
    assert [result["outcome"] for result in ran.json()] == ["would-recover", "failed"]
    assert ran.code == 1
    assert cloud.events() == []
    assert cloud.status(PG_DATA) == "Deleted"


@pytest.mark.parametrize("asked", [[ROOT], [ROOT, "--allow-root"], [ROOT, "--dry-run"], ["ROOT-for-old-app"]])
def test_a_root_volume_is_refused_while_its_vm_is_there(asked: list[str], at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", *asked], at)
    assert (ran.code, "the Root volume of VM old-app" in ran.err, "`zvol recover --vm old-app`" in ran.err) == (1, 1, 1)
    assert cloud.events() == []


@pytest.mark.parametrize("asked", [[ROOT], [ROOT, "--allow-root"], ["ROOT-for-old-app"]])
def test_a_root_volume_whose_vm_is_not_destroyed_names_no_command_that_is_refused(
    asked: list[str], at: dict[str, str], cloud: Sandbox
) -> None:
    with closing(sqlite3.connect(cloud.directory / "cloud.db")) as db, db:
        db.execute("UPDATE vms SET state = 'Stopped' WHERE name = 'old-app'")
    ran = run(["recover", *asked], at)
    assert (ran.code, cloud.events()) == (1, [])
    assert "the Root volume of VM old-app, which is Stopped, not destroyed" in ran.err
    assert "`zvol show --vm 50e70000c0de4b1e8a5efeedbead0003`" in ran.err
    assert "recover --vm" not in ran.err
    assert "stays destroyed" not in ran.err


def test_a_root_volume_whose_vm_is_gone_comes_back_if_that_is_allowed(at: dict[str, str], cloud: Sandbox) -> None:
    forget_vms(cloud)
    ran = run(["recover", ROOT], at)
    assert (ran.code, f"`zvol recover {ROOT} --allow-root`" in ran.err, cloud.events()) == (1, True, [])
    assert run(["recover", ROOT, PG_DATA, "--allow-root"], at).code == 0
    assert (cloud.status(ROOT), cloud.status(PG_DATA)) == ("Ready", "Ready")
    of_db_1 = "d0a7a5e0c0de4b1e8a5efeedbead000a"
    assert run(["recover", of_db_1, "--allow-root"], at).code == 0, "it is not deleted"


def test_whether_the_vm_of_a_root_volume_is_gone_must_be_known(at: dict[str, str], cloud: Sandbox) -> None:
    forget_vms(cloud)
    with proxy(
        cloud.host, Rule("other", "page", last=9, page=answer("502 Bad Gateway", b"no"), path="vm-instances")
    ) as (host, _):
        env = at | {"ZVOL_HOST": host}
        ran = run(["recover", ROOT, PG_DATA, "--allow-root"], env)
        assert (ran.code, ran.out) == (5, "")
        assert "--allow-root cannot be decided: whether the VM of a root volume is still there is not known" in ran.err
        ran = run(["recover", ROOT], env)
        assert (ran.code, "`zvol recover --vm 50e7" in ran.err) == (1, True)
    assert cloud.events() == []


def forget_vms(cloud: Sandbox) -> None:
    """Remove the destroyed VMs, as an expunge does that leaves their root volumes behind."""
    with closing(sqlite3.connect(cloud.directory / "cloud.db")) as db, db:
        db.execute("DELETE FROM vms WHERE state = 'Destroyed'")


def test_tags_are_sent_and_dangerous_ones_refused(at: dict[str, str]) -> None:
    assert run(["recover", PG_DATA, "--user-tag", "a", "--system-tag", "b::c"], at).code == 0
    for tag in ("validationOnly", "ephemeral::validationOnly", "Replay::x", "EPHEMERAL::shareable", " "):
        assert run(["recover", PG_WAL, "--system-tag", tag], at).code == 2


def test_quiet_says_nothing_when_all_is_well(at: dict[str, str]) -> None:
    ran = run(["recover", PG_DATA, PG_WAL, "-q"], at)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_global_options_stand_before_or_after(env: dict[str, str]) -> None:
    before = run(["--sandbox", "-o", "name", "list"], env)
    after = run(["list", "--sandbox", "-o", "name"], env)
    assert before.out == after.out != ""


def test_every_message_of_a_sandbox_says_so(env: dict[str, str]) -> None:
    ran = run(["--sandbox", "recover", "f" * 32], env)
    assert ran.err.startswith("zvol (sandbox): ")


def test_the_sandbox_ignores_environment_and_profiles(env: dict[str, str]) -> None:
    more = {"ZVOL_HOST": "http://127.0.0.1:1", "ZVOL_SESSION": SESSION, "ZVOL_PROFILE": "nobody"}
    assert run(["--sandbox", "list"], env | more).code == 0


def test_a_table_of_many_failures_ends_with_each_hint_once(at: dict[str, str]) -> None:
    ran = run(["recover", "0" * 32, "1" * 32, ROOT], at)
    assert ran.code == 1
    assert ran.err.count("`zvol list` shows what can be recovered") == 1
    assert ran.err.count("`zvol recover --vm old-app`") == 1
