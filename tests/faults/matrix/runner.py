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
from tests.support.kinds import VMS, VOLUMES, Kind, extra_root
from tests.support.process import Ran, Sandbox, environment, run
from tests.support.profiles import fast, profile
from tests.support.sandbox_faults import plant
from zvol.sandbox import advance
from zvol.sandbox.store import Store

RATE = 25.0
"""Seconds of zvol's clock in a real one; on a busy machine zvol may look too slow to itself."""

TIMEOUT, SETTLE, API = 100, 5, 10
"""Seconds of zvol's clock: --timeout, settle_wait, api_timeout."""

DOWN = 0.2
TARGETS = 6000
Place = tuple[Kind, tuple[str, ...]]
"""A kind of targets, and the options of the sandbox that they are in."""


class Runner:
    """What cases that run one after the other share; targets are used once, and there are so many in a sandbox.

    A VM's timeout counts twice: the one of zvol's is such that both kinds have the same quiet period.
    """

    def __init__(self, folder: Path, targets: int = TARGETS, rate: float = RATE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.targets, self.rate = folder, targets, rate
        self.zvol = fast(rate, vm_timeout=API / 2)
        self.clouds: dict[Place, Sandbox] = {}
        self.used: dict[Place, int] = {}
        self.cases = 0
        self.offset = 0.0
        self.trap = socket.create_server(("127.0.0.1", 0))

    def close(self) -> None:
        self.trap.close()
        for cloud in self.clouds.values():
            cloud.stop()

    @property
    def trap_place(self) -> str:
        return f"127.0.0.1:{self.trap.getsockname()[1]}"

    def trapped(self) -> bool:
        """Tell whether anybody came to where the `location` of a 202 and redirects point."""
        return bool(select.select([self.trap], [], [], 0)[0])

    def cloud(self, place: Place) -> Sandbox:
        """Return the running sandbox of a place."""
        if place not in self.clouds:
            kind, options = place
            always = ("--faults", "--job-time", "0.05", "--location", self.trap_place)
            folder = self.folder / f"cloud-{len(self.clouds)}"
            folder.mkdir()
            number = "20" if "--few" in options else str(self.targets)
            made = Sandbox(folder, (*always, kind.option, number, *(o for o in options if o != "--few")))
            made.start()
            made.options = (*always, *(o for o in options if o != "--few"))  # a restart finds the same cloud
            self.clouds[place], self.used[place] = made, 0
        return self.clouds[place]

    def take(self, place: Place, number: int) -> list[str]:
        """Return deleted targets that nobody has used before."""
        first = self.used[place] + 1
        self.used[place] += number
        assert self.used[place] <= self.targets
        return [place[0].uuid(one) for one in range(first, first + number)]

    def prepare(self, case: Case, *, real: bool = False) -> CaseRun:
        self.cases += 1
        place = case.kind, case.sandbox
        cloud = self.cloud(place)
        targets = self.take(place, case.targets) if case.command == "recover" else []
        return CaseRun(self, case, cloud, targets, self.folder / f"home-{self.cases}", log_in(cloud), real)


@dataclass
class CaseRun:
    """One case as it runs.  The bad target is the third one, if there are three."""

    runner: Runner
    case: Case
    cloud: Sandbox
    targets: list[str]
    home: Path
    session: str
    real: bool
    between: Proxy | None = None
    origin: int = 0
    broken: Exception | None = None

    @property
    def bad(self) -> str:
        return self.targets[min(2, len(self.targets) - 1)] if self.targets else ""

    @property
    def kind(self) -> Kind:
        return self.case.kind

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
        """Return a rule with the places and targets of this case_run."""
        page = rule.page.replace(b"TRAP", self.runner.trap_place.encode())
        of_vms = self.kind is VMS and rule.kind in ("read", "look", "back", "list")
        kind = f"vm-{rule.kind}" if of_vms else rule.kind
        return replace(rule, kind=kind, volume=self.bad if rule.volume else "", page=page)

    def _run(self, host: str, arguments: Sequence[str]) -> Ran:
        if arguments[0] == "login":
            env = environment(self.home, {"ZSTACK_ACCOUNT_PASSWORD": "password", "ZVOL_HOST": host})
        else:
            env = profile(self.home, host, self.session, settle_wait=SETTLE, api_timeout=API, timeout=TIMEOUT)
        return (run if self.real else warm.run)(arguments, env, command=self.runner.zvol, timeout=60)

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
            "crash-half": self._crash_half,
            "root-back": self._recover_root,
            "root-gone": lambda: self._database("DELETE FROM volumes WHERE uuid = ?", self._root),
            "half-destroyed": lambda: self._database("UPDATE vms SET state = 'Stopped' WHERE uuid = ?", self.bad),
        }

    def _crash(self) -> None:
        self.cloud.end()
        self.cloud.note_crash()
        self.cloud.start()

    def _crash_done(self) -> None:
        self._wait()
        self._crash()

    def _crash_half(self) -> None:
        self._wait("lost")
        self._crash()

    def _handover(self) -> None:
        """Another management node on the same database takes over."""
        assert self.between is not None
        other = Sandbox(self.cloud.folder, self.cloud.options)
        other.start()
        self.between.target = ("127.0.0.1", other.port)
        self.cloud.end()
        self.cloud.note_crash()
        self.runner.clouds[self.kind, self.case.sandbox] = self.cloud = other

    def _down(self) -> None:
        assert self.between is not None
        self.between.down(DOWN)

    def _wait(self, event: str = "ended") -> None:
        """Wait until the server has done what it accepted."""
        until = time.monotonic() + 60
        while not self.events(event, self.bad) and time.monotonic() < until:
            time.sleep(0.005)

    def _later(self) -> None:
        """Let the server's clock go on: its dates have no smaller unit than a second."""
        self.runner.offset += 2
        for cloud in self.runner.clouds.values():
            advance(cloud.directory, self.runner.offset)

    def _act(self, key: str, **values: str) -> Any:
        """Do something with the bad target; returns the body of its job, None when it was refused."""
        answer = self.cloud.call("PUT", f"{self.kind.path}/{self.bad}/actions", {key: values})
        return self.cloud.job(answer) if answer[0] == 202 else None

    def _operator(self) -> None:
        """Somebody else recovers it, whether or not it is back by now."""
        self._act(self.kind.recovery)

    def _delete(self) -> None:
        self._later()
        assert self.cloud.job(self.cloud.call("DELETE", f"{self.kind.path}/{self.bad}")) == {}

    def _delete_again(self) -> None:
        self._wait()
        self._delete()

    def _recover_and_delete(self) -> None:
        assert "inventory" in self._act(self.kind.recovery)
        self._delete()

    def _rename(self) -> None:
        self._later()
        assert "inventory" in self._act(self.kind.update, name="another name")

    def _expunge(self) -> None:
        assert self._act(self.kind.expunge) == {}

    def _recover_root(self) -> None:
        """Somebody recovers the root volume of the VM alone, as the server allows it."""
        body = {VOLUMES.recovery: dict[str, str]()}
        assert "inventory" in self.cloud.job(self.cloud.call("PUT", f"{VOLUMES.path}/{self._root}/actions", body))

    @property
    def _root(self) -> str:
        return extra_root(int(self.bad[-12:], 16))

    def _database(self, sql: str, uuid: str) -> None:
        """Change what no API changes."""
        store = Store(self.cloud.directory)
        with store.write() as tx:
            tx.run(sql, uuid)
        store.close()

    # ---- the truth -----------------------------------------------------------------------------------------------
    def events(self, name: str = "", target: str = "") -> list[dict[str, Any]]:
        """Return what the ledger says since the case began."""
        found = [one for one in self.cloud.recoveries(self.origin) if one["uuid"] in self.targets]
        return [one for one in found if name in ("", one["event"]) and target in ("", one["uuid"])]

    def deleted(self) -> dict[str, bool | None]:
        """Tell of each target whether it is deleted, None when it is no more."""
        return self.kind.all_deleted(self.cloud, self.targets)


def log_in(cloud: Sandbox) -> str:
    digest = hashlib.sha512(b"password").hexdigest()
    body = {"logInByAccount": {"accountName": "admin", "password": digest}}
    return str(cloud.call("PUT", "/v1/accounts/login", body)[1]["inventory"]["uuid"])
