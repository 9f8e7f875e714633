"""`zvol show --vm`: recoverable or why not, its volumes, what does not come back, and what is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import accident
from tests.support.accident import ASSETS, IMPORT, OLD_APP, ROOT_2, UPLOADS, WEB_1, WEB_2, database
from tests.support.fault_proxy import Proxy, Rule
from tests.support.pages import page
from tests.support.process import PG_DATA, Sandbox, environment, sandbox
from tests.support.warm import run
from zvol.sandbox.names import HOST, LOCAL, NETWORK, TENANT, TENANT_PASSWORD

BAD = page("502 Bad Gateway")
STATIC = f"staticIp::{NETWORK}::10.0.0.77"
AGAIN = "attached again with --reattach"


def shown(env: dict[str, str], vm: str = "web-2") -> dict[str, list[str]]:
    """Return what `show --vm` says, by label."""
    ran = run(["show", "--vm", vm], env)
    assert ran.code == 0, ran
    found: dict[str, list[str]] = {}
    label = ""
    for line in ran.out.splitlines():
        if line.startswith(" "):  # what becomes of the volume above it, and what to type
            found[label][-1] += f"{'; ' if line.strip().startswith('`') else ': '}{line.strip()}"
            continue
        label, text = line.split(":", 1)
        found.setdefault(label, []).append(text.strip())
    return found


def notes(env: dict[str, str], vm: str = "web-2") -> str:
    return "\n".join(shown(env, vm).get("Note", []))


def recycle(env: dict[str, str], vm: str = "web-2") -> tuple[bool | None, str | None]:
    found = run(["show", "--vm", vm, "--json"], env).json()["recycle"]
    return found["recoverable"], found["reason"]


# ---- a destroyed VM --------------------------------------------------------------------------------------------------
def test_the_accident(at: dict[str, str]) -> None:
    facts = shown(at)
    assert facts["Recoverable"] == ["yes"]
    assert facts["Root volume"] == [f"ROOT-for-web-2 ({ROOT_2}), 40 GiB, Deleted"]
    assert facts["Data volume"] == [
        f"web-2-assets ({ASSETS}), 60 GiB, Ready: {AGAIN}",
        f"web-2-uploads ({UPLOADS}), 120 GiB, Deleted: {AGAIN}",
        f"web-2-import ({IMPORT}), 20 GiB, Ready: not attached again: it had been detached from the VM before; "
        f"`zvol attach {IMPORT} {WEB_2}`",
    ]
    assert facts["Note"] == ["it comes back Stopped and is not started; EIPs that it had do not come back"]
    assert facts["Next"] == ["zvol recover --vm web-2 --reattach"]
    assert "Root UUID" not in facts, "no fact twice"
    assert run(facts["Next"][0].split()[1:], at).code == 0
    assert accident.WHOLE["assets"] == WEB_2


def test_a_vm_without_data_volumes(at: dict[str, str]) -> None:
    facts = shown(at, OLD_APP)
    assert facts["Next"] == ["zvol recover --vm old-app"]
    assert "Data volume" not in facts


def test_its_columns_and_several(at: dict[str, str]) -> None:
    ran = run(["show", "--vm", "web-2", "--vm", OLD_APP, "--columns", "name,root-uuid"], at)
    assert f"Root UUID:   {ROOT_2}" in ran.out
    assert len([line for line in ran.out.splitlines() if line.startswith("Name")]) == 2
    assert run(["show", "--vm", "web-2", "--columns", "status"], at).code == 2
    assert run(["show", "--vm", WEB_2.upper(), "-o", "name"], at).out == f"{WEB_2}\n"


def test_snapshots_and_memory(cloud: Sandbox, at: dict[str, str]) -> None:
    database(
        cloud,
        f"UPDATE snapshots SET volumeUuid = '{ROOT_2}' WHERE name = 'nightly'",
        f"UPDATE snapshots SET volumeUuid = '{UPLOADS}' WHERE name != 'nightly'",
        f"UPDATE volumes SET type = 'Memory', vmInstanceUuid = '{WEB_2}' WHERE uuid = '{PG_DATA}'",
    )
    facts = shown(at)
    assert facts["Root volume"][0].endswith("Deleted, 1 snapshot")
    assert f"120 GiB, Deleted, 1 snapshot: {AGAIN}" in facts["Data volume"][1]
    assert "1 memory snapshot does not come back" in facts["Note"]


# ---- why not ---------------------------------------------------------------------------------------------------------
def test_one_that_was_never_destroyed(at: dict[str, str]) -> None:
    facts = shown(at, "web-1")
    assert facts["Recoverable"] == ["no"]
    assert facts["Note"] == ["it is not destroyed (Stopped): nothing to recover"]
    assert "Next" not in facts
    assert not {"Destroyed", "Safe until", "Left"} & facts.keys()
    assert any(text.endswith("Ready: it is attached") for text in facts["Data volume"])
    assert recycle(at, WEB_1) == (False, "not-deleted")


def test_one_that_is_back_without_its_volumes(cloud: Sandbox, at: dict[str, str]) -> None:
    accident.recover(cloud)
    facts = shown(at)
    assert facts["State"] == ["Stopped"]
    assert (
        f"web-2-assets ({ASSETS}), 60 GiB, Ready: it was on it last; `zvol attach {ASSETS} {WEB_2}`"
        in (facts["Data volume"])
    )
    assert facts["Next"] == [f"zvol attach {ASSETS} {WEB_2}"]


def test_a_volume_that_is_attached_is_named_once(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE volumes SET vmInstanceUuid = '{WEB_2}' WHERE uuid = '{ASSETS}'")
    facts = shown(at)
    assert [text.split("(")[1][:32] for text in facts["Data volume"]] == [ASSETS, UPLOADS, IMPORT]
    assert facts["Data volume"][0].endswith("Ready: it is attached")


def test_one_that_is_not_there(at: dict[str, str]) -> None:
    ran = run(["show", "--vm", "f" * 32, "--vm", "web-2", "--json"], at)
    assert (ran.code, ran.error()["kind"]) == (1, "gone")
    assert [row["uuid"] for row in ran.json()] == [WEB_2]
    assert "there is no such VM" in ran.error()["error"]["details"]


def test_one_that_lost_its_root_volume(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"DELETE FROM volumes WHERE uuid = '{ROOT_2}'")
    facts = shown(at)
    assert recycle(at) == (False, "gone")
    assert "its root volume was destroyed: it cannot come back" in facts["Note"]
    assert f"the VM cannot come back; `zvol recover {UPLOADS}`" in facts["Data volume"][1]
    assert facts["Data volume"][0].endswith("not attached again: the VM cannot come back")
    assert "Next" not in facts


def test_one_whose_root_volume_came_back_alone(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE volumes SET status = 'Ready' WHERE uuid = '{ROOT_2}'")
    assert recycle(at) == (True, None)
    assert shown(at)["Next"] == ["zvol recover --vm web-2 --reattach"]


@pytest.mark.parametrize(("state", "reason"), [("Destroying", "state"), ("Expunging", "state")])
def test_one_that_is_on_its_way(state: str, reason: str, cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE vms SET state = '{state}' WHERE uuid = '{WEB_2}'")
    assert recycle(at, WEB_2) == (None, reason)
    assert "Next" not in shown(at, WEB_2)


def test_a_full_quota(cloud: Sandbox, tmp_path: Path) -> None:
    database(cloud, f"UPDATE owners SET accountUuid = '{TENANT}' WHERE resourceUuid IN ('{WEB_2}', '{ROOT_2}')")
    more = {"ZSTACK_ACCOUNT_NAME": "dev-team", "ZSTACK_ACCOUNT_PASSWORD": TENANT_PASSWORD}
    env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, **more})
    assert recycle(env) == (True, None)
    database(
        cloud,
        "INSERT INTO quotas (uuid, name, identityUuid, identityType, value)"
        f" VALUES ('{'b' * 32}', 'vm.totalNum', '{TENANT}', 'AccountVO', 0)",
    )
    assert recycle(env) == (None, "quota")
    assert "quota vm.totalNum of its owner is full (0 of 0)" in notes(env)


@pytest.mark.parametrize(
    ("change", "found", "note"),
    [
        (f"DELETE FROM storages WHERE uuid = '{LOCAL}'", (None, "storage"), "storage does not exist any more"),
        (f"DELETE FROM hosts WHERE uuid = '{HOST}'", (None, "host"), "the host of its local storage does not exist"),
        (f"UPDATE storages SET state = 'Disabled' WHERE uuid = '{LOCAL}'", (True, None), "the VM comes back, its data"),
        (
            f"UPDATE hosts SET status = 'Disconnected' WHERE uuid = '{HOST}'",
            (True, None),
            "its last host host-1 is Disconnected: a destroy that is pending there may still reach the VM",
        ),
    ],
)
def test_storage_and_host(
    change: str, found: tuple[bool | None, str | None], note: str, cloud: Sandbox, at: dict[str, str]
) -> None:
    database(cloud, change)
    assert recycle(at) == found
    assert note in notes(at)


def test_a_host_that_is_gone_matters_to_local_storage_only(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"DELETE FROM hosts WHERE uuid = '{HOST}'", "UPDATE storages SET type = 'NFS'")
    assert recycle(at) == (True, None)
    assert "host" not in notes(at)


# ---- addresses -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("taken", "told"), [("10.0.0.77", True), ("10.0.0.78", False)])
def test_a_static_address(taken: str, told: bool, cloud: Sandbox, at: dict[str, str]) -> None:
    database(
        cloud,
        "INSERT INTO tags (uuid, inherent, resourceUuid, resourceType, tag, type)"
        f" VALUES ('{'a' * 32}', 0, '{WEB_2}', 'VmInstanceVO', '{STATIC}', 'System')",
        f"UPDATE vms SET vmNics = json_set(vmNics, '$[0].usedIps[0].ip', '{taken}') WHERE uuid = '{WEB_1}'",
    )
    assert ("its static address 10.0.0.77 is in use by now: it loses it" in notes(at)) == told


# ---- names -----------------------------------------------------------------------------------------------------------
def test_a_name_is_that_of_a_destroyed_vm_or_else_of_the_only_one(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"UPDATE vms SET name = 'web-2' WHERE uuid = '{WEB_1}'")
    assert run(["show", "--vm", "web-2", "-o", "name"], at).out == f"{WEB_2}\n"
    accident.recover(cloud)
    ran = run(["show", "--vm", "web-2"], at)
    assert (ran.code, ran.out) == (1, "")
    assert WEB_1 in ran.err
    assert WEB_2 in ran.err
    database(cloud, f"UPDATE vms SET name = 'web-1' WHERE uuid = '{WEB_1}'")
    assert run(["show", "--vm", "web-2", "-o", "name"], at).out == f"{WEB_2}\n"


@pytest.mark.parametrize(
    "arguments", [["--vm", "web-2", PG_DATA], [], ["--vm", ""], ["--vm", "-"], ["--vm", "a\x1b"], ["--vm", "web-*"]]
)
def test_usage(arguments: list[str], at: dict[str, str]) -> None:
    ran = run(["show", *arguments], at)
    assert (ran.code, ran.out) == (2, ""), ran


# ---- look-ups that fail ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "note", "found"),
    [
        ("primary-storage.*uuid%3D", "how its primary storage is, is not known", (True, None)),
        ("v1/hosts", "how its last host is, is not known", (True, None)),
        ("volume-snapshots", "which snapshots its volumes have is not known", (True, None)),
        ("lastVmInstanceUuid", "which data volumes were on it is not known", (True, None)),
        ("system-tags", "whether it gets its static addresses back is not known", (True, None)),
        ("ip-address", "whether it gets its static address 10.0.0.77 back is not known", (True, None)),
        ("resources/accounts", "whether a quota of its owner is full is not known", (None, "quota")),
    ],
)
def test_each_look_up_that_fails_leaves_a_note(
    path: str, note: str, found: tuple[bool | None, str | None], cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]
) -> None:
    between, env = watched
    database(
        cloud,
        "INSERT INTO tags (uuid, inherent, resourceUuid, resourceType, tag, type)"
        f" VALUES ('{'a' * 32}', 0, '{WEB_2}', 'VmInstanceVO', '{STATIC}', 'System')",
    )
    assert note not in notes(env)
    between.rules = (Rule("any", "page", last=99, page=BAD, path=path),)
    assert note in notes(env)
    assert "HTTP 502" in notes(env)
    assert recycle(env) == found


def test_a_release_that_is_not_told(watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    between.rules = (Rule("any", "page", last=99, page=BAD, action_key="getVersion"),)
    facts = shown(env)
    assert not any(AGAIN in text for text in facts["Data volume"])
    assert any("it is not known whether this server remembers them" in text for text in facts["Note"])
    assert facts["Next"] == ["zvol recover --vm web-2"]


@pytest.mark.parametrize(
    ("version", "note"),
    [
        ("3.10.40", "which data volumes were on it is not known: this server does not remember"),
        ("4.4.65", "more data volumes may have been on it: ZStack before 4.8"),
    ],
)
def test_servers_that_do_not_remember(version: str, note: str, tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--version", version) as cloud:
        more = {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}
        env = environment(tmp_path / "home", more)
        assert note in notes(env)
        facts = shown(env)
        assert not any(AGAIN in text for text in facts.get("Data volume", []))
        assert facts["Next"] == ["zvol recover --vm web-2"]


# ---- root volumes ----------------------------------------------------------------------------------------------------
def test_show_of_a_root_volume_names_the_command_of_its_vm(cloud: Sandbox, at: dict[str, str]) -> None:
    assert f"Next:         zvol recover --vm {WEB_2}\n" in run(["show", ROOT_2], at).out
    database(cloud, f"UPDATE vms SET state = 'Stopped' WHERE uuid = '{WEB_2}'")
    assert "Next:" not in run(["show", ROOT_2], at).out, "the server would refuse it"
    database(cloud, f"DELETE FROM vms WHERE uuid = '{WEB_2}'")
    assert "Next:" not in run(["show", ROOT_2], at).out
