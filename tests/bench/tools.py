"""What the benchmarks share: a process that is measured, a sandbox of its own, and the report."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

PYTHON = sys.executable
ZVOL = str(Path(PYTHON).with_name("zvol"))
CONCURRENCY = 16
BATCH = 100
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that `ru_maxrss` counts in


@dataclass(frozen=True, slots=True)
class Run:
    """One successful process: seconds of wall clock and of CPU, its peak size in bytes, its standard error."""

    wall: float
    cpu: float
    size: int
    stderr: str


def run(argv: Sequence[str], env: Mapping[str, str], stdin: str = "") -> Run:
    """Run a command to its end; a failure ends the measurement."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        began = time.perf_counter()
        child = subprocess.Popen(argv, stdin=given, stdout=out, stderr=err, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        errors = err.read().decode(errors="replace")
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}:\n{errors[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MAXRSS_UNIT, errors)


def environment(home: Path) -> dict[str, str]:
    """Return an environment without the user's own settings."""
    home.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LC_ALL": "C.UTF-8"}


# ---- the sandbox -----------------------------------------------------------------------------------------------------
class Cloud:
    """A sandbox in a process of its own, used through its API; `env` is the environment for its clients."""

    def __init__(self, host: str, session: str, home: Path) -> None:
        self._url = urlsplit(host)
        self._session = session
        self.env = environment(home) | {"ZVOL_HOST": host, "ZVOL_SESSION": session}

    def request(self, method: str, path: str, query: Sequence[tuple[str, str]]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=60)
        try:
            target = f"{self._url.path}{path}?{urlencode(query)}"
            connection.request(method, target, headers={"Authorization": f"OAuth {self._session}"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 202):
            raise SystemExit(f"{method} {path}: {answer.status} {body.decode(errors='replace')}")
        found: dict[str, Any] = json.loads(body)
        return found

    def added(self) -> list[str]:
        """Return the UUIDs of the volumes that were added to the sandbox's own."""
        query = [("q", "name~=bulk-%"), ("fields", "uuid"), ("limit", "100000")]
        return [volume["uuid"] for volume in self.request("GET", "/v1/volumes", query)["inventories"]]

    def settle(self, uuids: Sequence[str], *, deleted: bool) -> None:
        """Wait until all volumes are deleted, or none is."""
        until = time.monotonic() + 600
        for start in range(0, len(uuids), BATCH):
            part = uuids[start : start + BATCH]
            query = [("q", "uuid?=" + ",".join(part)), ("fields", "uuid,status"), ("limit", str(BATCH))]
            while True:
                volumes = self.request("GET", "/v1/volumes", query)["inventories"]
                if len(volumes) == len(part) and all((v["status"] == "Deleted") == deleted for v in volumes):
                    break
                if time.monotonic() > until:
                    raise SystemExit(f"volumes are not {'deleted' if deleted else 'back'} after ten minutes")
                time.sleep(0.05)

    def delete(self, *uuids: str) -> None:
        """Delete volumes once they are back, and wait until they are deleted."""
        self.settle(uuids, deleted=False)
        mode = [("deleteMode", "Permissive")]
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(lambda uuid: self.request("DELETE", f"/v1/volumes/{uuid}", mode), uuids))
        self.settle(uuids, deleted=True)


@contextmanager
def cloud(directory: Path, extra: int = 0, options: Sequence[str] = ()) -> Iterator[Cloud]:
    """Serve a new sandbox with `extra` additional deleted volumes until the context ends."""
    command = [ZVOL, "sandbox", "serve", "--port", "0", *(("--extra", str(extra)) if extra else ()), *options]
    env = environment(directory / "server")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert server.stdout is not None
        exported = dict(re.findall(r"export (\w+)=(\S+)", server.stdout.readline() + server.stdout.readline()))
        if {"ZVOL_HOST", "ZVOL_SESSION"} - set(exported):
            raise SystemExit("the sandbox did not start")
        yield Cloud(exported["ZVOL_HOST"], exported["ZVOL_SESSION"], directory / "client")
    finally:
        server.terminate()
        server.communicate(timeout=30)


class Report:
    """Prints the measurements; `missed` counts the targets that were not reached."""

    missed = 0

    def add(self, what: str, value: float, detail: str, target: str = "") -> None:
        """Add a measurement; `target` is such as `<= 1.30`, without one it is only shown."""
        mark = "-"
        if target:
            sign, limit = target.split()
            reached = value <= float(limit) if sign == "<=" else value >= float(limit)
            self.missed += not reached
            mark = "ok" if reached else "MISSED"
        print(f"{mark:<6} {what:<34} {value:8.2f}  {target:<8} {detail}", flush=True)
