"""`zvol recover --vm`: a destroyed VM comes back, with `--reattach` also the volumes that were on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import accident
from tests.support.accident import (
    ASSETS,
    DESTROYED,
    IMPORT,
    OLD_APP,
    ROOT_2,
    UPLOADS,
    WEB_1,
    WEB_2,
    WHOLE,
    database,
    state,
)
from tests.support.fault_proxy import Proxy, Rule, answer, proxy
from tests.support.process import PG_DATA, READY, ROOT, Ran, Sandbox, environment, sandbox
from tests.support.warm import run
from zvol.sandbox import advance
from zvol.sandbox.names import DB_1

RESULT_KEYS = ["asked", "uuid", "target", "outcome", "changed", "by", "inventory", "error", "jobUuid", "warnings"]
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
WEB_2_AGAIN = ["recover", "--vm", "web-2", "--reattach"]


def changes(between: Proxy) -> list[str]:
    """Return the API of every request that changes something; an attachment has an empty body."""
    sent = [one.action or "attach" for one in between.seen if one.method in ("PUT", "POST", "DELETE")]
    return [action for action in sent if action not in ("getVersion", "getCurrentTime")]


def outcomes(ran: Ran) -> list[tuple[str, str, str]]:
    return [(one["target"], one["uuid"], one["outcome"]) for one in ran.json()]


# ---- the accident ----------------------------------------------------------------------------------------------------
def test_vm_root_and_the_two_right_volumes_come_back(cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    assert state(cloud) == DESTROYED
    ran = run([*WEB_2_AGAIN, "--json"], env)
    assert (ran.code, state(cloud)) == (0, WHOLE), ran
    assert outcomes(ran) == [
        ("vm", WEB_2, "recovered"),
        ("volume", ASSETS, "already"),
        ("volume", UPLOADS, "recovered"),
    ]
    machine, assets, uploads = ran.json()
    assert list(machine) == RESULT_KEYS
    assert (machine["asked"], machine["changed"], machine["by"]) == ("web-2", True, "zvol")
    assert (machine["inventory"]["state"], machine["inventory"]["name"]) == ("Stopped", "web-2")
    assert [one["inventory"]["vmInstanceUuid"] for one in (assets, uploads)] == [WEB_2, WEB_2]
    [left] = machine["warnings"]
    assert f"web-2-import ({IMPORT}) was left alone: it had been detached from the VM before" in left
    assert f"`zvol attach {IMPORT} {WEB_2}`" in left
    assert sorted(changes(between)) == ["attach", "attach", "recoverDataVolume", "recoverVmInstance"]
    again = run(["recover", "--vm", WEB_2, "--reattach", "--json"], env)
    assert (again.code, outcomes(again), len(changes(between))) == (0, [("vm", WEB_2, "already")], 4)
    assert run(WEB_2_AGAIN, env).code == 1, "the name means a destroyed VM"


def test_what_people_are_told(at: dict[str, str]) -> None:
    ran = run(WEB_2_AGAIN, at)
    assert ran.code == 0
    assert [line.split()[:3] for line in ran.out.splitlines()[1:]] == [
        ["web-2", WEB_2, "recovered"],
        ["web-2-assets", ASSETS, "already"],
        ["web-2-uploads", UPLOADS, "recovered"],
    ]
    assert [line.split(maxsplit=3)[3] for line in ran.out.splitlines()[2:]] == ["attached to web-2"] * 2
    for text in (
        "2 recovered, 1 already",
        "the VM web-2 is Stopped; start it yourself",
        "2 volumes are attached again",
    ):
        assert f"zvol: {text}\n" in ran.err, ran.err
    assert ran.err.count("EIPs do not come back") == 1
    assert "--reattach`" not in ran.err
    assert f"warning: web-2 ({WEB_2}): volume web-2-import" in ran.err
    quiet = run(["recover", "--vm", WEB_2, "-q"], at)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_a_warning_names_the_vm_whose_uuid_was_typed(at: dict[str, str]) -> None:
    ran = run(["recover", "--vm", WEB_2, "--reattach"], at)
    assert f"warning: web-2 ({WEB_2}): volume web-2-import" in ran.err, ran.err


def test_only_the_vm_without_reattach(cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    ran = run(["recover", "--vm", "web-2", "--vm", OLD_APP], env)
    assert (ran.code, changes(between)) == (0, ["recoverVmInstance"] * 2)
    assert state(cloud) == DESTROYED | {"vm": "Stopped", "root": "Ready"}
    assert cloud.status(ROOT) == "Ready"
    assert "2 VMs are Stopped; start them yourself" in ran.err
    assert "--vm VM --reattach` attaches those that were on it" in ran.err
    assert not [one for one in between.seen if "lastVmInstanceUuid" in one.path or "getVersion" in one.action]


def test_a_dry_run_only_reads(cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    ran = run([*WEB_2_AGAIN, "--vm", "nobody", "--dry-run"], env)
    assert (ran.code, state(cloud)) == (1, DESTROYED)
    rows = [line.split() for line in ran.out.splitlines()[1:]]
    assert [row[2] for row in rows] == ["would-recover", "already", "would-recover", "failed"]
    assert [row[3:] for row in rows[1:3]] == [["-"], ["-"]], "they are not attached"
    assert f"would be attached to the VM again: {ASSETS}, {UPLOADS}\n" in ran.err
    assert not changes(between)
    assert not run(["runs", "--json"], env).json()
    machine, *volumes = run([*WEB_2_AGAIN, "--dry-run", "--json"], env).json()
    assert [one["inventory"]["lastVmInstanceUuid"] for one in volumes if machine["warnings"]] == [WEB_2, WEB_2]


def test_strict_is_about_the_vm_and_not_about_the_volumes_that_it_brings_along(at: dict[str, str]) -> None:
    assert run([*WEB_2_AGAIN, "--strict"], at).code == 0
    ran = run(["recover", "--vm", WEB_2, "--strict"], at)
    assert (ran.code, "--strict was given" in ran.err) == (1, True)


def test_the_root_that_somebody_recovered_alone(cloud: Sandbox, at: dict[str, str]) -> None:
    cloud.recover(ROOT_2)
    assert state(cloud)["root"] == "Ready"
    assert run([*WEB_2_AGAIN, "--json"], at).json()[0]["changed"] is True
    assert state(cloud) == WHOLE


# ---- what was asked for ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([PG_DATA, "--vm", "web-2"], "they cannot be combined"),
        (["-", "--vm", "web-2"], "they cannot be combined"),
        (["--name", "x*", "--vm", "web-2"], "they cannot be combined"),
        (["--all", "--vm", "web-2"], "they cannot be combined"),
        (["--vm", "web-2", "--user-tag", "t"], "the other options are for volumes"),
        (["--vm", "web-2", "--system-tag", "t"], "the other options are for volumes"),
        (["--vm", "web-2", "--no-ensure-tags"], "the other options are for volumes"),
        (["--vm", "web-2", "--allow-root"], "the other options are for volumes"),
        (["--vm", "web-2", "--yes"], "the other options are for volumes"),
        (["--vm", "web-2", "--expect", "1"], "the other options are for volumes"),
        (["--vm", "web-2", "--expect", "0"], "the other options are for volumes"),
        (["--vm", "web-2", "--fail-if-empty"], "the other options are for volumes"),
        (["--vm", "-"], "does not read standard input"),
        (["--vm", ""], "a VM is empty"),
        (["--vm", "web-2", "--vm", "we\x1b[1mb"], "--vm 2 ('we"),
        ([], "or --vm"),
    ],
)
def test_usage_errors(arguments: list[str], text: str, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    ran = run(["recover", *arguments], env)
    assert (ran.code, text in ran.err, ran.out) == (2, True, ""), ran
    assert not between.seen


@pytest.mark.parametrize("pattern", ["web-*", "web-?", "web-[0-9]"])
def test_a_pattern_is_a_usage_error_unless_a_vm_has_that_name(
    pattern: str, cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]
) -> None:
    between, env = watched
    ran = run(["recover", "--vm", WEB_2, "--vm", pattern], env)
    assert (ran.code, ran.out, changes(between)) == (2, "", [])
    assert f"`zvol list --vms --name '{pattern}'`" in ran.err
    database(cloud, f"UPDATE vms SET name = '{pattern}' WHERE uuid = '{OLD_APP}'")
    assert run(["recover", "--vm", pattern, "--json"], env).json()[0]["uuid"] == OLD_APP
    database(cloud, f"UPDATE vms SET name = '{pattern}', state = 'Destroyed' WHERE uuid IN ('{OLD_APP}', '{WEB_1}')")
    ran = run(["recover", "--vm", pattern, "--json"], env)
    assert (ran.code, ran.error()["error"]["code"]) == (1, "ZVOL.AMBIGUOUS")


def test_a_pattern_with_an_invisible_character_is_shown_escaped_and_its_hint_can_be_typed(
    cloud: Sandbox, at: dict[str, str]
) -> None:
    database(cloud, f"UPDATE vms SET name = 'we\u202eb-2' WHERE uuid = '{WEB_2}'")
    ran = run(["recover", "--vm", "we\u202eb-*"], at)
    assert (ran.code, "none is called we\\u{202e}b-*;" in ran.err) == (2, True), ran.err
    assert "`zvol list --vms --name 'we?b-*'`" in ran.err
    assert run(["list", "--vms", "--name", "we?b-*", "-o", "name"], at).out == f"{WEB_2}\n"


def test_equal_names_are_refused_with_the_candidates_and_the_others_go_on(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE vms SET name = 'old' WHERE uuid IN ('{OLD_APP}', '{WEB_1}')")
    accident.destroy(cloud, WEB_1)
    ran = run(["recover", "--vm", "old", "--vm", "web-2", "--vm", "nobody", "--vm", "db-1"], at)
    assert ran.code == 1
    assert [line.split()[2] for line in ran.out.splitlines()[1:]] == ["failed", "recovered", "failed", "failed"]
    assert "2 destroyed VMs have this name" in ran.err
    for uuid in (OLD_APP, WEB_1):
        shown = rf"^ +{uuid}  destroyed {DATE}, created {DATE}$"
        assert len(re.findall(shown, ran.err, re.MULTILINE)) == 1, ran.err
    assert "`zvol list --vms` shows what can be recovered." in ran.err
    assert f"db-1: no destroyed VM has this name, but one that is not destroyed does\n    {DB_1}  Running\n" in ran.err
    ran = run(["recover", "--vm", "old", "--json"], at)
    assert (ran.code, ran.error()["error"]["code"]) == (1, "ZVOL.AMBIGUOUS")
    assert (ran.json()[0]["target"], ran.json()[0]["uuid"]) == ("vm", None)


def test_a_vm_that_is_gone_and_one_whose_root_is(cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    database(cloud, f"DELETE FROM volumes WHERE uuid = '{ROOT_2}'")
    ran = run(["recover", "--vm", "f" * 32, "--vm", WEB_2, "--reattach", "--json"], env)
    assert (ran.code, outcomes(ran)) == (1, [("vm", "f" * 32, "gone"), ("vm", WEB_2, "gone")])
    assert not changes(between)
    assert "there is no such VM" in ran.err
    warnings = " ".join(ran.json()[1]["warnings"])
    assert f"`zvol recover {UPLOADS}`" in warnings
    assert f"attach {UPLOADS}" not in warnings


# ---- which volumes ---------------------------------------------------------------------------------------------------
def attach_again(cloud: Sandbox, volume: str, vm: str = WEB_2) -> None:
    cloud.job(cloud.call("POST", f"/v1/volumes/{volume}/vm-instances/{vm}", {}))


def test_a_volume_that_is_elsewhere_or_was_deleted_by_itself_is_left_alone(cloud: Sandbox, at: dict[str, str]) -> None:
    attach_again(cloud, ASSETS, WEB_1)
    cloud.recover(UPLOADS)
    cloud.delete(UPLOADS)
    ran = run([*WEB_2_AGAIN, "--json"], at)
    assert (ran.code, outcomes(ran)) == (1, [("vm", WEB_2, "recovered")])
    assert state(cloud) == WHOLE | {"assets": WEB_1, "uploads": "Deleted"}
    text = "\n".join(ran.json()[0]["warnings"])
    assert "it was deleted at another time than the VM was destroyed, or one of them was changed since" in text
    assert f"`zvol recover {UPLOADS}`, then `zvol attach {UPLOADS} {WEB_2}`" in text
    assert "it is attached to another VM" in text
    assert f"attach {ASSETS}" not in text


def test_a_shareable_volume_is_never_attached_by_guess(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE volumes SET isShareable = 1 WHERE uuid = '{ASSETS}'")
    ran = run([*WEB_2_AGAIN, "--json"], at)
    assert (ran.code, "shareable" in " ".join(ran.json()[0]["warnings"])) == (1, True)
    assert state(cloud) == WHOLE | {"assets": None}


@contextmanager
def release(version: str, path: Path) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """Serve a release where web-1 was just destroyed, with a volume that had been moved there."""
    with sandbox(path / "cloud", "--version", version) as cloud:
        attach_again(cloud, READY, WEB_1) if version != "5.2.1" else None
        advance(accident.folder(cloud), 5)
        accident.destroy(cloud, WEB_1)
        yield cloud, environment(path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


@pytest.mark.parametrize("version", ["4.4.65", "3.10.40", "6.0"])
def test_servers_that_cannot_tell(version: str, tmp_path: Path) -> None:
    """All that name the VM are listed, none is attached; a server that remembers none is named."""
    with release(version, tmp_path) as (cloud, env):
        ran = run(["recover", "--vm", "web-1", "--reattach", "--json"], env)
        assert (ran.code, outcomes(ran)) == (1, [("vm", WEB_1, "recovered")]), ran
        text = " ".join(ran.json()[0]["warnings"])
        assert ("before 4.4" in text) == (version == "3.10.40")
        assert text
        assert not [
            one
            for one in cloud.call("GET", "/v1/volumes?q=type=Data")[1]["inventories"]
            if one.get("vmInstanceUuid") == WEB_1
        ]


@pytest.mark.parametrize("path", ["vm-instances", "lastVmInstanceUuid", "management-nodes/actions"])
def test_a_look_up_that_fails_stops_before_anything_is_sent(path: str, cloud: Sandbox, at: dict[str, str]) -> None:
    bad = answer("502 Bad Gateway", b"no")
    with proxy(cloud.host, Rule("any", "page", 1, 99, page=bad, path=path)) as (host, between):
        ran = run(["recover", "--vm", WEB_2, "--reattach"], at | {"ZVOL_HOST": host})
    assert (ran.code, ran.out) == (5, ""), ran
    assert "--reattach cannot be decided: which volumes were on the VM is not known" in ran.err
    assert not changes(between)
    assert state(cloud) == DESTROYED


def test_a_name_that_cannot_be_looked_up_is_not_sent(cloud: Sandbox, at: dict[str, str]) -> None:
    bad = answer("502 Bad Gateway", b"no")
    with proxy(cloud.host, Rule("other", "page", page=bad, path="vm-instances")) as (host, _):
        ran = run(["recover", "--vm", "web-2", "--vm", OLD_APP, "--json"], at | {"ZVOL_HOST": host})
    assert (ran.code, [one["outcome"] for one in ran.json()]) == (5, ["not-sent", "recovered"])
    assert state(cloud) == DESTROYED
