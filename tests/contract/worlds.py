"""The captured servers, by the version that a sandbox of them is started with."""

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
_RECOVER: dict[str, Any] = {"recoverDataVolume": {}}


def _create(uuid: str, name: str, *tags: str, storage: str | None = None, session: str | None = None) -> Done:
    """Return a request that creates a data volume; without a storage it is never instantiated."""
    params = {"name": name, "resourceUuid": uuid, "diskOfferingUuid": OFFERING, "primaryStorageUuid": storage}
    return Done("POST", "/v1/volumes/data", {"params": params, "systemTags": list(tags)}, session)


_5_2_1 = World(
    "wire",
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

WORLDS = {
    "5.2.1": _5_2_1,
    "3.10.40": World(
        "wire-3.10.40",
        before={"265-recover-ps-maintenance": [Done("DELETE", "/v1/volumes/96edd4bdf5794adaa84d41fe26990529")]},
        apart=frozenset({"212-query"}),
    ),
    "4.4.65": World(
        "wire-4.4.65",
        before={"365-recover-ps-maintenance": [Done("DELETE", "/v1/volumes/a1550e32df434470a70979e8f9603484")]},
        apart=frozenset({"305-query"}),
        held=frozenset({"163-recover-jobuuid-dup", "164-recover-jobuuid-poll"}),
    ),
    "zsphere-4.10.0": World(
        "wire-zsphere-4.10.0",
        before={"265-recover-ps-maintenance": [Done("DELETE", "/v1/volumes/7c4e490d77c4437cb3f46ed23a4757fb")]},
        apart=frozenset({"211-query"}),
    ),
}
"""Of each capture of the last three, 13 polls are left out: those of jobs whose requests were not captured."""
