"""The captured servers, by their names."""

from __future__ import annotations

from typing import Any

from tests.contract.world import Done, World
from zvol.sandbox import names

STORAGE = "e7ca539d9c5b4c01a1f31dbbac5e89c4"
OFFERING = "3721ba4e8a704bab95a3b2159e5b6018"
HOST = "6a5f1b4ab0dc4ebb831521b6a3722968"
TENANT = "a410c69c97a24d35bd41bdb944e89a9c"
TENANT_SESSION = "86b43535e4a846c690c2001beadc6593"
LATER_SESSION = "e17a1f11a7dc4183b9d2314f9919182a"
FIRST = "47a6c00d065144d7ab87757e2084a668"
DRY = "b8177c20b7fe4c4ea30e9ed719ca6b75"
OWNED = "42f0e2eb6ac34da9b73232e5569ba010"
VM = "ebd91359ab514ecaaa8b19a215f5c040"
VM_STORAGE = "0c00f67a1bfb4f7e93b1db51c4882e6e"
VM_OFFERING = "d620ede35eba4aa0bea2547d5679df67"
WITH_VM = "1162554acd1145f0810d401390e4c03c"
_RECOVER: dict[str, Any] = {"recoverDataVolume": {}}


def _create(uuid: str, name: str, *tags: str, storage: str | None = None, session: str | None = None) -> Done:
    """Return a request that creates a data volume; without a storage it is never instantiated."""
    params = {"name": name, "resourceUuid": uuid, "diskOfferingUuid": OFFERING, "primaryStorageUuid": storage}
    return Done("POST", "/v1/volumes/data", {"params": params, "systemTags": list(tags)}, session)


_5_2_1 = World(
    "wire",
    "5.2.1",
    before={
        "298-recover-ps-maintenance": [Done("DELETE", f"/v1/volumes/{FIRST}")],
        "403-validation-only": [Done("DELETE", f"/v1/volumes/{FIRST}")],
        "442-delete-host": [
            _create("355b079b56e94c6297a0a5408e8da03b", "on-host", f"localStorage::hostUuid::{HOST}", storage=STORAGE)
        ],
        "475-dryrun-deleted": [_create(DRY, "dry"), Done("DELETE", f"/v1/volumes/{DRY}")],
        "483-dryrun-ready": [Done("PUT", f"/v1/volumes/{DRY}/actions", _RECOVER)],
        "514-ops-recover-quota": [
            _create(OWNED, "ops-1", session=TENANT_SESSION),
            Done("DELETE", f"/v1/volumes/{OWNED}", session=TENANT_SESSION),
            _create("6d6f214b6ac9494987e46f09d5dc77fa", "ops-2", session=TENANT_SESSION),
        ],
    },
    sessions={TENANT_SESSION: TENANT, LATER_SESSION: names.ADMIN},
    created={
        "121-create-volume": "8be1fe01dc1243c69c176e6be1d58ad6",
        "318-create": "ea575f829f784b10be34c7302f7423c2",
    },
    apart=frozenset({"213-query", "517-ops-quota-usage"}),
)

_WITH_VM: dict[str, Any] = {"name": "goes-with-vm", "resourceUuid": WITH_VM, "diskOfferingUuid": VM_OFFERING}
_DELETE_WITH_VM = "/v1/global-configurations/vm/dataVolume.deleteOnVmDestroy/actions"

_VMS = World(
    "wire-5.2.1-vms",
    "5.2.1",
    there={
        "offering": [{"uuid": VM_OFFERING, "name": "disk", "diskSize": 1073741824}],
        "storage": [{"uuid": VM_STORAGE, "name": "local"}],
    },
    shown="vm-running",
    before={
        "769-destroy-vm-with-data": [
            Done("POST", "/v1/volumes/data", {"params": _WITH_VM | {"primaryStorageUuid": VM_STORAGE}}),
            Done("POST", f"/v1/volumes/{WITH_VM}/vm-instances/{VM}", {}),
            Done("PUT", _DELETE_WITH_VM, {"updateGlobalConfig": {"value": "true"}}),
        ],
        "791-destroy-vm3-poll1": [
            Done("PUT", _DELETE_WITH_VM, {"updateGlobalConfig": {"value": "false"}}),
            Done("DELETE", f"/v1/vm-instances/{VM}", job="0dc6a1eb19834504a67934020d8888d6"),
        ],
        "800-start-vm-poll2": [
            Done(
                "PUT",
                f"/v1/vm-instances/{VM}/actions",
                {"startVmInstance": {}},
                job="7a99cc0cd72e46b8a3f0fccc6e46b0dd",
            )
        ],
    },
    sessions=dict.fromkeys(("7598416530bc4da1af7091cbb2a6f61b", "c181cf2eeb75428d86952fd3d54a9ff4"), names.ADMIN),
)
"""Another 5.2.1: a VM that is destroyed and recovered, and a shareable volume."""

WORLDS = {
    "5.2.1": _5_2_1,
    "5.2.1-vms": _VMS,
    "3.10.40": World(
        "wire-3.10.40",
        "3.10.40",
        before={"265-recover-ps-maintenance": [Done("DELETE", "/v1/volumes/96edd4bdf5794adaa84d41fe26990529")]},
        apart=frozenset({"212-query"}),
    ),
    "4.4.65": World(
        "wire-4.4.65",
        "4.4.65",
        before={"365-recover-ps-maintenance": [Done("DELETE", "/v1/volumes/a1550e32df434470a70979e8f9603484")]},
        apart=frozenset({"305-query"}),
        held=frozenset({"163-recover-jobuuid-dup", "164-recover-jobuuid-poll"}),
    ),
    "zsphere-4.10.0": World(
        "wire-zsphere-4.10.0",
        "zsphere-4.10.0",
        before={"265-recover-ps-maintenance": [Done("DELETE", "/v1/volumes/7c4e490d77c4437cb3f46ed23a4757fb")]},
        apart=frozenset({"211-query"}),
    ),
}
"""Of each capture of the last three, 13 polls are left out, and of the VMs' three: those that saw jobs running whose
requests were not captured."""
