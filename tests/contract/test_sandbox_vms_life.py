"""VMs: destroyed, expunged by their own clock, started; shareable volumes; the seeded accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.cloud import (
    DELETED,
    DETACHED,
    READY,
    RETAINED,
    ROOT,
    WEB_2,
    Client,
    database,
    running,
    wait_for,
)
from zvol.sandbox import advance, names

DB_1, WEB_1 = names.DB_1, names.WEB_1
ROOT_OF_DB_1 = "d0a7a5e0c0de4b1e8a5efeedbead000a"
ON_DB_1 = "d0a7a5e0c0de4b1e8a5efeedbead000b"
DAY = 86400
RECOVER = "recoverVmInstance"


# ---- destroyed ---------------------------------------------------------------------------------------------------
def test_what_the_destruction_of_a_vm_leaves(client: Client) -> None:
    before = client.vm(DB_1)
    assert before is not None
    assert before["vmNics"][0]["ip"] == before["vmNics"][0]["usedIps"][0]["ip"] == "10.0.0.11"
    assert client.destroy(DB_1).body == b"{}"
    after = client.vm(DB_1)
    assert after is not None
    assert (after["state"], after["lastHostUuid"]) == ("Destroyed", before["hostUuid"])
    assert "hostUuid" not in after
    assert after["lastOpDate"] != before["lastOpDate"]
    gone = {"ip", "netmask", "gateway", "usedIpUuid"}
    assert after["vmNics"] == [
        {name: value for name, value in before["vmNics"][0].items() if name not in gone} | {"usedIps": []}
    ]
    assert [(row["uuid"], row["status"]) for row in after["allVolumes"]] == [(ROOT_OF_DB_1, "Deleted")]
    row = client.volume(ON_DB_1)
    assert row is not None
    assert (row["status"], row["lastVmInstanceUuid"]) == ("Ready", DB_1)
    assert not {"vmInstanceUuid", "deviceId", "lastDetachDate"} & set(row)
    assert DB_1 in str(client.query("/v1/vm-instances", "state=Destroyed").json)
    assert client.destroy(DB_1).body == b"{}", "it is destroyed already"
    assert client.vm(DB_1) == after


def test_the_policy_direct_of_vms(client: Client) -> None:
    client.config("deletionPolicy", "Direct", "vm")
    client.destroy(DB_1)
    assert (client.vm(DB_1), client.status(ROOT_OF_DB_1), client.status(ON_DB_1)) == (None, None, "Ready")


@pytest.mark.parametrize(("policy", "status"), [("Delay", "Deleted"), ("Never", "Deleted"), ("Direct", None)])
def test_data_volumes_that_go_with_their_vm_do_so_by_the_policy_of_volumes(
    client: Client, policy: str, status: str | None
) -> None:
    client.config("dataVolume.deleteOnVmDestroy", "true", "vm")
    client.config("deletionPolicy", policy)
    client.destroy(DB_1)
    assert (client.status(ON_DB_1), client.status(ROOT_OF_DB_1), client.state(DB_1)) == (
        status,
        "Deleted",
        "Destroyed",
    )


# ---- expunged ----------------------------------------------------------------------------------------------------
def test_an_expunged_vm_takes_its_root_volume_and_leaves_its_data_volumes(client: Client) -> None:
    assert client.end(client.act(WEB_2, "expungeVmInstance")).body == b"{}"
    assert (client.vm(WEB_2), client.status(ROOT)) == (None, None)
    assert [client.status(uuid) for uuid in (RETAINED, DELETED, DETACHED)] == ["Ready", "Deleted", "Ready"]
    assert client.end(client.act(WEB_2, RECOVER)).error["code"] == "SYS.1003"


@pytest.mark.parametrize(("version", "period"), [("5.2.1", 7 * DAY), ("3.10.40", DAY)])
def test_vms_have_a_clock_of_their_own(tmp_path: Path, version: str, period: int) -> None:
    with running(tmp_path, version=version) as client:
        client.config("deletionPolicy", "Never")
        client.end(client.recover(ROOT))
        advance(tmp_path, period - 4.5 * 3600)  # old-app was destroyed 5 hours ago, web-2 4 hours ago
        client.config("expungeInterval", "3601", "vm")  # which expunges at once
        wait_for(lambda: client.vm(names.OLD_APP) is None)
        assert client.status("d0a7a5e0c0de4b1e8a5efeedbead0009") is None, "its root volume goes with it"
        client.destroy(DB_1)
        client.config("deletionPolicy", "Never", "vm")
        advance(tmp_path, 2 * period + DAY)
        client.config("expungeInterval", "3602", "vm")
        client.config("expungeInterval", "3602")
        assert client.state(DB_1) == "Destroyed"
        client.config("deletionPolicy", "Delay", "vm")
        wait_for(lambda: client.vm(DB_1) is None)
        assert (client.status(ROOT_OF_DB_1), client.status(ON_DB_1)) == (None, "Ready")
        assert client.state(WEB_2) == "Destroyed", "its root volume was recovered alone"
        assert client.status(DELETED) == "Deleted", "volumes have their own policy"


def test_vms_are_expunged_when_their_period_ends(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        advance(tmp_path, 7 * DAY - 4.5 * 3600)
        wait_for(lambda: client.vm(names.OLD_APP) is None)
        assert client.state(WEB_2) == "Destroyed"


def test_a_vm_that_is_being_recovered_is_not_expunged(tmp_path: Path) -> None:
    with running(tmp_path, job_time=1.0) as client:
        answer = client.act(WEB_2, RECOVER)
        wait_for(lambda: client.status(ROOT) == "Ready")
        advance(tmp_path, 20 * DAY)
        wait_for(lambda: client.vm(names.OLD_APP) is None)
        assert client.end(answer).json["inventory"]["state"] == "Stopped"


# ---- started, attached -------------------------------------------------------------------------------------------
def test_a_recovered_vm_is_started(client: Client) -> None:
    client.end(client.act(WEB_2, RECOVER))
    inventory = client.end(client.act(WEB_2, "startVmInstance")).json["inventory"]
    assert (inventory["state"], inventory["hostUuid"]) == ("Running", names.HOST)
    assert client.end(client.attach(RETAINED, WEB_2)).json["inventory"]["vmInstanceUuid"] == WEB_2
    assert client.end(client.act(WEB_2, RECOVER)).codes == ("SYS.1006", "VM.1010")


def test_a_vm_that_is_destroyed_while_a_volume_waits_to_be_attached(tmp_path: Path) -> None:
    with running(tmp_path, job_time=0.5) as client:
        destroyed = client.send("DELETE", f"/v1/vm-instances/{WEB_1}")
        attached = client.attach(READY, WEB_1)
        assert client.end(destroyed).status == 200
        assert client.end(attached).error["code"] == "SYS.1006"
        assert "vmInstanceUuid" not in (client.volume(READY) or {})


def test_a_shareable_volume(client: Client) -> None:
    params = {"name": "shared", "diskSize": 1024, "primaryStorageUuid": names.CEPH}
    body = {"params": params, "systemTags": ["ephemeral::shareable", "capability::virtio-scsi"]}
    made = client.end(client.send("POST", "/v1/volumes/data", body)).json["inventory"]
    uuid = made["uuid"]
    assert made["isShareable"] is True
    client.end(client.attach(uuid, DB_1))
    attached = client.volume(uuid)
    assert attached is not None
    assert {"deviceId", "lastAttachDate"} <= set(attached)
    client.destroy(DB_1)
    assert client.volume(uuid) == attached, "no field of it names the VM"
    client.end(client.send("DELETE", f"/v1/volumes/{uuid}"))
    deleted = client.volume(uuid)
    assert deleted is not None
    assert deleted == attached | {"status": "Deleted", "lastOpDate": deleted["lastOpDate"]}
    recovered = client.end(client.recover(uuid)).json["inventory"]
    assert recovered == attached | {"lastOpDate": recovered["lastOpDate"]}
    assert not {"vmInstanceUuid", "lastVmInstanceUuid", "lastDetachDate"} & set(recovered)


# ---- the seeded accident -----------------------------------------------------------------------------------------
def test_the_seeded_accident(tmp_path: Path) -> None:
    with running(tmp_path) as client, database(tmp_path) as tx:
        found = client.query("/v1/volumes", f"lastVmInstanceUuid={WEB_2}").json["inventories"]
        assert {row["uuid"]: row["status"] for row in found} == {
            RETAINED: "Ready",
            DELETED: "Deleted",
            DETACHED: "Ready",
        }
        vm = tx.get("vms", WEB_2)
        rows = [tx.get("volumes", uuid) for uuid in (ROOT, RETAINED, DELETED, DETACHED)]
    assert vm is not None
    assert vm["state"] == "Destroyed"
    root, retained, deleted, detached = (row for row in rows if row is not None)
    assert (root["vmInstanceUuid"], root["lastOpDate"]) == (WEB_2, vm["lastOpDate"])
    assert 0 < deleted["lastOpDate"] - vm["lastOpDate"] <= 60
    assert retained["lastOpDate"] == vm["lastOpDate"]
    assert retained["lastDetachDate"] < retained["lastAttachDate"] < vm["lastOpDate"]
    assert (deleted["lastDetachDate"], deleted["lastAttachDate"] < vm["lastOpDate"]) == (None, True)
    assert detached["lastAttachDate"] < detached["lastDetachDate"] < vm["lastOpDate"] - 60


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ("3.10.40", set()),
        ("4.3.36", set()),
        ("4.4.65", {RETAINED, DETACHED}),
        ("4.7.24", {RETAINED, DETACHED}),
        ("4.8.22", {RETAINED, DELETED, DETACHED}),
        ("zsphere-4.2", {RETAINED, DELETED, DETACHED}),
    ],
)
def test_which_of_its_volumes_a_release_remembers(tmp_path: Path, version: str, named: set[str]) -> None:
    """Before 4.8 only those that were detached from it once."""
    with running(tmp_path, version=version) as client:
        rows = {uuid: client.volume(uuid) or {} for uuid in (RETAINED, DELETED, DETACHED)}
        assert {uuid for uuid, row in rows.items() if row.get("lastVmInstanceUuid") == WEB_2} == named
        assert [row["status"] for row in rows.values()] == ["Ready", "Deleted", "Ready"]
        assert client.end(client.act(WEB_2, RECOVER)).json["inventory"]["state"] == "Stopped"
