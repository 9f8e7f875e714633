"""What is specific to one kind of resource is in one value."""

from __future__ import annotations

import json

import pytest

from zvol.model import Volume
from zvol.recovery.classification import observation_of
from zvol.recovery.states import Observation
from zvol.vm_instance import VM_FIELDS, VmInstance
from zvol.zstack.answers import Answer, Done
from zvol.zstack.client import Client
from zvol.zstack.resource_kinds import DATA_VOLUME, KINDS, VM_INSTANCE

U = "a" * 32
ROOT = "b" * 32


def volume(**fields: object) -> Volume:
    return Volume(U, {"status": "Deleted", "type": "Data", "installPath": "/p", "primaryStorageUuid": U} | fields)


def test_how_a_data_volume_is_recovered() -> None:
    assert DATA_VOLUME.path_of(U) == f"/v1/volumes/{U}"
    assert DATA_VOLUME.actions_of(U) == f"/v1/volumes/{U}/actions"
    assert DATA_VOLUME.recovery() == {"recoverDataVolume": {}}
    assert DATA_VOLUME.recovery(["s"], ["u"]) == {"recoverDataVolume": {}, "systemTags": ["s"], "userTags": ["u"]}
    assert DATA_VOLUME.configs == "category=volume"


def vm(state: str = "Destroyed", root: str | None = "Deleted", **more: object) -> dict[str, object]:
    volumes = [] if root is None else [{"uuid": ROOT, "status": root, "installPath": "/p", "primaryStorageUuid": U}]
    data = {"uuid": "c" * 32, "status": "Ready"}
    return {"uuid": U, "state": state, "rootVolumeUuid": ROOT, "allVolumes": [data, *volumes]} | more


def test_how_a_vm_is_recovered() -> None:
    assert VM_INSTANCE.actions_of(U) == f"/v1/vm-instances/{U}/actions"
    assert VM_INSTANCE.recovery() == {"recoverVmInstance": {}}
    assert VM_INSTANCE.configs == "category=vm"
    assert VM_INSTANCE.refusal(VmInstance(U, vm())) is None
    assert {name: kind.noun for name, kind in KINDS.items()} == {"volume": "volume", "vm": "VM"}


@pytest.mark.parametrize(
    ("state", "root", "shown"),
    [
        ("Stopped", "Ready", Observation.BACK),
        ("Running", "Ready", Observation.BACK),
        ("Destroyed", "Deleted", Observation.DELETED),
        ("Destroyed", "Ready", Observation.DELETED),
        ("Destroying", "Ready", Observation.DELETED),
        ("Expunging", "Ready", Observation.DELETED),
        ("Stopped", "Deleted", Observation.DELETED),
        ("Destroyed", None, Observation.ABSENT),
    ],
)
def test_a_vm_is_back_with_its_root_volume_only(state: str, root: str | None, shown: Observation) -> None:
    assert observation_of(VM_INSTANCE.parse(vm(state, root))) is shown


def test_a_vm_without_any_volume_is_gone() -> None:
    assert observation_of(VM_INSTANCE.parse(vm(allVolumes=[]))) is Observation.ABSENT


@pytest.mark.parametrize("volumes", [None, {}, [None], ["x"], "x", [{"uuid": ROOT, "status": "Deleted"}, None]])
def test_a_vm_without_its_volumes_tells_nothing(volumes: object) -> None:
    assert VM_INSTANCE.parse(vm(allVolumes=volumes)) is None
    assert VM_INSTANCE.parse(vm() | {"state": None}) is None


def test_a_vm_whose_root_volume_is_half_expunged_is_not_recovered() -> None:
    found = vm()
    found["allVolumes"][-1]["primaryStorageUuid"] = None  # type: ignore[index]
    assert VM_INSTANCE.refusal(VmInstance(U, found)) == "half-expunged"


def test_the_inventory_of_a_vm_has_the_documented_fields_first() -> None:
    inventory = VmInstance(U, vm(other=1)).inventory()
    assert list(inventory) == [*VM_FIELDS, "other"]
    assert (inventory["state"], inventory["hostUuid"]) == ("Destroyed", None)


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
        one = vm("Stopped", "Ready")
        found = {"inventories": [one], "total": 1} if method == "GET" and "api-jobs" not in path else {"inventory": one}
        return Answer(200, json.dumps(found).encode(), {})


def test_a_client_recovers_any_kind() -> None:
    transport = Recorded()
    client = Client(transport, auth=None)  # type: ignore[arg-type]
    assert isinstance(client.submit(U, "d" * 32, 60, kind=VM_INSTANCE), Done)
    assert isinstance(client.job("d" * 32, kind=VM_INSTANCE), Done)
    found = client.resource(U, kind=VM_INSTANCE)
    assert found is not None
    assert not VM_INSTANCE.is_deleted(found)
    assert client.read_resources([U], kind=VM_INSTANCE).found.keys() == {U}
    assert transport.requests == [
        ("PUT", f"/v1/vm-instances/{U}/actions", {"recoverVmInstance": {}}),
        ("GET", f"/v1/api-jobs/{'d' * 32}", None),
        ("GET", f"/v1/vm-instances/{U}", None),
        ("GET", "/v1/vm-instances", None),
    ]
