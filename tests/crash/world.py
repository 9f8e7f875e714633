"""A sandbox with many deleted volumes, interrupted processes of zvol, and what must be true after it."""

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

from tests.support.process import Ran, Sandbox, default_signals, sandbox
from tests.support.profiles import FAST, RATE, profile
from tests.support.warm import Process, can_fork, start
from zvol.errors import Exit, most_severe
from zvol.sandbox.names import extra_uuid

SHIM = (sys.executable, "-m", "tests.support.shim", str(RATE))
EXITS = {
    "recovered": Exit.OK,
    "already": Exit.OK,
    "unknown": Exit.UNKNOWN,
    "contradicted": Exit.CONTRADICTED,
    "busy": Exit.BUSY,
}
ERRORS = {"ZVOL.LOCAL": Exit.LOCAL, "ZVOL.UNREACHABLE": Exit.UNREACHABLE}
Started = subprocess.Popen[str]
SIGNALLED = (Exit.SIGINT, Exit.SIGTERM, Exit.SIGHUP)


@dataclass
class World:
    """`cloud` is the server; every case takes volumes of its own and a home of its own."""

    cloud: Sandbox
    folder: Path
    used: int = 0
    homes: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def volumes(self, number: int) -> list[str]:
        """Return deleted volumes that nobody has used yet."""
        first = self.used + 1
        self.used += number
        return [extra_uuid(one) for one in range(first, first + number)]

    def home(self, host: str | None = None) -> dict[str, str]:
        """Return the environment of a user who has never run zvol, on a machine of their own."""
        self.homes += 1
        home = self.folder / f"home-{self.homes}"
        return profile(home, host or self.cloud.host, self.cloud.session, settle_wait=6, api_timeout=12)

    # ---- processes -----------------------------------------------------------------------------------------------
    def start(self, env: dict[str, str], *arguments: str, command: Sequence[str] = FAST) -> Process:
        return start(arguments, env, command=command)

    def start_python(self, env: dict[str, str], *arguments: str, command: Sequence[str] = FAST) -> Started:
        """Start a process of its own, whose output goes through pipes."""
        line = [*command, *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(line, env=env, stdout=pipe, stderr=pipe, text=True, preexec_fn=default_signals)

    def end(self, process: Process | Started, timeout: float = 60) -> Ran:
        out, err = process.communicate(timeout=timeout)
        assert "Traceback" not in err, err
        ran = Ran(process.returncode, out, err)
        self.true(ran)
        return ran

    def run(self, env: dict[str, str], *arguments: str, command: Sequence[str] = FAST) -> Ran:
        begin = self.start if can_fork(command) else self.start_python
        return self.end(begin(env, *arguments, command=command))

    # ---- what must be true ---------------------------------------------------------------------------------------
    def true(self, ran: Ran) -> None:
        """Each outcome is true now, each volume has one, and the exit code follows from them."""
        results = reported(ran)
        self.counts["process"] += 1
        self.counts["kill"] += ran.code == -signal.SIGKILL
        assert len({one["uuid"] for one in results}) == len(results), ran
        for one in results:
            status = self.cloud.status(one["uuid"])
            if one["outcome"] in ("recovered", "already"):
                assert status == "Ready", (one, ran)
            elif one["outcome"] == "failed":
                assert status == "Deleted", (one, ran)
        if results and ran.code >= 0 and ran.code not in SIGNALLED:
            codes = [exit_of(one) for one in results]
            codes += [Exit.LOCAL] if "cannot write the journal" in ran.err else []
            assert ran.code == most_severe(codes), ran

    def never_two(self, volumes: Sequence[str], *, executions: int = 1) -> None:
        """No volume had two submissions that could act, and none was executed twice for one deletion."""
        alive: dict[str, set[str]] = {one: set() for one in volumes}
        begun: Counter[str] = Counter()
        for one in self.cloud.events():
            if one["volume"] not in alive:
                continue
            living = alive[one["volume"]]
            if one["event"] == "accepted":
                living.add(one["job"])
                self.counts["put"] += 1
                assert len(living) == 1, one
            elif one["event"] in ("ended", "refused", "failed", "vanished"):
                living.discard(one["job"])
            begun[one["volume"]] += one["event"] == "begun"
        assert all(number <= executions for number in begun.values()), begun

    def run_list(self, env: dict[str, str]) -> list[dict[str, Any]]:
        """Return what `zvol runs` says."""
        rows: list[dict[str, Any]] = self.run(env, "runs", "--json").json()
        return rows

    def jobs_ended(self, volumes: Sequence[str]) -> bool:
        """Tell whether every accepted job of these volumes has ended."""
        events = [(one["event"], one["job"]) for one in self.cloud.events() if one["volume"] in volumes]
        accepted = {job for event, job in events if event == "accepted"}
        return accepted <= {job for event, job in events if event in ("ended", "refused", "failed", "vanished")}

    def submitted(self, volumes: Sequence[str]) -> set[str]:
        return {one["volume"] for one in self.cloud.events() if one["event"] == "accepted"} & set(volumes)

    def finish(self, env: dict[str, str], volumes: Sequence[str]) -> None:
        """Resume to the end, and see that nothing was lost, repeated or reported wrongly.

        A run that was killed before it claimed anything has sent nothing; whoever started it starts it again.
        """
        claimed = sum(one["planned"] + one["pending"] + one["finished"] for one in self.run_list(env))
        resumed = self.run(env, "resume", "-o", "ndjson")
        assert resumed.code == 0, resumed
        again = self.run(env, "resume")
        assert (again.code, again.out, again.err) == (0, "", "zvol: nothing is open\n")
        if not claimed:
            assert not self.submitted(volumes)
            assert self.run(env, "recover", *volumes, "-o", "ndjson").code == 0
        assert claimed in (0, len(volumes))
        assert all(self.cloud.status(one) == "Ready" for one in volumes)
        self.never_two(volumes)


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
def world(folder: Path, *options: str, extra: int = 3000) -> Iterator[World]:
    """Serve a sandbox in its own process for as long as the context lasts."""
    folder.mkdir(exist_ok=True)
    with sandbox(folder / "cloud", "--extra", str(extra), *options) as cloud:
        cloud.options = options  # a restart is to keep the volumes as they are
        yield World(cloud, folder)
