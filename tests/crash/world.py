"""A sandbox with many deleted volumes or VMs, interrupted processes of zvol, and what must be true after it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.kinds import KINDS, VOLUMES, Kind, deleted_with
from tests.support.process import Ran, Sandbox, default_signals, sandbox
from tests.support.profiles import RATE, fast, profile
from tests.support.warm import REUSABLE, Process, can_fork, start
from zvol.errors import Exit, most_severe

EXITS = {
    "recovered": Exit.OK,
    "already": Exit.OK,
    "unknown": Exit.UNKNOWN,
    "contradicted": Exit.CONTRADICTED,
    "busy": Exit.BUSY,
}
ERRORS = {"ZVOL.LOCAL": Exit.LOCAL, "ZVOL.UNREACHABLE": Exit.UNREACHABLE}
Started = subprocess.Popen[str]
API_TIMEOUT = 12
CLAIMED = "commit:2:after:SIGKILL"
"""The end of a run that has claimed its volumes, after the commit of its beginning, and has sent nothing."""
SIGNALLED = (Exit.SIGINT, Exit.SIGTERM, Exit.SIGHUP)


@dataclass
class World:
    """`cloud` is the server; every case takes targets of its own, all of one kind, and a home of its own.

    `rate` is how fast the clock of zvol runs.  A VM's timeout counts twice: it is such that the quiet periods of both
    kinds are the same.
    """

    cloud: Sandbox
    folder: Path
    kind: Kind = VOLUMES
    rate: float = RATE
    used: int = 0
    homes: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def targets(self, number: int) -> list[str]:
        """Return deleted targets that nobody has used yet."""
        first = self.used + 1
        self.used += number
        return [self.kind.uuid(one) for one in range(first, first + number)]

    def recover(self, targets: Sequence[str], *options: str) -> list[str]:
        """Return the command that recovers targets."""
        return ["recover", *self.kind.arguments(targets), *options, "-o", "ndjson"]

    def with_them(self, targets: Sequence[str]) -> list[str]:
        """Return all that can be recovered of targets: VMs, and the volumes that were deleted with them."""
        return [*targets] if self.kind is VOLUMES else [one for vm in targets for one in (vm, deleted_with(vm))]

    @property
    def fast(self) -> tuple[str, ...]:
        return self.fast_at(self.rate)

    def fast_at(self, rate: float) -> tuple[str, ...]:
        return fast(rate, vm_timeout=API_TIMEOUT / 2)

    def shim(self, plan: object) -> tuple[str, ...]:
        """Return the command of a zvol that is ended by a plan."""
        return (sys.executable, "-m", "tests.support.shim", self.fast[-1], str(plan))

    def home(self, host: str | None = None) -> dict[str, str]:
        """Return the environment of a user who has never run zvol, on a machine of their own."""
        self.homes += 1
        home = self.folder / f"home-{self.homes}"
        return profile(home, host or self.cloud.host, self.cloud.session, settle_wait=6, api_timeout=API_TIMEOUT)

    # ---- processes -----------------------------------------------------------------------------------------------
    def start(self, env: dict[str, str], *arguments: str, command: Sequence[str] = (), reuse: bool = False) -> Process:
        return start(arguments, env, command=command or self.fast, reuse=reuse)

    def start_python(self, env: dict[str, str], *arguments: str, command: Sequence[str] = ()) -> Started:
        """Start a process of its own, whose output goes through pipes."""
        line = [*(command or self.fast), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(line, env=env, stdout=pipe, stderr=pipe, text=True, preexec_fn=default_signals)

    def end(self, process: Process | Started, timeout: float = 60) -> Ran:
        out, err = process.communicate(timeout=timeout)
        assert "Traceback" not in err, err
        ran = Ran(process.returncode, out, err)
        self.true(ran)
        return ran

    def run(self, env: dict[str, str], *arguments: str, command: Sequence[str] = ()) -> Ran:
        used = command or self.fast
        if not can_fork(used):
            return self.end(self.start_python(env, *arguments, command=used))
        return self.end(self.start(env, *arguments, command=used, reuse=used[2] in REUSABLE))

    # ---- what must be true ---------------------------------------------------------------------------------------
    def true(self, ran: Ran) -> None:
        """Each outcome is true now, each volume has one, and the exit code follows from them."""
        results = reported(ran)
        self.counts["process"] += 1
        self.counts["kill"] += ran.code == -signal.SIGKILL
        assert len({one["uuid"] for one in results}) == len(results), ran
        for one in results:
            deleted = KINDS[one["target"]].deleted(self.cloud, one["uuid"])
            if one["outcome"] in ("recovered", "already"):
                assert deleted is False, (one, ran)
            elif one["outcome"] == "failed":
                assert deleted is True, (one, ran)
        if results and ran.code >= 0 and ran.code not in SIGNALLED:
            codes = [exit_of(one) for one in results]
            codes += [Exit.LOCAL] if "cannot write the journal" in ran.err else []
            assert ran.code == most_severe(codes), ran

    def never_two(self, targets: Sequence[str], *, executions: int = 1) -> None:
        """Nothing had two submissions that could act, and nothing was executed twice for one deletion."""
        alive: dict[str, set[str]] = {one: set() for one in self.with_them(targets)}
        begun: Counter[str] = Counter()
        for one in self.cloud.recoveries():
            if one["uuid"] not in alive:
                continue
            living = alive[one["uuid"]]
            if one["event"] == "accepted":
                living.add(one["job"])
                self.counts["put"] += 1
                assert len(living) == 1, one
            elif one["event"] in ("ended", "refused", "failed", "vanished"):
                living.discard(one["job"])
            begun[one["uuid"]] += one["event"] == "begun"
        assert all(number <= executions for number in begun.values()), begun

    def run_list(self, env: dict[str, str]) -> list[dict[str, Any]]:
        """Return what `zvol runs` says."""
        rows: list[dict[str, Any]] = self.run(env, "runs", "--json").json()
        return rows

    def jobs_ended(self, targets: Sequence[str]) -> bool:
        """Tell whether every accepted job of these targets has ended, and says so."""
        concerned = self.with_them(targets)
        events = [(one["event"], one["job"]) for one in self.cloud.recoveries() if one["uuid"] in concerned]
        accepted = {job for event, job in events if event == "accepted"}
        return accepted <= {job for event, job in events if event in ("finished", "refused", "failed", "vanished")}

    def submitted(self, targets: Sequence[str]) -> set[str]:
        accepted = {one["uuid"] for one in self.cloud.recoveries() if one["event"] == "accepted"}
        return accepted & set(self.with_them(targets))

    def are_back(self, targets: Sequence[str]) -> bool:
        return all(self.kind.deleted(self.cloud, one) is False for one in targets)

    def finish(self, env: dict[str, str], targets: Sequence[str]) -> None:
        """Resume to the end, and see that nothing was lost, repeated or reported wrongly.

        A run that was killed before it claimed anything has sent nothing; whoever started it starts it again.
        """
        claimed = sum(one["planned"] + one["pending"] + one["finished"] for one in self.run_list(env))
        resumed = self.run(env, "resume", "-o", "ndjson")
        assert resumed.code == 0, resumed
        again = self.run(env, "resume")
        assert (again.code, again.out, again.err) == (0, "", "zvol: nothing to resume\n")
        if not claimed:
            assert not self.submitted(targets)
            assert self.run(env, *self.recover(targets)).code == 0
        assert claimed in (0, len(targets))
        assert self.are_back(targets)
        self.never_two(targets)


def exit_of(result: dict[str, Any]) -> Exit:
    """Return the exit code of a run with this result only."""
    if result["outcome"] in EXITS:
        return EXITS[result["outcome"]]
    return ERRORS.get(result["error"]["code"], Exit.FAILED)


def reported(ran: Ran) -> list[dict[str, Any]]:
    """Return the results that a run printed; a line that a kill cut off is none."""
    lines = ran.out.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith('{"asked"') and line.endswith("}\n")]


@contextmanager
def world(folder: Path, *options: str, kind: Kind = VOLUMES, extra: int = 3000, rate: float = RATE) -> Iterator[World]:
    """Serve a sandbox in its own process for as long as the context lasts."""
    folder.mkdir(exist_ok=True)
    with sandbox(folder / "cloud", kind.option, str(extra), *options) as cloud:
        cloud.options = options  # a restart is to keep them as they are
        yield World(cloud, folder, kind, rate)
