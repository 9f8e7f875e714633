"""Results of recoveries, and what a terminal shows of them besides."""

from __future__ import annotations

from typing import Any

from zvol.errors import ErrorCode, Exit, ZvolError
from zvol.model import VM, Outcome, Result, Volume
from zvol.render.values import Described
from zvol.vm_instance import VmInstance

DB, WEB, SSD = (
    "50e70000c0de4b1e8a5efeedbead0001",
    "50e70000c0de4b1e8a5efeedbead0002",
    "57042600c0de4b1e8a5efeedbead0001",
)
ATTACHED = "系统错误: 云盘[uuid:d0a7a5e0c0de4b1e8a5efeedbead0003]已经被加载上云主机了, 请先卸载后再执行恢复操作"


def uuid(number: int) -> str:
    return f"d0a7a5e0c0de4b1e8a5efeedbead{number:04x}"


def volume(number: int, name: str = "pg-data", **more: Any) -> Volume:
    fields = {"uuid": uuid(number), "name": name, "status": "Ready", "type": "Data", "size": 200 * 2**30}
    return Volume(uuid(number), fields | {"primaryStorageUuid": SSD, "lastVmInstanceUuid": DB} | more)


def recovered(number: int, name: str = "pg-data", outcome: Outcome = Outcome.RECOVERED, **more: Any) -> Result:
    return Result(name, uuid(number), outcome, resource=volume(number, name, **more))


def failed(number: int, name: str, message: str = "the server refused", hint: str = "Ask.", **more: Any) -> Result:
    fault = ErrorCode("SYS.1006", {"code": "SYS.1006", "details": ATTACHED})
    error = ZvolError(message, hint=hint, exit=Exit.FAILED, fault=fault)
    return Result(name, uuid(number), Outcome.FAILED, resource=volume(number, name), error=error, **more)


def vm(name: str = "web-2") -> Result:
    root = {"uuid": uuid(99), "type": "Root", "status": "Ready", "size": 40 * 2**30, "primaryStorageUuid": SSD}
    fields = {"uuid": WEB, "name": name, "state": "Stopped", "rootVolumeUuid": uuid(99), "allVolumes": [root]}
    machine = VmInstance(WEB, fields | {"cpuNum": 2, "memorySize": 4 * 2**30})
    return Result(name, WEB, Outcome.RECOVERED, resource=machine, target=VM)


def described(results: list[Result], **more: Any) -> Described:
    uuids = [one.uuid for one in results if one.uuid]
    known = {
        "vms": {DB: "db-1", WEB: "web-1"},
        "storages": {SSD: "local-ssd"},
        "unique": frozenset(uuids),
        "took": 0.43,
    }
    return Described(**(known | {"doubts": dict.fromkeys(uuids, "")} | more))  # type: ignore[arg-type]
