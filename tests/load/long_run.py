"""One long recovery with network faults, two crashes of the server and three kills of zvol, checked by the ledger.

Of volumes, or of VMs: with each comes a data volume that was deleted with it, and one that stayed, attached again.
"""

from __future__ import annotations

import json
import queue
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.kinds import VOLUMES, Kind, deleted_with, kept_with
from tests.support.network_faults import LATE_SECONDS, FaultInjector, network_faults
from tests.support.process import Sandbox, sandbox
from tests.support.profiles import fast, profile

RATES = {"volume": 4, "vm": 10}
"""How many times faster the clock of zvol is; the quiet time of a VM is ten minutes long."""

ENDED_WELL = ("recovered", "already")
RUN_TIMEOUT = 900.0
"""Seconds of real time after which a single run of zvol counts as stuck."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many of which kind, and at which shares of what is reported the server crashes and zvol is killed."""

    number: int
    seed: int
    share: float = 0.05
    kind: Kind = VOLUMES
    crashes: tuple[float, ...] = (0.25, 0.65)
    kills: tuple[float, ...] = (0.15, 0.45, 0.8)


@dataclass
class Figures:
    """The measurements of a run and the violations found; `apart` are volumes that are not on their VM again."""

    seconds: float = 0.0
    requests: int = 0
    faults: int = 0
    in_flight: int = 0
    megabytes: float = 0.0
    journal_megabytes: float = 0.0
    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [*self.lost[:5], *self.twice[:5], *self.false[:5], *self.apart[:5]]


