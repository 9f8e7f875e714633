"""What is specific to one kind of resource is in one value."""

from __future__ import annotations

import json

import pytest

from zvol.model import Volume
from zvol.zstack.answers import Answer, Done
from zvol.zstack.client import Client
from zvol.zstack.resource_kinds import DATA_VOLUME, ResourceKind

U = "a" * 32
VM = ResourceKind("vm", "/v1/vm-instances", "recoverVmInstance", "state", "Destroyed", "lastOpDate", "vm")
"""The next kind, as the contract has it."""


def volume(**fields: object) -> Volume:
    return Volume(U, {"status": "Deleted", "type": "Data", "installPath": "/p", "primaryStorageUuid": U} | fields)


def test_how_a_data_volume_is_recovered() -> None:
    assert DATA_VOLUME.path_of(U) == f"/v1/volumes/{U}"
    assert DATA_VOLUME.actions_of(U) == f"/v1/volumes/{U}/actions"
    assert DATA_VOLUME.recovery() == {"recoverDataVolume": {}}
    assert DATA_VOLUME.recovery(["s"], ["u"]) == {"recoverDataVolume": {}, "systemTags": ["s"], "userTags": ["u"]}
    assert DATA_VOLUME.configs == "category=volume"


def test_how_a_vm_is_recovered() -> None:
    assert VM.actions_of(U) == f"/v1/vm-instances/{U}/actions"
    assert VM.recovery() == {"recoverVmInstance": {}}
    assert VM.is_deleted(Volume(U, {"state": "Destroyed"}))
    assert not VM.is_deleted(Volume(U, {"state": "Stopped"}))
    assert VM.refusal(Volume(U, {"state": "Destroyed"})) is None


@pytest.mark.parametrize(("status", "deleted"), [("Deleted", True), ("Ready", False), (None, False)])
def test_what_is_in_the_recycle_bin(status: str | None, deleted: bool) -> None:
    assert DATA_VOLUME.is_deleted(volume(status=status)) is deleted


def test_a_deletion_is_identified_by_its_date_however_the_server_spells_it() -> None:
    first, second = (volume(lastOpDate=date) for date in ("Nov 23, 2026 9:05:50 PM", "Nov 23, 2026, 9:05:50 PM"))
    assert DATA_VOLUME.deletion_of(first) == DATA_VOLUME.deletion_of(second) is not None
    assert DATA_VOLUME.deletion_of(volume(lastOpDate="Nov 23, 2026 9:05:51 PM")) != DATA_VOLUME.deletion_of(first)
    assert DATA_VOLUME.deletion_of(None) is None


@pytest.mark.parametrize(
    ("fields", "insist", "reason"),
    [
        ({}, False, None),
        ({"type": "Root"}, False, "root"),
        ({"type": "Root"}, True, None),
        ({"primaryStorageUuid": None}, False, "half-expunged"),
        ({"primaryStorageUuid": None}, True, "half-expunged"),
        ({"primaryStorageUuid": None, "type": "Root"}, True, "half-expunged"),
    ],
)
def test_what_is_not_recovered(fields: dict[str, object], insist: bool, reason: str | None) -> None:
    assert DATA_VOLUME.refusal(volume(**fields), insist=insist) == reason


class Recorded:
    """A transport that records requests, and answers as the VM's server would."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, object]] = []

    def send(self, method: str, path: str, *, body: object = None, **_more: object) -> Answer:
        self.requests.append((method, path, body))
        vm = {"uuid": U, "state": "Stopped"}
        found = {"inventories": [vm], "total": 1} if method == "GET" and "api-jobs" not in path else {"inventory": vm}
        return Answer(200, json.dumps(found).encode(), {})


def test_a_client_recovers_any_kind() -> None:
    transport = Recorded()
    client = Client(transport, auth=None)  # type: ignore[arg-type]
    assert isinstance(client.submit(U, "d" * 32, 60, kind=VM), Done)
    assert isinstance(client.job("d" * 32, kind=VM), Done)
    found = client.volume(U, kind=VM)
    assert found is not None
    assert not VM.is_deleted(found)
    assert client.read_volumes([U], kind=VM).found.keys() == {U}
    assert transport.requests == [
        ("PUT", f"/v1/vm-instances/{U}/actions", {"recoverVmInstance": {}}),
        ("GET", f"/v1/api-jobs/{'d' * 32}", None),
        ("GET", f"/v1/vm-instances/{U}", None),
        ("GET", "/v1/vm-instances", None),
    ]
