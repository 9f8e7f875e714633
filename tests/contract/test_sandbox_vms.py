"""The recovery of a destroyed VM: two steps, one queue, errors, the ledger."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.contract.cloud import (
    DELETED,
    DETACHED,
    RETAINED,
    ROOT,
    WEB_2,
    Client,
    database,
    events,
    log_in,
    process,
    running,
    wait_for,
    wait_for_last,
)
from tests.support.sandbox_faults import plant
from zvol.sandbox import advance, names

DB_1, WEB_1 = names.DB_1, names.WEB_1
UNKNOWN = "d0a7a5e0c0de4b1e8a5efeedbeadffff"
RECOVER = "recoverVmInstance"


def test_a_destroyed_vm_comes_back_without_its_data_volumes(client: Client) -> None:
    answer = client.act(WEB_2, RECOVER, X_API_Timeout="300")
    assert answer.json["apiTimeout"] == 300000
    inventory = client.end(answer).json["inventory"]
    assert (inventory["state"], inventory["allVolumes"][0]["status"]) == ("Stopped", "Ready")
    assert inventory["internalId"] == 4
    assert "lastOpDate" not in inventory
    row = client.vm(WEB_2)
    assert row is not None
    assert row == {name: value for name, value in inventory.items() if name != "internalId"} | {
        "lastOpDate": row["lastOpDate"]
    }
    assert row["lastOpDate"] == row["allVolumes"][0]["lastOpDate"]
    assert [client.status(uuid) for uuid in (RETAINED, DELETED, DETACHED)] == ["Ready", "Deleted", "Ready"]
    assert client.end(client.recover(DELETED)).status == 200
    for number, uuid in enumerate((DELETED, RETAINED), 1):
        attached = client.end(client.attach(uuid, WEB_2)).json["inventory"]
        assert (attached["vmInstanceUuid"], attached["deviceId"]) == (WEB_2, number)


def test_what_is_refused(client: Client) -> None:
    assert client.end(client.act(WEB_1, RECOVER)).codes == ("SYS.1006", "VM.1010")
    assert client.end(client.act(UNKNOWN, RECOVER)).codes == ("SYS.1003", None)
    assert client.end(client.act(WEB_1, "expungeVmInstance")).codes == ("SYS.1006", "VM.1010")
    assert client.end(client.act(UNKNOWN, "expungeVmInstance")).body == b"{}"
    assert client.end(client.act(WEB_2, "startVmInstance")).codes == ("SYS.1006", "VM.1010")
    assert client.state(WEB_2) == "Destroyed"


@pytest.mark.parametrize("action", ["stopVmInstance", "recoverDataVolume", "RecoverVmInstance", "params"])
def test_an_action_that_is_none_of_a_vms(client: Client, action: str) -> None:
    answer = client.act(WEB_2, action)
    path = f"/v1/vm-instances/{WEB_2}/actions"
    assert (answer.status, answer.body.decode()) == (400, f"the body doesn't contain action mapping to the URL[{path}]")
    assert client.state(WEB_2) == "Destroyed"


def test_recoveries_of_a_vm_wait_for_one_another(tmp_path: Path) -> None:
    with running(tmp_path, job_time=0.3) as client:
        first, second = client.act(WEB_2, RECOVER), client.act(WEB_2, RECOVER)
        assert client.end(first).status == 200
        assert client.end(second).codes == ("SYS.1006", "VM.1010"), "the state counts when its turn has come"


def test_a_root_volume_that_was_recovered_alone(client: Client) -> None:
    assert client.end(client.recover(ROOT)).status == 200
    assert (client.status(ROOT), client.state(WEB_2)) == ("Ready", "Destroyed")
    assert client.end(client.act(WEB_2, "expungeVmInstance")).error["code"] == "SYS.1006"
    assert client.end(client.act(WEB_2, RECOVER)).status == 200
    assert (client.status(ROOT), client.state(WEB_2)) == ("Ready", "Stopped")


def test_a_root_volume_that_cannot_come_back(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        with database(tmp_path) as tx:
            tx.insert("refs", {"resourceUuid": ROOT, "primaryStorageUuid": names.LOCAL, "hostUuid": None})
        error = client.end(client.act(WEB_2, RECOVER)).error
        assert error["code"] == "SYS.1006"
        assert "host that has been deleted" in error["details"]
        with database(tmp_path) as tx:
            tx.run("DELETE FROM volumes WHERE uuid = ?", ROOT)
        assert client.end(client.act(WEB_2, RECOVER)).error["code"] == "SYS.1003"
        assert client.state(WEB_2) == "Destroyed"


def test_a_server_that_is_killed_between_the_two_steps(tmp_path: Path) -> None:
    with process(tmp_path, job_time=8) as server:
        client = server.client()
        answer = client.act(WEB_2, RECOVER)
        wait_for(lambda: client.status(ROOT) == "Ready")
        server.end(signal.SIGKILL)
        client.close()
        assert [(one["event"], one["vm"]) for one in events(server.ledger)] == [("accepted", WEB_2), ("begun", WEB_2)]
    with process(tmp_path, job_time=0.02) as server:
        client = server.client()
        assert client.job(answer.job).status == 202, "for ever"
        assert (client.status(ROOT), client.state(WEB_2)) == ("Ready", "Destroyed")
        assert client.end(client.act(WEB_2, RECOVER)).status == 200
        assert (client.status(ROOT), client.state(WEB_2)) == ("Ready", "Stopped")
        assert client.job(answer.job).status == 202
        client.close()


def test_what_the_ledger_says(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        client.end(client.act(WEB_1, RECOVER))
        client.end(client.act(WEB_2, RECOVER))
        client.end(client.attach(RETAINED, WEB_2))
        client.end(client.attach(RETAINED, WEB_2))
        wait_for_last(tmp_path / "ledger", "refused")
        said = [
            (one["api"], one["event"], one.get("vm"), one.get("volume"), one.get("status"))
            for one in events(tmp_path / "ledger")
        ]
    attach = "attachDataVolumeToVm"
    assert said == [
        (RECOVER, "accepted", WEB_1, None, None),
        (RECOVER, "failed", WEB_1, None, None),
        (RECOVER, "accepted", WEB_2, None, None),
        (RECOVER, "begun", WEB_2, None, None),
        (RECOVER, "ended", WEB_2, None, "Stopped"),
        (RECOVER, "finished", WEB_2, None, None),
        (attach, "accepted", WEB_2, RETAINED, None),
        (attach, "begun", WEB_2, RETAINED, None),
        (attach, "ended", WEB_2, RETAINED, "Ready"),
        (attach, "finished", WEB_2, RETAINED, None),
        (attach, "accepted", WEB_2, RETAINED, None),
        (attach, "refused", WEB_2, RETAINED, None),
    ]


def test_faults_that_are_planted_for_a_vm(tmp_path: Path) -> None:
    with running(tmp_path, faults=True) as client:
        plant(tmp_path, WEB_2, "half", "claimed", "fail:SYS.1009")
        answer = client.act(WEB_2, RECOVER)
        wait_for_last(tmp_path / "ledger", "lost")
        assert (client.status(ROOT), client.state(WEB_2), client.job(answer.job).status) == ("Ready", "Destroyed", 202)
        assert client.end(client.act(WEB_2, RECOVER)).json["inventory"]["state"] == "Stopped"
        assert client.state(WEB_2) == "Destroyed"
        assert client.end(client.act(WEB_2, RECOVER)).error["code"] == "SYS.1009"
        assert client.end(client.act(WEB_2, RECOVER)).status == 200
        assert client.state(WEB_2) == "Stopped"


def test_a_job_of_a_vm_that_is_not_saved(tmp_path: Path) -> None:
    with running(tmp_path, lose_insert=True) as client:
        answer = client.act(WEB_2, RECOVER)
        wait_for(lambda: client.state(WEB_2) == "Stopped")
        assert client.job(answer.job).status == 404


def test_the_queue_of_a_vm_can_be_busy(tmp_path: Path) -> None:
    with running(tmp_path, queue_delay=3600) as client:
        answer = client.act(WEB_2, RECOVER, X_API_Timeout="300")
        wait_for_last(tmp_path / "ledger", "queued")
        advance(tmp_path, 3601)
        wait_for_last(tmp_path / "ledger", "dropped")
        assert (client.state(WEB_2), client.job(answer.job).status) == ("Destroyed", 202)


def test_the_quota_of_vms_is_that_of_an_account(tmp_path: Path) -> None:
    with running(tmp_path) as admin:
        with database(tmp_path) as tx:
            for uuid in (WEB_1, WEB_2, ROOT):
                tx.run("UPDATE owners SET accountUuid = ? WHERE resourceUuid = ?", names.TENANT, uuid)
        params = {"identityUuid": names.TENANT, "name": "vm.totalNum", "value": 1}
        admin.end(admin.send("PUT", "/v1/accounts/quotas/actions", {"updateQuota": params}))
        tenant = log_in(admin, names.TENANT_NAME)
        usages = tenant.send("GET", f"/v1/accounts/quota/{names.TENANT}/usages").json["usages"]
        assert {"name": "vm.totalNum", "total": 1, "used": 1} in usages, "a destroyed one does not count"
        error = tenant.end(tenant.act(WEB_2, RECOVER)).error
        assert error["code"] == "ID.1003"
        assert "[name: vm.totalNum, value: 1], Current used:1, Request:1" in error["details"]
        assert tenant.end(tenant.act(DB_1, RECOVER)).error["code"] == "SYS.1006", "not the owner"
        assert admin.end(admin.act(WEB_2, RECOVER)).status == 200
        admin.destroy(WEB_2)
        params["value"] = 2
        admin.end(admin.send("PUT", "/v1/accounts/quotas/actions", {"updateQuota": params}))
        assert tenant.end(tenant.act(WEB_2, RECOVER)).status == 200
        tenant.close()


def test_memory_and_cache_volumes(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        with database(tmp_path) as tx:
            for number, kind in ((0xA1, "Memory"), (0xA2, "Cache")):
                row = tx.get("volumes", ROOT)
                assert row is not None
                tx.insert("volumes", row | {"uuid": names.volume_uuid(number), "type": kind})
        memory, cache = names.volume_uuid(0xA1), names.volume_uuid(0xA2)
        client.end(client.act(WEB_2, RECOVER))
        assert [client.status(uuid) for uuid in (ROOT, memory, cache)] == ["Ready", "Deleted", "Ready"]
        client.destroy(WEB_2)
        assert [client.status(uuid) for uuid in (ROOT, memory, cache)] == ["Deleted"] * 3
        assert client.end(client.act(WEB_2, "expungeVmInstance")).body == b"{}"
        assert [client.status(uuid) for uuid in (ROOT, memory, cache)] == [None] * 3
