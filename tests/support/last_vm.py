"""What zvol says of the VM that a volume of an old server was last on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.fake_server import SESSION
from tests.support.old_server import HOUR, VM, VOLUME, OldServer
from tests.support.process import Ran, environment
from tests.support.profiles import fast
from tests.support.warm import run

COMMAND = fast(6)
VERSION, PUT, POST = "getVersion", "recoverDataVolume", "POST"
SINCE = "may have been on another VM since"


def zvol(server: OldServer, home: Path, *arguments: str) -> Ran:
    server.zone = (200, {"timezone": "Asia/Shanghai", "offset": "+08:00", "success": True})
    server.seen.clear()
    return run(arguments, environment(home, {"ZVOL_HOST": server.host, "ZVOL_SESSION": SESSION}), command=COMMAND)


def remembered(server: OldServer, apart: float | None, **fields: Any) -> dict[str, Any]:
    """Return what a server remembers of a volume that it deleted two hours ago, `apart` seconds after a detach."""
    dates = {} if apart is None else {"lastDetachDate": server.local(2 * HOUR + apart)}
    return {"lastVmInstanceUuid": VM} | dates | fields


def cell(server: OldServer, home: Path, name: str = "data") -> str:
    """Return what the list shows of the VM that a volume was last on."""
    ran = zvol(server, home, "list", "--columns", "name,last-vm")
    [line] = [line for line in ran.out.splitlines() if line.startswith(name)]
    return line.removeprefix(name).strip()


def notes(server: OldServer, home: Path) -> str:
    return "\n".join(line for line in zvol(server, home, "show", VOLUME).out.splitlines() if " VM" in line)


def reattached(server: OldServer, home: Path) -> tuple[int, str, str]:
    """Recover the volume and attach it again; return the exit code, the warning and its VM."""
    ran = zvol(server, home, "recover", VOLUME, "--reattach", "-o", "ndjson")
    result = ran.json()
    assert result["outcome"] == "recovered"
    assert server.stored[0]["status"] == "Ready"
    first = [number for number, one in enumerate(server.seen) if VERSION in one[1]]
    put = [number for number, one in enumerate(server.seen) if PUT in one[1]]
    assert not first or put[0] < first[0], "the version is never asked for before the PUT"
    return ran.code, " ".join(result["warnings"]), result["inventory"]["vmInstanceUuid"] or ""
