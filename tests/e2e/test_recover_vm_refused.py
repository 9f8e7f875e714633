"""`zvol recover --vm` where the server refuses: in its words, and the volumes are not attached."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.accident import ASSETS, DESTROYED, ROOT_2, UPLOADS, WEB_1, WEB_2, WHOLE, database, folder, state
from tests.support.process import Sandbox, environment, sandbox
from tests.support.warm import run
from zvol.sandbox import advance
from zvol.sandbox.names import LOCAL, TENANT, VIEWER

WEB_2_AGAIN = ["recover", "--vm", "web-2", "--reattach"]


@pytest.mark.parametrize(("who", "uuid", "code"), [("viewer", VIEWER, "SYS.1019"), ("dev-team", TENANT, "SYS.1018")])
def test_who_may_not_is_refused_in_the_words_of_the_server(who: str, uuid: str, code: str, tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--version", "zsphere-4.10.0") as cloud:
        for resource in (WEB_2, ROOT_2, ASSETS, UPLOADS):
            database(cloud, f"INSERT INTO shares VALUES ('{resource}', '{uuid}', 1)")
        given = {"ZVOL_HOST": cloud.host, "ZSTACK_ACCOUNT_NAME": who, "ZSTACK_ACCOUNT_PASSWORD": "password"}
        ran = run([*WEB_2_AGAIN, "--json"], environment(tmp_path / "home", given))
        assert (ran.code, state(cloud)) == (1, DESTROYED)
        machine, assets, uploads = ran.json()
        assert (machine["outcome"], machine["error"]["code"]) == ("failed", code)
        assert (uploads["outcome"], uploads["error"]["code"]) == ("failed", code)
        [dropped] = assets["warnings"]
        assert (assets["outcome"], dropped) == ("already", f"not attached to VM {WEB_2}: the VM is not back (failed)")


def test_a_full_quota_of_the_owner(cloud: Sandbox, env: dict[str, str]) -> None:
    mine = ", ".join(f"'{uuid}'" for uuid in (WEB_1, WEB_2, ROOT_2, ASSETS, UPLOADS))
    database(cloud, f"UPDATE owners SET accountUuid = '{TENANT}' WHERE resourceUuid IN ({mine})")
    params = {"identityUuid": TENANT, "name": "vm.totalNum", "value": 1}
    assert "inventory" in cloud.job(cloud.call("PUT", "/v1/accounts/quotas/actions", {"updateQuota": params}))
    given = {"ZVOL_HOST": cloud.host, "ZSTACK_ACCOUNT_NAME": "dev-team", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    ran = run(WEB_2_AGAIN, env | given)
    assert (ran.code, state(cloud)) == (1, DESTROYED | {"uploads": None})
    assert "ID.1003" in ran.out + ran.err
    assert "vm.totalNum" in ran.out + ran.err
    assert f"2 volumes: not attached to VM {WEB_2}: the VM is not back (failed)" in ran.err


def test_the_host_of_a_local_storage_is_gone(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, f"INSERT INTO refs (resourceUuid, primaryStorageUuid) VALUES ('{ROOT_2}', '{LOCAL}')")
    ran = run([*WEB_2_AGAIN, "--json"], at)
    assert (ran.code, state(cloud)) == (1, DESTROYED | {"uploads": None})
    machine, assets, uploads = ran.json()
    assert (machine["outcome"], machine["error"]["code"]) == ("failed", "SYS.1006")
    assert "a host that has been deleted" in machine["error"]["details"]
    assert [one["outcome"] for one in (assets, uploads)] == ["already", "recovered"]


# ---- volumes that are left alone -------------------------------------------------------------------------------------
def test_a_server_that_forgets_and_names_no_volume(tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--version", "4.4.65") as cloud:
        database(cloud, "UPDATE volumes SET lastVmInstanceUuid = NULL")
        given = {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}
        ran = run([*WEB_2_AGAIN, "--json"], environment(tmp_path / "home", given))
    [machine] = ran.json()
    assert (ran.code, machine["outcome"]) == (1, "recovered")
    [text] = machine["warnings"]
    assert text.startswith("more data volumes may have been on it: ZStack before 4.8 does not remember")


def test_a_volume_that_was_renamed_in_the_recycle_bin(cloud: Sandbox, at: dict[str, str]) -> None:
    advance(folder(cloud), 3600)
    cloud.job(cloud.call("PUT", f"/v1/volumes/{UPLOADS}/actions", {"updateVolume": {"name": "renamed"}}))
    ran = run(["recover", "--vm", WEB_2, "--reattach", "--json"], at)
    assert (ran.code, state(cloud)) == (1, WHOLE | {"uploads": "Deleted"})
    text = " ".join(ran.json()[0]["warnings"])
    assert "or one of them was changed since" in text
    assert f"`zvol recover {UPLOADS}`, then `zvol attach {UPLOADS} {WEB_2}`" in text


def test_a_root_volume_whose_destruction_has_begun(cloud: Sandbox, at: dict[str, str]) -> None:
    """The VM cannot come back, and its volumes are only named."""
    database(cloud, f"UPDATE volumes SET primaryStorageUuid = NULL WHERE uuid = '{ROOT_2}'")
    for dry in ([], ["--dry-run"]):
        ran = run([*WEB_2_AGAIN, "--json", *dry], at)
        [machine] = ran.json()
        assert (ran.code, machine["outcome"], state(cloud)) == (1, "failed", DESTROYED)
        assert f"the VM cannot come back; to do it yourself: `zvol recover {UPLOADS}`" in " ".join(machine["warnings"])
        assert "would be attached" not in run([*WEB_2_AGAIN, *dry], at).err
    shown = run(["show", "--vm", "web-2"], at).out
    assert shown.count("the destruction of its root volume has begun: it cannot come back") == 1
    assert shown.count("not attached again: the VM cannot come back\n") == 2
    assert not [text for text in ("--reattach", "it comes back Stopped", "Next:") if text in shown]
