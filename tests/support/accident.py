"""The accident of the sandbox: web-2 was destroyed, and what is true when it is whole again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.process import Sandbox

WEB_1 = "50e70000c0de4b1e8a5efeedbead0002"
OLD_APP = "50e70000c0de4b1e8a5efeedbead0003"
WEB_2 = "50e70000c0de4b1e8a5efeedbead0004"
ROOT_2 = "d0a7a5e0c0de4b1e8a5efeedbead0011"
ASSETS = "d0a7a5e0c0de4b1e8a5efeedbead0012"
UPLOADS = "d0a7a5e0c0de4b1e8a5efeedbead0013"
IMPORT = "d0a7a5e0c0de4b1e8a5efeedbead0014"
"""ASSETS was on it and stayed, UPLOADS was on it and was deleted with it, IMPORT had been detached before."""

SOON_VMS = "6d20h"
"""Longer than web-2 and old-app have left in the seeded cloud; its volumes are kept for three days."""
RINGS = "about to be gone for good: `zvol list --vms`"
"""What the alarm says of VMs."""

DESTROYED = {"vm": "Destroyed", "root": "Deleted", "assets": None, "uploads": "Deleted", "import": None}
WHOLE = {"vm": "Stopped", "root": "Ready", "assets": WEB_2, "uploads": WEB_2, "import": None}
"""Of a volume: the VM that it is on, or its status where that is not Ready."""


def state(cloud: Sandbox) -> dict[str, str | None]:
    """Return what there is of web-2; None is a volume that is Ready and on no VM."""
    named = {"assets": ASSETS, "uploads": UPLOADS, "import": IMPORT}
    root = volume(cloud, ROOT_2)["status"]
    return {"vm": vm(cloud)["state"], "root": root, **{name: _place(cloud, uuid) for name, uuid in named.items()}}


def vm(cloud: Sandbox, uuid: str = WEB_2) -> dict[str, Any]:
    [found] = cloud.call("GET", f"/v1/vm-instances/{uuid}")[1]["inventories"]
    return dict(found)


def volume(cloud: Sandbox, uuid: str) -> dict[str, Any]:
    [found] = cloud.call("GET", f"/v1/volumes/{uuid}")[1]["inventories"]
    return dict(found)


def _place(cloud: Sandbox, uuid: str) -> str | None:
    found = volume(cloud, uuid)
    return found.get("vmInstanceUuid") if found["status"] == "Ready" else found["status"]


def destroy(cloud: Sandbox, uuid: str = WEB_2) -> None:
    cloud.job(cloud.call("DELETE", f"/v1/vm-instances/{uuid}"))


def recover(cloud: Sandbox, uuid: str = WEB_2) -> None:
    cloud.job(cloud.call("PUT", f"/v1/vm-instances/{uuid}/actions", {"recoverVmInstance": {}}))


def rename(cloud: Sandbox, name: str, uuid: str = WEB_2) -> None:
    cloud.job(cloud.call("PUT", f"/v1/vm-instances/{uuid}/actions", {"updateVmInstance": {"name": name}}))


def database(cloud: Sandbox, *statements: str) -> None:
    """Change what no API changes."""
    with closing(sqlite3.connect(folder(cloud) / "cloud.db", timeout=20)) as db, db:
        for statement in statements:
            db.execute(statement)


def folder(cloud: Sandbox) -> Path:
    return cloud.directory
