"""Runs cases one after the other: a sandbox process for each kind of server, and zvol from a warm interpreter."""

from __future__ import annotations

import hashlib
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.matrix.case import Case
from tests.support import warm
from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.process import Ran, Sandbox, environment, run
from tests.support.profiles import fast, profile
from tests.support.sandbox_faults import plant
from zvol.sandbox import advance

RATE = 25.0
"""Seconds of zvol's clock in a real one."""

TIMEOUT, SETTLE, API = 100, 5, 10
"""Seconds of zvol's clock: --timeout, settle_wait, api_timeout."""

DOWN = 0.2
VOLUMES = 6000
REAL = fast(RATE)


class Runner:
    """What cases that run one after the other share; volumes are used once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clouds: dict[tuple[str, ...], Sandbox] = {}
        self.used: dict[tuple[str, ...], int] = {}
        self.cases = 0
        self.offset = 0.0
        self.trap = socket.create_server(("127.0.0.1", 0))

    def close(self) -> None:
        self.trap.close()
        for cloud in self.clouds.values():
            cloud.end()

    @property
    def trap_place(self) -> str:
        return f"127.0.0.1:{self.trap.getsockname()[1]}"

    def trapped(self) -> bool:
        """Tell whether anybody came to where the `location` of a 202 and redirects point."""
        return bool(select.select([self.trap], [], [], 0)[0])

    def cloud(self, options: tuple[str, ...]) -> Sandbox:
        """Return the running sandbox with these options."""
        if options not in self.clouds:
            always = ("--faults", "--job-time", "0.05", "--location", self.trap_place)
            folder = self.folder / f"cloud-{len(self.clouds)}"
            folder.mkdir()
            extra = "20" if "--few" in options else str(VOLUMES)
            made = Sandbox(folder, (*always, "--extra", extra, *(o for o in options if o != "--few")))
            made.start()
            made.options = (*always, *(o for o in options if o != "--few"))  # a restart finds the same cloud
            self.clouds[options], self.used[options] = made, 0
        return self.clouds[options]

    def take(self, options: tuple[str, ...], number: int) -> list[str]:
        """Return deleted volumes that nobody has used before."""
        first = self.used[options] + 1
        self.used[options] += number
        assert self.used[options] <= VOLUMES
        return [f"b0a70000c0de4b1e8a5e{one:012x}" for one in range(first, first + number)]

    def prepare(self, case: Case, *, real: bool = False) -> CaseRun:
        self.cases += 1
        cloud = self.cloud(case.sandbox)
        volumes = self.take(case.sandbox, case.volumes) if case.command == "recover" else []
        return CaseRun(self, case, cloud, volumes, self.folder / f"home-{self.cases}", log_in(cloud), real)


@dataclass
class CaseRun:
    """One case as it runs.  The bad volume is the third one, if there are three."""

    runner: Runner
    case: Case
    cloud: Sandbox
    volumes: list[str]
    home: Path
    session: str
    real: bool
    between: Proxy | None = None
    origin: int = 0
    broken: Exception | None = None

    @property
    def bad(self) -> str:
        return self.volumes[min(2, len(self.volumes) - 1)] if self.volumes else ""

    def execute(self, check: Callable[[CaseRun, Callable[[Sequence[str]], Ran]], None]) -> None:
        """Put the proxy up, plant what goes wrong, and let `check` run zvol as often as it wants."""
        case = self.case
        self.origin = self.cloud.ledger.stat().st_size
        if case.faults:
            plant(self.cloud.directory, self.bad, *case.faults)
        rules = [self._staged(rule) for rule in case.rules]
        with proxy(self.cloud.host, *rules, perform=self.perform) as (host, self.between):
            check(self, lambda arguments: self._run(host, arguments))

    def _staged(self, rule: Rule) -> Rule:
        """Return a rule with the places and volumes of this case_run."""
        page = rule.page.replace(b"TRAP", self.runner.trap_place.encode())
        return replace(rule, volume=self.bad if rule.volume else "", page=page)

    def _run(self, host: str, arguments: Sequence[str]) -> Ran:
        if arguments[0] == "login":
            env = environment(self.home, {"ZSTACK_ACCOUNT_PASSWORD": "password", "ZVOL_HOST": host})
        else:
            env = profile(self.home, host, self.session, settle_wait=SETTLE, api_timeout=API, timeout=TIMEOUT)
        return (run if self.real else warm.run)(arguments, env, command=REAL, timeout=60)

    # ---- what others do meanwhile --------------------------------------------------------------------------------
    def perform(self, act: str) -> None:
        """Do something that a rule names, at the moment of the request; what fails of it is a broken test."""
        try:
            self._acts()[act]()
        except Exception as error:
            self.broken = error

    def _acts(self) -> dict[str, Callable[[], object]]:
        return {
            "crash": self._crash,
            "crash-done": self._crash_done,
            "handover": self._handover,
            "down": self._down,
            "operator": self._operator,
            "delete-again": self._delete_again,
            "recover-and-delete": self._recover_and_delete,
            "rename": self._rename,
            "expunge": self._expunge,
            "logout": lambda: self.cloud.call("DELETE", f"/v1/accounts/sessions/{self.session}"),
            "wait": self._wait,
        }

    def _crash(self) -> None:
        self.cloud.end()
        self.cloud.note_crash()
        self.cloud.start()

    def _crash_done(self) -> None:
        self._wait()
        self._crash()

    def _handover(self) -> None:
        """Another management node on the same database takes over."""
        assert self.between is not None
        other = Sandbox(self.cloud.folder, self.cloud.options)
        other.start()
        self.between.target = ("127.0.0.1", other.port)
        self.cloud.end()
        self.cloud.note_crash()
        self.runner.clouds[self.case.sandbox] = self.cloud = other

    def _down(self) -> None:
        assert self.between is not None
        self.between.down(DOWN)

    def _wait(self) -> None:
        """Wait until the server has done what it accepted."""
        until = time.monotonic() + 5
        while not self.events("ended", self.bad) and time.monotonic() < until:
            time.sleep(0.005)

    def _later(self) -> None:
        """Let the server's clock go on: its dates have no smaller unit than a second."""
        self.runner.offset += 2
        for cloud in self.runner.clouds.values():
            advance(cloud.directory, self.runner.offset)

    def _operator(self) -> None:
        """Somebody else recovers it, whether or not it is back by now."""
        status, body = self.cloud.call("PUT", f"/v1/volumes/{self.bad}/actions", {"recoverDataVolume": {}})
        if status == 202:
            self.cloud.job((status, body))

    def _delete_again(self) -> None:
        self._wait()
        self._later()
        self.cloud.delete(self.bad)

    def _recover_and_delete(self) -> None:
        self.cloud.recover(self.bad)
        self._later()
        self.cloud.delete(self.bad)

    def _rename(self) -> None:
        self._later()
        self.cloud.rename(self.bad, "another name")

    def _expunge(self) -> None:
        self.cloud.job(self.cloud.call("PUT", f"/v1/volumes/{self.bad}/actions", {"expungeDataVolume": {}}))

    # ---- the truth -----------------------------------------------------------------------------------------------
    def events(self, name: str = "", volume: str = "") -> list[dict[str, Any]]:
        """Return what the ledger says since the case began."""
        found = [one for one in self.cloud.events(self.origin) if one["volume"] in self.volumes]
        return [one for one in found if name in ("", one["event"]) and volume in ("", one["volume"])]

    def statuses(self) -> dict[str, str | None]:
        """Return the status of each volume, None for one that is no more."""
        query = f"/v1/volumes?q=uuid?={','.join(self.volumes)}&fields=uuid,status"
        found = {one["uuid"]: one["status"] for one in self.cloud.call("GET", query)[1]["inventories"]}
        return {uuid: found.get(uuid) for uuid in self.volumes}


def log_in(cloud: Sandbox) -> str:
    digest = hashlib.sha512(b"password").hexdigest()
    body = {"logInByAccount": {"accountName": "admin", "password": digest}}
    return str(cloud.call("PUT", "/v1/accounts/login", body)[1]["inventory"]["uuid"])
