"""A plain client for a sandbox, and a sandbox in a process of its own that can be killed."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.contract.capture import Answer
from tests.support.sandbox_server import ExtendedServer, Options
from zvol.sandbox import embedded
from zvol.sandbox.store import Store, Tx

RECOVER: dict[str, Any] = {"recoverDataVolume": {}}
PG_DATA = "d0a7a5e0c0de4b1e8a5efeedbead0001"
READY = "d0a7a5e0c0de4b1e8a5efeedbead000e"
NEVER_USED = "d0a7a5e0c0de4b1e8a5efeedbead0008"
WEB_2 = "50e70000c0de4b1e8a5efeedbead0004"
ROOT = "d0a7a5e0c0de4b1e8a5efeedbead0011"
RETAINED = "d0a7a5e0c0de4b1e8a5efeedbead0012"
DELETED = "d0a7a5e0c0de4b1e8a5efeedbead0013"
DETACHED = "d0a7a5e0c0de4b1e8a5efeedbead0014"
"""The seeded accident: a destroyed VM, its root volume, and the data volumes that were on it."""

_SERVE = """
import sys
from pathlib import Path
from zvol.sandbox import Switches, serve
switches = Switches(job_time=float(sys.argv[3]), version=sys.argv[5])
serve(Path(sys.argv[1]), ledger=Path(sys.argv[2]), switches=switches, out=sys.stdout, extra=int(sys.argv[4]))
"""


def extra(number: int) -> str:
    """Return the uuid of the n-th bulk volume; repeated here so that a change of it is noticed."""
    return f"b0a70000c0de4b1e8a5e{number:012x}"


class Client:
    """One connection, one session; answers are not interpreted."""

    def __init__(self, host: str, session: str) -> None:
        parts = urlsplit(host)
        self.context, self.session = parts.path, session
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=60)

    def close(self) -> None:
        self.connection.close()

    def raw(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send exactly this; `headers` are written with `_` for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, self.context + path, body, fields)
        response = self.connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        headers.setdefault("Authorization", f"OAuth {self.session}")
        return self.raw(method, path, None if body is None else json.dumps(body).encode(), **headers)

    def query(self, path: str, *conditions: str, **options: str) -> Answer:
        pairs = [("q", text) for text in conditions] + list(options.items())
        return self.send("GET", f"{path}?" + "&".join(f"{name}={quote(text, safe='')}" for name, text in pairs))

    def recover(self, uuid: str, **headers: str) -> Answer:
        return self.send("PUT", f"/v1/volumes/{uuid}/actions", RECOVER, **headers)

    def job(self, job: str | None) -> Answer:
        return self.raw("GET", f"/v1/api-jobs/{job}")

    def end(self, answer: Answer) -> Answer:
        """Return the last answer of the job that an answer names."""
        assert answer.status == 202, answer
        until = time.monotonic() + 60
        while (found := self.job(answer.job)).status == 202:
            assert time.monotonic() < until
            time.sleep(0.002)
        return found

    def vm(self, uuid: str) -> dict[str, Any] | None:
        found = self.send("GET", f"/v1/vm-instances/{uuid}").json["inventories"]
        return found[0] if found else None

    def state(self, vm: str) -> str | None:
        row = self.vm(vm)
        return None if row is None else str(row["state"])

    def act(self, vm: str, action: str, **headers: str) -> Answer:
        """Send an action on a VM."""
        return self.send("PUT", f"/v1/vm-instances/{vm}/actions", {action: {}}, **headers)

    def destroy(self, vm: str) -> Answer:
        """Destroy a VM and return the end of the job."""
        return self.end(self.send("DELETE", f"/v1/vm-instances/{vm}"))

    def attach(self, volume: str, vm: str) -> Answer:
        return self.send("POST", f"/v1/volumes/{volume}/vm-instances/{vm}", {})

    def volume(self, uuid: str) -> dict[str, Any] | None:
        found = self.send("GET", f"/v1/volumes/{uuid}").json["inventories"]
        return found[0] if found else None

    def status(self, uuid: str) -> str | None:
        row = self.volume(uuid)
        return None if row is None else str(row["status"])

    def config(self, name: str, value: str, category: str = "volume") -> Answer:
        path = f"/v1/global-configurations/{category}/{name}/actions"
        return self.end(self.send("PUT", path, {"updateGlobalConfig": {"value": value}}))


def log_in(client: Client, name: str, password: str = "password") -> Client:
    """Return a client on a connection of its own with the session of another account."""
    import hashlib

    digest = hashlib.sha512(password.encode()).hexdigest()
    body = {"logInByAccount": {"accountName": name, "password": digest}}
    answer = client.send("PUT", "/v1/accounts/login", body)
    connection = client.connection
    return Client(f"http://{connection.host}:{connection.port}{client.context}", answer.json["inventory"]["uuid"])


class Process:
    """A sandbox in a process of its own."""

    def __init__(self, directory: Path, *, job_time: float = 0.12, volumes: int = 0, version: str = "5.2.1") -> None:
        self.ledger = directory / "ledger"
        given = [str(directory), str(self.ledger), str(job_time), str(volumes), version]
        command = [sys.executable, "-c", _SERVE, *given]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout is not None
        lines = [self.child.stdout.readline() for _ in range(2)]
        names, values = zip(*(line.removeprefix("export ").strip().split("=", 1) for line in lines), strict=True)
        assert names == ("ZVOL_HOST", "ZVOL_SESSION"), lines
        self.host, self.session = values

    def client(self) -> Client:
        return Client(self.host, self.session)

    def end(self, how: signal.Signals) -> int:
        self.child.send_signal(how)
        code = self.child.wait(60)
        assert self.child.stdout is not None
        self.child.stdout.close()
        return code


@contextlib.contextmanager
def process(directory: Path, **options: Any) -> Iterator[Process]:
    """Run a sandbox in a process of its own; it may have ended before the context does."""
    running = Process(directory, **options)
    try:
        yield running
    finally:
        if running.child.poll() is None:
            running.end(signal.SIGKILL)


def events(ledger: Path) -> list[dict[str, Any]]:
    """Return the events of a ledger, in their order."""
    found = [json.loads(line) for line in ledger.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return sorted(found, key=lambda event: int(event["seq"]))


def wait_for_last(ledger: Path, event: str) -> None:
    """Wait until this is the last event of a ledger: the last one of a job may be written after its answer is there."""
    wait_for(lambda: events(ledger)[-1]["event"] == event)


@contextlib.contextmanager
def running(directory: Path, **switches: object) -> Iterator[Client]:
    """Run a sandbox with these switches, and `ledger` in its directory; jobs take 10 ms unless told otherwise."""
    made = Options(**({"job_time": 0.01, "check_pause": 0} | switches))  # type: ignore[arg-type]
    with embedded(directory, made, ledger=directory / "ledger", server_class=ExtendedServer) as cloud:
        client = Client(cloud.host, cloud.session)
        try:
            yield client
        finally:
            client.close()


@contextlib.contextmanager
def database(directory: Path) -> Iterator[Tx]:
    """Read and change in a sandbox's directory what no API does."""
    store = Store(directory)
    try:
        with store.write() as tx:
            yield tx
    finally:
        store.close()


def wait_for(found: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not found():
        assert time.monotonic() < until
        time.sleep(0.01)
