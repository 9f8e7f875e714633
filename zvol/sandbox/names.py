"""The fixed names and UUIDs of the sandbox's cloud, which documentation and tests rely on, and new UUIDs."""

from __future__ import annotations

import uuid
from typing import Final

ADMIN: Final = "36c27e8ff05c4780bf6d2fa65700f22e"
TENANT: Final = "7e4a27acc0de4b1e8a5efeedbead00aa"
TENANT_NAME: Final = "dev-team"
TENANT_PASSWORD: Final = "password"  # noqa: S105  (a sandbox has no secrets)
VIEWER: Final = "7e4a27acc0de4b1e8a5efeedbead00bb"
VIEWER_NAME: Final = "viewer"
GUEST: Final = "7e4a27acc0de4b1e8a5efeedbead00cc"
GUEST_NAME: Final = "guest"
"""Two more accounts with the tenant's password: some volumes of the admin are shared with them, and where a release
has roles, the viewer's allows queries only and the guest has none."""
USER: Final = "05e70000c0de4b1e8a5efeedbead00aa"
USER_NAME: Final = "operator"
"""An IAM user of the tenant, with the tenant's password."""
ACCESS_KEY: Final = "zvolSandboxKey000001"
ACCESS_SECRET: Final = "zvol-sandbox-secret"  # noqa: S105  (a sandbox has no secrets)
NODE: Final = "f1a57c0dec0d3b1e8a5efeedbead00f0"
OTHER_NODE: Final = "f1a57c0dec0d3b1e8a5efeedbead00f1"
HOST: Final = "50570000c0de4b1e8a5efeedbead0001"
CLUSTER: Final = "c1057e40c0de4b1e8a5efeedbead0001"
ZONE: Final = "20e00000c0de4b1e8a5efeedbead0001"
IMAGE: Final = "1a6e0000c0de4b1e8a5efeedbead0001"
NETWORK: Final = "13000000c0de4b1e8a5efeedbead0001"
OFFERING: Final = "d150ffe0c0de4b1e8a5efeedbead0001"
INSTANCE: Final = "1057ffe0c0de4b1e8a5efeedbead0001"

LOCAL: Final = "57042600c0de4b1e8a5efeedbead0001"
CEPH: Final = "57042600c0de4b1e8a5efeedbead0002"
DISABLED: Final = "57042600c0de4b1e8a5efeedbead0003"

DB_1: Final = "50e70000c0de4b1e8a5efeedbead0001"
WEB_1: Final = "50e70000c0de4b1e8a5efeedbead0002"
OLD_APP: Final = "50e70000c0de4b1e8a5efeedbead0003"
WEB_2: Final = "50e70000c0de4b1e8a5efeedbead0004"

GIB: Final = 1024**3
HOUR: Final = 3600
DAY: Final = 86400


def new_uuid() -> str:
    """Return a random UUID without dashes."""
    return uuid.uuid4().hex


def volume_uuid(number: int) -> str:
    """Return the UUID of the seeded volume with this number."""
    return f"d0a7a5e0c0de4b1e8a5efeedbead{number:04x}"


def extra_uuid(number: int) -> str:
    """Return the UUID of the bulk volume with this number, counted from 1."""
    return f"{0xB0A70000:08x}c0de4b1e8a5e{number:012x}"


def install_path(storage: str, account: str, volume: str, kind: str = "data") -> str:
    """Return where a storage keeps the volume."""
    if storage == CEPH:
        return f"ceph://pool-main/{volume}"
    return f"/zstack_ps/{kind}Volumes/acct-{account}/vol-{volume}/{volume}.qcow2"
