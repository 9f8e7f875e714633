"""The installed program in real processes, and a real `zvol sandbox serve` beside it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.support.warm import Process

PG_DATA = "d0a7a5e0c0de4b1e8a5efeedbead0001"
PG_WAL = "d0a7a5e0c0de4b1e8a5efeedbead0002"
ROOT = "d0a7a5e0c0de4b1e8a5efeedbead0009"
HOSTILE = "d0a7a5e0c0de4b1e8a5efeedbead0007"
READY = "d0a7a5e0c0de4b1e8a5efeedbead000b"
ZVOL = (sys.executable, "-m", "zvol")
SANDBOX = (sys.executable, "-m", "tests.support.sandbox_server")
ZVOL_SCRIPT = str(Path(sys.executable).with_name("zvol"))


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of zvol ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def error(self) -> Any:
        """Return the object on the last line of stderr."""
        return json.loads(self.err.splitlines()[-1])


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment like cron's: HOME, PATH, and what is given."""
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "PATH": os.environ["PATH"], **(more or {})}


def default_signals() -> None:
    """Undo in a child what a shell does to its background jobs, which it has ignore SIGINT, and nohup to SIGHUP."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is true; raises AssertionError when it does not become true in time."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: str = "",
    timeout: float = 60,
    command: Sequence[str] = ZVOL,
) -> Ran:
    """Run zvol to its end."""
    ended = subprocess.run(
        [*command, *arguments], env=dict(env), input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@dataclass
class Sandbox:
    """A sandbox in its own process; its ledger is the only truth.

    `command` serves it: that of the tests unless it is given, forked from a warm interpreter where that is possible.
    """

    folder: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: Process | subprocess.Popen[str] | None = None
    command: tuple[str, ...] = SANDBOX
    host: str = ""
    session: str = ""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def directory(self) -> Path:
        """Where it keeps its state."""
        return self.folder / ".local/state/zvol/sandbox"

    def start(self) -> None:
        from tests.support.warm import can_fork, start

        self.port = self.port or free_port()
        arguments = ["--port", str(self.port), "--ledger", str(self.ledger), *self.options]
        env, pipe = environment(self.folder), subprocess.PIPE
        if can_fork(self.command):
            self.process = start(arguments, env, stdout=pipe, stderr=2, command=self.command, reuse=True)
        else:
            self.process = subprocess.Popen([*self.command, *arguments], env=env, stdout=pipe, text=True)
        assert self.process.stdout is not None
        self.host = self.process.stdout.readline().strip().removeprefix("export ZVOL_HOST=")
        self.session = self.process.stdout.readline().strip().removeprefix("export ZVOL_SESSION=")
        assert self.host.startswith("http://127.0.0.1:"), self.host
        self.port = int(self.host.rpartition(":")[2].partition("/")[0])

    def stop(self) -> None:
        """End it in order, so that its process can serve another one; kill it if that takes long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.end(signal.SIGINT, 3)
        if self.process is not None:
            self.end()

    def end(self, number: int = signal.SIGKILL, seconds: float = 60) -> int:
        """Send a signal and wait; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    # ---- by hand, without zvol -----------------------------------------------------------------------------------
    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"OAuth {self.session}", "Connection": "close"}
        request = urllib.request.Request(self.host + path, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text.decode()

    def job(self, answer: tuple[int, Any]) -> Any:
        """Wait for the job of a 202 and return its body."""
        job = answer[1]["location"].rpartition("/")[2]
        until = time.monotonic() + 60
        while time.monotonic() < until:
            status, body = self.call("GET", f"/v1/api-jobs/{job}")
            if status != 202:
                return body
            time.sleep(0.01)
        raise AssertionError("the job does not end")

    def delete(self, uuid: str) -> None:
        assert self.job(self.call("DELETE", f"/v1/volumes/{uuid}")) == {}

    def recover(self, uuid: str) -> None:
        assert "inventory" in self.job(self.call("PUT", f"/v1/volumes/{uuid}/actions", {"recoverDataVolume": {}}))

    def rename(self, uuid: str, name: str) -> None:
        self.job(self.call("PUT", f"/v1/volumes/{uuid}/actions", {"updateVolume": {"name": name}}))

    def status(self, uuid: str) -> str | None:
        found = self.call("GET", f"/v1/volumes/{uuid}")[1]["inventories"]
        return found[0]["status"] if found else None

    # ---- the truth -----------------------------------------------------------------------------------------------
    def events(self, origin: int = 0, api: str = "recoverDataVolume") -> list[dict[str, Any]]:
        """Return what the ledger says of the calls of an API, from a byte on.

        Each has `event`, `job` and `volume`; those of `recoverVmInstance` have `vm`, of `attachDataVolumeToVm` both.
        """
        return [one for one in self._ledger(origin) if one["api"] == api]

    def _ledger(self, origin: int = 0) -> list[dict[str, Any]]:
        if not self.ledger.exists():
            return []
        with self.ledger.open() as file:
            file.seek(origin)
            return [json.loads(line) for line in file if line.endswith("\n")]

    def recoveries(self, origin: int = 0) -> list[dict[str, Any]]:
        """Return what the ledger says of recoveries of both kinds; `uuid` is the volume or the VM."""
        found = (one for one in self._ledger(origin) if one["api"] in ("recoverDataVolume", "recoverVmInstance"))
        return [one | {"uuid": one.get("volume") or one["vm"]} for one in found]

    def count(self, event: str, uuid: str) -> int:
        return sum(one["event"] == event and one["volume"] == uuid for one in self.events())

    def never_two_alive(self) -> None:
        """Nothing ever had two submissions that could still act, and none was executed twice in one deletion."""
        alive: dict[str, set[str]] = {}
        for one in self.recoveries():
            living = alive.setdefault(one["uuid"], set())
            if one["event"] == "accepted":
                living.add(one["job"])
                assert len(living) == 1, one
            elif one["event"] in ("ended", "refused", "crashed", "lost", "dropped"):
                living.discard(one["job"])

    def note_crash(self) -> None:
        """A killed server takes its queue with it."""
        alive = {one["job"]: one for one in self.recoveries() if one["event"] == "accepted"}
        for one in self.recoveries():
            if one["event"] in ("ended", "refused", "dropped"):
                alive.pop(one["job"], None)
        common = {"seq": 0, "time": time.time(), "event": "crashed"}
        with self.ledger.open("a") as file:
            file.writelines(json.dumps(one | common) + "\n" for one in alive.values())


@contextmanager
def sandbox(folder: Path, *options: str) -> Iterator[Sandbox]:
    """Serve a new sandbox in its own process for as long as the context lasts."""
    folder.mkdir(exist_ok=True)
    cloud = Sandbox(folder, options)
    cloud.start()
    try:
        yield cloud
    finally:
        if cloud.process is not None:
            cloud.stop()
