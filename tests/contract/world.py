"""The cloud that the exchanges were captured on, and how they are replayed, in their order, over a real socket."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.contract.capture import Answer, Exchange
from zvol.sandbox import names
from zvol.sandbox.configs import CONFIGS
from zvol.sandbox.sessions import open_session
from zvol.sandbox.store import Row, Store, Tx

CAPTURED_AT = 1795467900
"""Nov 23, 2026 9:05:00 PM UTC, when the first exchange was captured."""

VM = "50c65ab2228c4577a720c4698a2dd99c"
ROOT = "c42b4eeb73154f85b8800b40a8d36cc0"
STORAGE = "e7ca539d9c5b4c01a1f31dbbac5e89c4"
OFFERING = "3721ba4e8a704bab95a3b2159e5b6018"
HOST = "6a5f1b4ab0dc4ebb831521b6a3722968"
TENANT = "a410c69c97a24d35bd41bdb944e89a9c"
ADMIN_SESSION = "0a76047c92034bc6a314743c74cbee12"
TENANT_SESSION = "86b43535e4a846c690c2001beadc6593"
LATER_SESSION = "e17a1f11a7dc4183b9d2314f9919182a"


def captured(tx: Tx) -> None:
    """Fill an empty database with the cloud of the capture."""
    digest = "b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86"  # noqa: E501
    dates = {"createDate": tx.now, "lastOpDate": tx.now}
    tx.insert("accounts", {"uuid": names.ADMIN, "name": "admin", "type": "SystemAdmin"} | dates)
    tx.insert("passwords", {"accountUuid": names.ADMIN, "password": digest})
    for entry in CONFIGS:
        tx.insert("configs", dict(entry))
    tx.insert("nodes", {"uuid": names.NODE, "hostName": "127.0.0.1", "joinDate": tx.now, "heartBeat": tx.now})
    offering = _row(OFFERING, "diskOffering", dates, diskSize=5368709120, sortKey=0, state="Enabled")
    offering |= {"type": "DefaultDiskOfferingType", "allocatorStrategy": "DefaultPrimaryStorageAllocationStrategy"}
    tx.insert("offerings", offering)
    storage = _row(STORAGE, "local", dates, zoneUuid=names.ZONE, url="/local_ps", mountPath="/local_ps")
    storage |= {"type": "LocalStorage", "state": "Enabled", "status": "Connected", "systemUsedCapacity": 0}
    for size in ("totalCapacity", "availableCapacity", "totalPhysicalCapacity", "availablePhysicalCapacity"):
        storage[size] = 109951162777600
    tx.insert("storages", storage | {"attachedClusterUuids": json.dumps([names.CLUSTER])})
    _machine(tx, dates)


def _row(uuid: str, name: str, dates: Mapping[str, int], **more: Any) -> Row:
    return {"uuid": uuid, "name": name, **dates, **more}


def _machine(tx: Tx, dates: Mapping[str, int]) -> None:
    for uuid in (VM, ROOT):
        tx.insert("owners", {"resourceUuid": uuid, "accountUuid": names.ADMIN})
    drive = _row(names.ZONE, "cdRom", dates, vmInstanceUuid=VM, deviceId=0)
    nic: Row = {"uuid": names.ZONE, "vmInstanceUuid": VM, "deviceId": 0, "usedIps": [], **dates}
    for field in ["l3NetworkUuid", "mac", "hypervisorType", "driverType", "internalName", "type", "state"]:
        nic[field] = "x"
    vm = _row(VM, "test-vm", dates, rootVolumeUuid=ROOT, state="Running", memorySize=2147483648, cpuNum=1, cpuSpeed=0)
    columns = "zoneUuid clusterUuid imageUuid hostUuid lastHostUuid instanceOfferingUuid platform architecture"
    for name in f"{columns} defaultL3NetworkUuid type hypervisorType allocatorStrategy guestOsType".split():
        vm[name] = "x"
    tx.insert("vms", vm | {"vmNics": json.dumps([nic]), "vmCdRoms": json.dumps([drive])})
    root = _row(
        ROOT, "ROOT-for-test-vm", dates, vmInstanceUuid=VM, diskOfferingUuid=OFFERING, primaryStorageUuid=STORAGE
    )
    root |= {"rootImageUuid": names.IMAGE, "installPath": "/local_ps/r", "type": "Root", "format": "qcow2"}
    root |= {"size": 5368709120, "actualSize": 0, "deviceId": 0, "state": "Enabled", "status": "Ready"}
    tx.insert("volumes", root | {"description": "Root volume", "isShareable": 0, "lastAttachDate": tx.now})


def data_volume(uuid: str, name: str, tags: Sequence[str] = (), storage: str | None = None) -> tuple[str, str, Any]:
    """Return a request that creates a data volume; without a storage it is never instantiated."""
    params = {"name": name, "resourceUuid": uuid, "diskOfferingUuid": OFFERING, "primaryStorageUuid": storage}
    return "POST", "/v1/volumes/data", {"params": params, "systemTags": list(tags)}


FIRST = "47a6c00d065144d7ab87757e2084a668"
DRY = "b8177c20b7fe4c4ea30e9ed719ca6b75"
OWNED = "42f0e2eb6ac34da9b73232e5569ba010"
_RECOVER: dict[str, Any] = {"recoverDataVolume": {}}

BEFORE: dict[str, list[tuple[str, str, Any]]] = {
    "298-recover-ps-maintenance": [("DELETE", f"/v1/volumes/{FIRST}", None)],
    "403-validation-only": [("DELETE", f"/v1/volumes/{FIRST}", None)],
    "442-delete-host": [
        data_volume("355b079b56e94c6297a0a5408e8da03b", "on-host", [f"localStorage::hostUuid::{HOST}"], STORAGE)
    ],
    "475-dryrun-deleted": [data_volume(DRY, "dry"), ("DELETE", f"/v1/volumes/{DRY}", None)],
    "483-dryrun-ready": [("PUT", f"/v1/volumes/{DRY}/actions", _RECOVER)],
    "514-ops-recover-quota": [
        data_volume(OWNED, "ops-1"),
        ("DELETE", f"/v1/volumes/{OWNED}", None),
        data_volume("6d6f214b6ac9494987e46f09d5dc77fa", "ops-2"),
    ],
}
"""What was done before an exchange and not captured."""

AS_TENANT = {"514-ops-recover-quota"}

CREATED = {
    "032-create-volume": FIRST,
    "121-create-volume": "8be1fe01dc1243c69c176e6be1d58ad6",
    "194-create-volume": "b88a906b29e648acabd262a2749aedfe",
    "198-create-volume": "53698e3bc0b14d5fa47397087a169ef5",
    "202-create-volume": "9cf55bb0067548f78db9b10c7346a3f7",
    "206-create-volume": "d5a9190f8d644d1498438b64e0678b1c",
    "255-create-account": TENANT,
    "304-create-noinst": "38850d60d4b94935a4c9d1fc0c1d0312",
    "318-create": "ea575f829f784b10be34c7302f7423c2",
}
"""The uuids that the captured server chose; the replayed requests pass them."""


class Replay:
    """One connection to a sandbox, on which exchanges are repeated."""

    def __init__(self, host: str, store: Store) -> None:
        self.store = store
        self.connection = http.client.HTTPConnection(urlsplit(host).netloc, timeout=20)

    def close(self) -> None:
        self.connection.close()

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        self.connection.request(method, target, body or None, dict(headers))
        response = self.connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())

    def repeat(self, exchange: Exchange) -> Answer:
        """Do what was done before the exchange, repeat it, and wait for the job it started."""
        with self.store.write() as tx:
            for session, account in ((TENANT_SESSION, TENANT), (LATER_SESSION, names.ADMIN)):
                open_session(tx, account, uuid=session)
        session = TENANT_SESSION if exchange.name in AS_TENANT else ADMIN_SESSION
        for method, path, body in BEFORE.get(exchange.name, ()):
            sent = json.dumps(body).encode() if body is not None else b""
            self._settle(self.send(method, path, {"Authorization": f"OAuth {session}"}, sent))
        headers, body = dict(exchange.headers), exchange.body
        if exchange.answer.job:
            headers.setdefault("x-job-uuid", exchange.answer.job)
        if exchange.name in CREATED:
            changed = json.loads(body)
            changed["params"]["resourceUuid"] = CREATED[exchange.name]
            body = json.dumps(changed).encode()
        answer = self.send(exchange.method, exchange.target, headers, body)
        self._settle(answer)
        self._rename_session(exchange, answer)
        return answer

    def _settle(self, answer: Answer) -> None:
        until = time.monotonic() + 10
        while answer.job and self.send("GET", f"/v1/api-jobs/{answer.job}", {}).status == 202:
            assert time.monotonic() < until, answer.job
            time.sleep(0.002)

    def _rename_session(self, exchange: Exchange, answer: Answer) -> None:
        """Let a new session have the uuid that the captured server gave it."""
        if "/login" in exchange.target and answer.status == 200:
            new, old = (found.json["inventory"]["uuid"] for found in (answer, exchange.answer))
            with self.store.write() as tx:
                tx.run("DELETE FROM sessions WHERE uuid = ?", old)
                tx.run("UPDATE sessions SET uuid = ? WHERE uuid = ?", old, new)


def prepared(directory: Path, offset: float) -> Store:
    """Return a new database that holds the captured cloud."""
    store = Store(directory, offset=offset)
    store.prepare(captured)
    return store
