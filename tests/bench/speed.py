"""Measures zvol's targets of speed, as ratios within one run: see README.md beside this file.

What is compared runs in turns, and the best of all turns counts: that is the one the machine disturbed least.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

PYTHON = sys.executable
ZVOL = str(Path(PYTHON).with_name("zvol"))
BARE = (PYTHON, str(Path(__file__).with_name("bare.py")))
ONE = "d0a7a5e0c0de4b1e8a5efeedbead0001"
CONCURRENCY = 16
JOB_TIMES = (0.0, 0.04, 0.15, 3.0)  # seconds that the server takes for one recovery: a quiet 5.2.1 some 40 ms
BATCH = 100
PUT_TIME = 0.15  # seconds that a running 5.2.1 takes for each of 16 concurrent PUTs, where the sandbox takes a few ms
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that `ru_maxrss` counts in
REQUEST = re.compile(r"^zvol: (?:GET|PUT|POST|DELETE) ", re.MULTILINE)


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


@contextmanager
def slowed(server: Cloud) -> Iterator[dict[str, str]]:
    """Run a relay in front of the sandbox that delays each request as a real server does; yields its environment."""
    url = urlsplit(server.env["ZVOL_HOST"])

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((url.hostname or "", url.port or 0)) as far:
                back = threading.Thread(target=pump, args=(far, self.request), daemon=True)
                back.start()
                pump(self.request, far)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield server.env | {"ZVOL_HOST": f"http://127.0.0.1:{relay.server_address[1]}{url.path}"}
        relay.shutdown()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy one direction of a connection until it ends; requests wait, answers do not."""
    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError):
        while data := source.recv(1 << 16):
            if data.startswith((b"GET ", b"PUT ", b"POST ", b"DELETE ")):
                time.sleep(PUT_TIME)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


# ---- measurements ----------------------------------------------------------------------------------------------------
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


def start(report: Report, directory: Path, rounds: int) -> None:
    """How long a command without a server takes, against importing click; CPU time, because nothing waits."""
    env = environment(directory)
    complete = {"_ZVOL_COMPLETE": "bash_complete", "COMP_LINE": "zvol re"}
    commands = {
        "click": ([PYTHON, "-c", "import click"], env),
        "--help": ([ZVOL, "--help"], env),
        "--version": ([ZVOL, "--version"], env),
        "completion": ([ZVOL], env | complete),
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, (argv, variables) in commands.items():
            best[name] = min(best[name], run(argv, variables).cpu)
    base = best.pop("click")
    for name, cpu in best.items():
        report.add(f"{name} / import click (CPU)", cpu / base, f"{cpu * 1e3:.0f} / {base * 1e3:.0f} ms", "<= 1.25")


def _wall(server: Cloud, argv: Sequence[str]) -> float:
    """Return the wall seconds of one recovery; the volume is deleted again."""
    took = run(argv, server.env).wall
    server.delete(ONE)
    return took


def single(report: Report, directory: Path, rounds: int) -> None:
    """How long one recovery takes, against the bare client in turns, by how long its job takes; medians of ratios."""
    bare, ours, loop = (*BARE, ONE), (ZVOL, "recover", ONE, "--json"), (*BARE, ONE, "--every", "1")
    for seconds in JOB_TIMES:
        with cloud(directory / str(seconds), options=("--job-time", str(seconds))) as server:
            pairs = [(_wall(server, ours), _wall(server, bare)) for _ in range(rounds)]
            once = _wall(server, loop) if seconds == JOB_TIMES[1] else 0.0
        ratio = median(one / other for one, other in pairs)
        zvol, other = (median(each) for each in zip(*pairs, strict=True))
        what = f"recover U / bare, a job of {seconds * 1e3:.0f} ms"
        report.add(what, ratio, f"{zvol * 1e3:.0f} / {other * 1e3:.0f} ms", "<= 1.05")
        if once:
            report.add("loop of one look a second / zvol", once / zvol, f"{once * 1e3:.0f} ms", ">= 3.50")


def bulk(report: Report, directory: Path, rounds: int, count: int = 1000) -> None:
    """How fast many volumes are recovered, against only sending their PUTs."""
    bare = (*BARE, "-", "--concurrency", str(CONCURRENCY))
    many = (ZVOL, "recover", "-", "--concurrency", str(CONCURRENCY), "-o", "ndjson")
    with cloud(directory, count) as server:
        uuids = server.added()

        def turn(argv: Sequence[str], env: Mapping[str, str]) -> Run:
            # each run has a journal of its own: what another one left open there would be polled first
            done = run(argv, {**env, "HOME": tempfile.mkdtemp(dir=directory)}, "\n".join(uuids))
            server.delete(*uuids)
            return done

        def compare(what: str, env: Mapping[str, str], target: str = "") -> None:
            walls = [(turn(bare, env).wall, turn(many, env).wall) for _ in range(max(1, rounds // 5))]
            puts, ours = (min(each) for each in zip(*walls, strict=True))
            pace = f"{count / ours:.0f} / {count / puts:.0f} volumes a second"
            report.add(what, puts / ours, pace, target)

        with slowed(server) as slow:
            compare(f"pace of {count} / bare PUTs", slow, ">= 0.80")
        compare("the same, server in no time", server.env)
        requests = len(REQUEST.findall(turn((*many, "-v"), server.env).stderr))
    report.add("requests a volume", requests / count, f"{requests} requests", "<= 1.20")


def after(report: Report, directory: Path, rounds: int, count: int = 400) -> None:
    """How fast volumes get their tag and their VM: three changes a volume, against one."""
    many = (ZVOL, "recover", "-", "--concurrency", str(CONCURRENCY), "-o", "ndjson")
    with cloud(directory, count) as server, slowed(server) as slow:
        uuids = server.added()
        walls: tuple[list[float], list[float]] = ([], [])
        for number in range(max(1, rounds // 5)):
            for kind, more in enumerate(((), ("--reattach", "--user-tag", f"turn-{number}"))):
                env = {**slow, "HOME": tempfile.mkdtemp(dir=directory)}
                walls[kind].append(run((*many, *more), env, "\n".join(uuids)).wall)
                server.delete(*uuids)
    one, three = (min(each) for each in walls)
    pace = f"{count / three:.0f} / {count / one / 3:.0f} volumes a second"
    report.add("pace with a tag and a VM / requests", 3 * one / three, pace, ">= 0.80")


def memory(report: Report, directory: Path, rounds: int, count: int = 10_000) -> None:
    """How much memory one run over very many volumes takes."""
    del rounds
    with cloud(directory, count) as server:
        done = run((ZVOL, "recover", "-", "-o", "ndjson"), server.env, "\n".join(server.added()))
    report.add(f"MB for {count} volumes", done.size / 1e6, f"{count / done.wall:.0f} volumes a second", "<= 150")


PARTS = {"start": start, "single": single, "bulk": bulk, "after": after, "memory": memory}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each comparison (15)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="zvol-bench-") as directory:
        for name in options.parts or PARTS:
            PARTS[name](report, Path(directory) / name, options.rounds)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