class LongRun:
    """`uuids` are to be recovered, all of `asked` are to be reported as well, and `on` are to be on a VM again.

    `reported` is the time of the first successful outcome of each.
    """

    def __init__(self, plan: Plan, cloud: Sandbox, between: FaultInjector, folder: Path) -> None:
        self.plan, self.cloud, self.between, self.folder = plan, cloud, between, folder
        self.chance = random.Random(plan.seed)
        self.named = [plan.kind.uuid(number) for number in range(1, plan.number + 1)]
        self.on = {} if plan.kind is VOLUMES else {of(vm): vm for vm in self.named for of in (kept_with, deleted_with)}
        self.uuids = [*self.named, *(volume for volume, vm in self.on.items() if volume == deleted_with(vm))]
        self.command = fast(RATES[plan.kind.name])
        self.figures = Figures()
        self.reported: dict[str, float] = {}
        self.crashes = [self._near(share) for share in plan.crashes]
        self.kills = [self._near(share) for share in plan.kills]
        self.env = self._home()

    def _near(self, share: float) -> int:
        return int(len({*self.uuids, *self.on}) * (share + self.chance.uniform(-0.05, 0.05)))

    def _home(self) -> dict[str, str]:
        host = self.cloud.host.replace(f":{self.cloud.port}/", f":{self.between.port}/")
        settle = int(1.5 * LATE_SECONDS * RATES[self.plan.kind.name])
        return profile(self.folder / "home", host, self.cloud.session, api_timeout=20, settle_wait=max(20, settle))

    # ---- the run -----------------------------------------------------------------------------------------------------
    def execute(self) -> Figures:
        """Recover, resume as often as it takes, and check the result."""
        began = time.monotonic()
        volumes = self.plan.kind is VOLUMES
        recover = ["recover", *(["-"] if volumes else ["--reattach", *self.plan.kind.arguments(self.named)])]
        self.run(*recover, "--timeout", "5h")
        for _ in range(12):
            if self.run("resume", "--timeout", "5h") == 0 and {*self.uuids, *self.on} <= self.reported.keys():
                break
            if not self.unfinished():
                self.run(*recover, "--timeout", "5h")
        self.figures.seconds = time.monotonic() - began
        self._check()
        return self.figures

    def unfinished(self) -> bool:
        """Return whether the journal has something left to resume."""
        runs = subprocess.run(
            [*self.command, "runs", "--json"], env=self.env, capture_output=True, text=True, timeout=60, check=True
        )
        return any(run["planned"] + run["pending"] + run["followUps"] for run in json.loads(runs.stdout))

    def run(self, *arguments: str) -> int:
        """Run zvol to its end, or to the next kill; returns its exit code."""
        self.figures.runs += 1
        with (self.folder / "stderr").open("a") as errors, (self.folder / "stdin").open("w+") as given:
            given.write("\n".join(self.named))
            given.seek(0)
            process = subprocess.Popen(
                [*self.command, *arguments, "-o", "ndjson"],
                env=self.env,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        lines: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(process, lines), daemon=True).start()
        seen = set[str]()
        until = time.monotonic() + RUN_TIMEOUT
        while (line := lines.get(timeout=max(0.1, until - time.monotonic()))) is not None:
            self._record(*line, seen)
            if len(seen) % 100 == 0:
                self.figures.megabytes = max(self.figures.megabytes, peak_megabytes(process.pid))
            if self.crashes and len(self.reported) >= self.crashes[0]:
                self.crashes.pop(0)
                threading.Thread(target=self._crash).start()
            if self.kills and len(self.reported) >= self.kills[0]:
                self.kills.pop(0)
                process.send_signal(signal.SIGKILL)
        return process.wait()

    def _read(self, process: subprocess.Popen[str], lines: queue.SimpleQueue[tuple[float, str] | None]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put((time.time(), line))
        lines.put(None)

    def _record(self, when: float, line: str, seen: set[str]) -> None:
        if not line.endswith("\n"):  # zvol was killed while it wrote
            return
        result: dict[str, Any] = json.loads(line)
        self.figures.outcomes[result["outcome"]] += 1
        if result["uuid"] in seen:
            self.figures.false.append(f"{result['uuid']} was reported twice by one run")
        seen.add(result["uuid"])
        if result["outcome"] in ENDED_WELL:
            self.reported.setdefault(result["uuid"], when)
        elif result["outcome"] not in ("unknown", "not-sent"):
            self.figures.false.append(f"{result['uuid']} was reported as {result['outcome']}")

    def _crash(self) -> None:
        self.cloud.end()
        self.cloud.note_crash()
        time.sleep(self.chance.uniform(0.2, 2.0))
        self.cloud.options = ()
        self.cloud.start()

    # ---- the checks --------------------------------------------------------------------------------------------------
    def _check(self) -> None:
        figures = self.figures
        back: dict[str, float] = {}
        for one in self.cloud.recoveries():
            if one["event"] == "ended":
                if one["uuid"] in back:
                    figures.twice.append(f"{one['uuid']} was executed twice")
                back.setdefault(one["uuid"], one["time"])
        try:
            self.cloud.never_two_alive()
        except AssertionError as error:
            figures.twice.append(f"two submissions alive: {error}")
        wanted = set(self.uuids)
        for uuid, when in self.reported.items():
            if uuid in wanted and back.get(uuid, when + 1) > when:
                figures.false.append(f"{uuid} was reported as recovered before it was")
        figures.lost = [uuid for uuid in self.uuids if uuid not in self.reported or uuid not in back]
        figures.apart = [uuid for uuid, vm in self.on.items() if self._vm_of(uuid) != vm]
        figures.requests = sum(self.between.requests.values())
        figures.faults = sum(self.between.faults.values())
        figures.in_flight = self.between.peak
        folder = Path(self.env["HOME"]) / ".local" / "state" / "zvol"
        figures.journal_megabytes = sum(file.stat().st_size for file in folder.glob("journal.db*") if file.is_file())
        figures.journal_megabytes /= 1e6

    def _vm_of(self, volume: str) -> str | None:
        vm: str | None = self.cloud.call("GET", f"/v1/volumes/{volume}")[1]["inventories"][0].get("vmInstanceUuid")
        return vm


def peak_megabytes(pid: int) -> float:
    """Return the peak size of a process; 0 where the system does not report it.

    Its ru_maxrss would not do: it begins with the size of the process that started it, and this one is large.
    """
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def run_plan(plan: Plan, folder: Path, options: Sequence[str] = ()) -> Figures:
    """Serve a sandbox with what the plan recovers, and execute the run against it."""
    with (
        sandbox(folder / "cloud", plan.kind.option, str(plan.number), *options) as cloud,
        network_faults(cloud.port, plan.seed, plan.share) as between,
    ):
        return LongRun(plan, cloud, between, folder).execute()
