"""Seeds what the volumes need: accounts, a host, storages, a disk offering and four VMs."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from zvol.sandbox.names import (
    ADMIN,
    CEPH,
    CLUSTER,
    DAY,
    DB_1,
    DISABLED,
    GIB,
    GUEST,
    GUEST_NAME,
    HOST,
    HOUR,
    IMAGE,
    INSTANCE,
    LOCAL,
    NETWORK,
    OFFERING,
    OLD_APP,
    TENANT,
    TENANT_NAME,
    TENANT_PASSWORD,
    USER,
    USER_NAME,
    VIEWER,
    VIEWER_NAME,
    WEB_1,
    WEB_2,
    ZONE,
)
from zvol.sandbox.store import Tx


def build(tx: Tx) -> None:
    """Insert all of them into an empty database."""
    _accounts(tx)
    _host(tx)
    _storages(tx)
    _offering(tx)
    _vms(tx)


def _accounts(tx: Tx) -> None:
    born = tx.now - 90 * DAY
    for uuid, name, kind, password in (
        (ADMIN, "admin", "SystemAdmin", "password"),
        (TENANT, TENANT_NAME, "Normal", TENANT_PASSWORD),
        (VIEWER, VIEWER_NAME, "Normal", TENANT_PASSWORD),
        (GUEST, GUEST_NAME, "Normal", TENANT_PASSWORD),
    ):
        row = {"uuid": uuid, "name": name, "type": kind, "state": "Enabled"}
        tx.insert("accounts", row | {"createDate": born, "lastOpDate": born})
        digest = hashlib.sha512(password.encode()).hexdigest()
        tx.insert("passwords", {"accountUuid": uuid, "password": digest})
    for uuid, role in ((TENANT, "full"), (VIEWER, "query")):
        tx.insert("roles", {"accountUuid": uuid, "role": role})
    digest = hashlib.sha512(TENANT_PASSWORD.encode()).hexdigest()
    tx.insert("users", {"uuid": USER, "accountUuid": TENANT, "name": USER_NAME, "password": digest})


def _host(tx: Tx) -> None:
    born = tx.now - 90 * DAY
    names = {"uuid": HOST, "name": "host-1", "managementIp": "10.0.0.2", "hypervisorType": "KVM"}
    state = {"zoneUuid": ZONE, "clusterUuid": CLUSTER, "state": "Enabled", "status": "Connected"}
    tx.insert("hosts", names | state | {"createDate": born, "lastOpDate": born})


def _storages(tx: Tx) -> None:
    born = tx.now - 90 * DAY
    for uuid, name, url, kind, state in (
        (LOCAL, "local-ssd", "/zstack_ps", "LocalStorage", "Enabled"),
        (CEPH, "ceph-main", "ceph://pool-main", "Ceph", "Enabled"),
        (DISABLED, "old-nfs", "10.0.0.9:/export", "NFS", "Disabled"),
    ):
        tx.insert(
            "storages",
            {
                "uuid": uuid,
                "zoneUuid": ZONE,
                "name": name,
                "url": url,
                "totalCapacity": 100 * 1024 * GIB,
                "availableCapacity": 80 * 1024 * GIB,
                "totalPhysicalCapacity": 100 * 1024 * GIB,
                "availablePhysicalCapacity": 90 * 1024 * GIB,
                "systemUsedCapacity": 0,
                "type": kind,
                "state": state,
                "status": "Connected",
                "mountPath": url,
                "createDate": born,
                "lastOpDate": born,
                "attachedClusterUuids": json.dumps([CLUSTER]),
            },
        )


def _offering(tx: Tx) -> None:
    born = tx.now - 90 * DAY
    tx.insert(
        "offerings",
        {
            "uuid": OFFERING,
            "name": "disk-20g",
            "diskSize": 20 * GIB,
            "sortKey": 0,
            "state": "Enabled",
            "type": "DefaultDiskOfferingType",
            "createDate": born,
            "lastOpDate": born,
            "allocatorStrategy": "DefaultPrimaryStorageAllocationStrategy",
        },
    )


def _vms(tx: Tx) -> None:
    for number, (uuid, name, state, changed) in enumerate(
        (
            (DB_1, "db-1", "Running", 20 * DAY),
            (WEB_1, "web-1", "Stopped", 3 * DAY),
            (OLD_APP, "old-app", "Destroyed", 5 * HOUR),
            (WEB_2, "web-2", "Destroyed", 4 * HOUR),
        ),
        start=1,
    ):
        born, at = tx.now - 60 * DAY, tx.now - changed
        common = {"vmInstanceUuid": uuid, "createDate": born, "lastOpDate": born}
        drive = common | {
            "uuid": f"cd400000c0de4b1e8a5efeedbead{number:04x}",
            "deviceId": 0,
            "name": f"vm-{uuid}-cdRom",
        }
        tx.insert("owners", {"resourceUuid": uuid, "accountUuid": ADMIN})
        tx.insert(
            "vms",
            _vm(uuid, name, state)
            | {
                "createDate": born,
                "lastOpDate": at,
                "vmNics": json.dumps([_nic(number, common, has_address=state != "Destroyed")]),
                "vmCdRoms": json.dumps([drive]),
            },
        )


def _nic(number: int, common: dict[str, Any], *, has_address: bool) -> dict[str, Any]:
    """Return the NIC of a VM; that of a destroyed one has lost its address."""
    uuid = f"21c00000c0de4b1e8a5efeedbead{number:04x}"
    address: dict[str, Any] = {"ip": f"10.0.0.{10 + number}", "netmask": "255.255.255.0", "gateway": "10.0.0.1"}
    used = {"uuid": f"1d000000c0de4b1e8a5efeedbead{number:04x}", "l3NetworkUuid": NETWORK} | address
    dates = {name: common[name] for name in ("createDate", "lastOpDate")}
    return {
        "uuid": uuid,
        "vmInstanceUuid": common["vmInstanceUuid"],
        "l3NetworkUuid": NETWORK,
        "mac": f"fa:0c:b4:6e:7f:{number:02x}",
        "hypervisorType": "KVM",
        **(address | {"usedIpUuid": used["uuid"]} if has_address else {}),
        "driverType": "virtio",
        "usedIps": [used | {"vmNicUuid": uuid} | dates] if has_address else [],
        "internalName": f"vnic{number}.0",
        "deviceId": 0,
        "type": "VNIC",
        "state": "enable",
        **dates,
    }


def _vm(uuid: str, name: str, state: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "zoneUuid": ZONE,
        "clusterUuid": CLUSTER,
        "imageUuid": IMAGE,
        "hostUuid": HOST if state == "Running" else None,
        "lastHostUuid": HOST,
        "instanceOfferingUuid": INSTANCE,
        "platform": "Linux",
        "architecture": "x86_64",
        "defaultL3NetworkUuid": NETWORK,
        "type": "UserVm",
        "hypervisorType": "KVM",
        "memorySize": 4 * GIB,
        "reservedMemorySize": 0,
        "cpuNum": 2,
        "cpuSpeed": 0,
        "allocatorStrategy": "LeastVmPreferredHostAllocatorStrategy",
        "state": state,
        "guestOsType": "CentOS",
    }
