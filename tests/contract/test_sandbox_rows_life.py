"""What happens to volumes and VMs, on both sides of each release that changed it."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cloud import PG_DATA, READY, Client, events, process, running, wait_for_last
from zvol.sandbox import advance, names, reset

DB_1 = names.DB_1
ON_DB_1 = "d0a7a5e0c0de4b1e8a5efeedbead000b"
OLDEST = "d0a7a5e0c0de4b1e8a5efeedbead0006"
DAY = 86400


def periods(client: Client) -> dict[str, tuple[str, str]]:
    rows = client.query("/v1/global-configurations", "name=expungePeriod").json["inventories"]
    return {row["category"]: (row["value"], row["defaultValue"]) for row in rows}


def deleted(client: Client) -> int:
    total = client.query("/v1/volumes", "status=Deleted", "type=Data", count="true").json["total"]
    assert isinstance(total, int)
    return total


@pytest.mark.parametrize(
    ("version", "volume", "vm"),
    [
        ("2.3", DAY, DAY),
        ("3.10.40", DAY, DAY),
        ("4.0", 3 * DAY, 7 * DAY),
        ("5.2.1", 3 * DAY, 7 * DAY),
        ("zsphere-4.10.0", 3 * DAY, 7 * DAY),
    ],
)
def test_the_default_periods(tmp_path: Path, version: str, volume: int, vm: int) -> None:
    with running(tmp_path, version=version) as client:
        assert periods(client) == {"volume": (str(volume),) * 2, "vm": (str(vm),) * 2}
        before = deleted(client)
        assert before == 10, "none of the seeded volumes is overdue"
        advance(tmp_path, volume // 20)
        client.config("expungeInterval", "3601")  # which expunges at once
        until = time.monotonic() + 60
        while client.volume(OLDEST) is not None:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert deleted(client) == before - 1, "only the oldest is overdue after a twentieth of the period"


def test_a_cloud_is_served_as_another_release_and_back(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        assert client.config("expungeInterval", "7200").status == 200
    with running(tmp_path, version="3.10.40") as client:
        assert (deleted(client), periods(client)["volume"]) == (10, (str(DAY), str(DAY)))
    with running(tmp_path) as client:
        assert (deleted(client), periods(client)["volume"]) == (10, (str(3 * DAY), str(3 * DAY)))
        assert client.config("expungePeriod", "700000").status == 200
    with running(tmp_path, version="3.10.40") as client:
        assert periods(client) == {"volume": ("700000", str(3 * DAY)), "vm": (str(DAY), str(DAY))}, "it was changed"
    reset(tmp_path)
    with running(tmp_path, version="3.0") as client:
        assert (deleted(client), periods(client)["volume"]) == (10, (str(DAY), str(DAY)))


@pytest.mark.parametrize(("version", "shown"), [("3.10.40", False), ("4.0", True), ("5.2.1", True)])
def test_a_server_that_is_killed_while_it_expunges(tmp_path: Path, version: str, shown: bool) -> None:
    snapshots = "/v1/volume-snapshots"
    with process(tmp_path, job_time=8, version=version) as server:  # it begins after a second and takes some
        client = server.client()
        assert client.query(snapshots, f"volumeUuid={PG_DATA}", count="true").json["total"] == 2
        answer = client.send("PUT", f"/v1/volumes/{PG_DATA}/actions", {"expungeDataVolume": {}})
        assert answer.status == 202
        until = time.monotonic() + 60
        while client.query(snapshots, f"volumeUuid={PG_DATA}", count="true").json["total"]:
            assert time.monotonic() < until
            time.sleep(0.01)
        server.end(signal.SIGKILL)
        client.close()
    with running(tmp_path, version=version) as client:
        row = client.volume(PG_DATA)
        assert row is not None
        assert row["status"] == "Deleted"
        assert ("primaryStorageUuid" not in row) == shown
        assert client.job(answer.job).status == 202


@pytest.mark.parametrize(
    ("version", "last"),
    [("4.4.65", None), ("4.7.24", None), ("4.8", DB_1), ("zsphere-4.0", None), ("zsphere-4.1", DB_1), ("5.2.1", DB_1)],
)
def test_the_last_vm_after_the_destruction_of_a_vm(tmp_path: Path, version: str, last: str | None) -> None:
    with running(tmp_path, version=version) as client:
        assert client.end(client.send("DELETE", f"/v1/vm-instances/{DB_1}")).status == 200
        row = client.volume(ON_DB_1)
        assert row is not None
        assert (row["status"], row.get("lastVmInstanceUuid"), row.get("lastDetachDate")) == ("Ready", last, None)
        assert "vmInstanceUuid" not in row


def test_before_4_8_the_last_vm_may_be_an_older_one(tmp_path: Path) -> None:
    for version, last in (("4.7.24", names.WEB_1), ("4.8", DB_1)):
        with running(tmp_path / version, version=version) as client:
            volume = f"/v1/volumes/{READY}/vm-instances"
            client.end(client.send("POST", f"{volume}/{names.WEB_1}", {}))
            client.end(client.send("DELETE", volume))
            client.end(client.send("POST", f"{volume}/{DB_1}", {}))
            client.end(client.send("DELETE", f"/v1/vm-instances/{DB_1}"))
            client.end(client.send("DELETE", f"/v1/volumes/{READY}"))
            row = client.volume(READY)
            assert row is not None
            assert (row["status"], row["lastVmInstanceUuid"]) == ("Deleted", last)


def test_data_volumes_that_are_deleted_with_their_vm(client: Client) -> None:
    path = "/v1/global-configurations/vm/dataVolume.deleteOnVmDestroy/actions"
    assert client.end(client.send("PUT", path, {"updateGlobalConfig": {"value": "true"}})).status == 200
    assert client.end(client.send("DELETE", f"/v1/vm-instances/{DB_1}")).status == 200
    assert client.status(ON_DB_1) == "Deleted"


def test_a_vm_that_is_not_destroyed_is_not_recovered(tmp_path: Path) -> None:
    """As a 5.2.1 and a 3.10.40 answered; a dry run does not look at the state."""
    recover: dict[str, Any] = {"recoverVmInstance": {}}
    path = f"/v1/vm-instances/{DB_1}/actions"
    for version, fields in (("5.2.1", ["causes"]), ("zsphere-4.10.0", [])):
        with running(tmp_path / version, version=version) as client:
            error = client.end(client.send("PUT", path, recover)).error
            assert list(error) == [*fields, "code", "description", "details", "cause"]
            assert list(error["cause"]) == [*fields, "code", "description", "details", "cost"]
            assert (error["code"], error["cause"]["code"]) == ("SYS.1006", "VM.1010")
            assert error["details"] == (
                "current vm instance state[Running] doesn't allow to proceed message"
                "[org.zstack.header.vm.APIRecoverVmInstanceMsg], allowed states are [Destroyed]"
            )
            dry = recover | {"systemTags": ["ephemeral::validationOnly"]}
            assert client.end(client.send("PUT", path, dry)).status == 200


# ---- recovering --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("version", "status"), [("2.3", 503), ("2.5", 503), ("2.6", 200)])
def test_a_local_storage_whose_host_is_gone(tmp_path: Path, version: str, status: int) -> None:
    params = {"name": "local", "diskSize": 1, "primaryStorageUuid": names.LOCAL}
    with running(tmp_path, version=version) as client:
        uuid = client.end(client.send("POST", "/v1/volumes/data", {"params": params})).json["inventory"]["uuid"]
        client.end(client.send("DELETE", f"/v1/volumes/{uuid}"))
        client.end(client.send("DELETE", f"/v1/hosts/{names.HOST}"))
        answer = client.end(client.recover(uuid))
        if status == 503:
            assert answer.error["code"] == "SYS.1006"
            assert client.status(uuid) == "Deleted"
            wait_for_last(tmp_path / "ledger", "failed")
            assert [one["event"] for one in events(tmp_path / "ledger")] == ["accepted", "begun", "failed"]
        else:
            assert answer.error["code"] == "SYS.1003", "its row went with the host"
