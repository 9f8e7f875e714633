"""Start-up, one recovery and many, as ratios measured in one run: `python -m tests.bench.speed [VOLUMES]`.

Times are CPU seconds of the child for start-up, wall seconds for recoveries; each the least of several runs in turn.
"""

from __future__ import annotations

import concurrent.futures
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from tests.support.process import PG_DATA, ZVOL_SCRIPT, Sandbox, environment, sandbox
from zvol.sandbox.names import extra_uuid

RUNS = 9


def cpu(command: list[str], env: dict[str, str]) -> float:
    """Return the CPU seconds of a child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall(command: list[str], env: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def startup(env: dict[str, str]) -> None:
    completing = env | {"_ZVOL_COMPLETE": "bash_complete", "COMP_WORDS": "zvol re", "COMP_CWORD": "1"}
    commands = {
        "import click": ([sys.executable, "-c", "import click"], env),
        "--version": ([ZVOL_SCRIPT, "--version"], env),
        "--help": ([ZVOL_SCRIPT, "--help"], env),
        "completion": ([ZVOL_SCRIPT], completing),
    }
    best = dict.fromkeys(commands, 9e9)
    for _ in range(RUNS):
        for name, (command, surroundings) in commands.items():
            best[name] = min(best[name], cpu(command, surroundings))
    for name in list(commands)[1:]:
        print(f"{name:12} {best[name] / best['import click']:5.2f} x import click   (at most 1.3)")


def single(cloud: Sandbox, env: dict[str, str]) -> None:
    bare = [sys.executable, str(Path(__file__).with_name("bare.py")), PG_DATA]
    commands = {
        "bare": (bare, env),
        "usual": (bare, env | {"BARE_POLL": "1"}),
        "zvol": ([ZVOL_SCRIPT, "recover", PG_DATA, "--json"], env),
    }
    best = dict.fromkeys(commands, 9e9)
    for _ in range(RUNS):
        for name, (command, surroundings) in commands.items():
            best[name] = min(best[name], wall(command, surroundings))
            cloud.delete(PG_DATA)
    print(f"recover one  {best['zvol'] / best['bare']:5.2f} x the bare client  (at most 1.25)")
    print(f"             {best['usual'] / best['zvol']:5.2f} x faster than polling each second (at least 3)")


def many(cloud: Sandbox, env: dict[str, str], volumes: list[str]) -> None:
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda volume: bare_put(cloud, volume), volumes[: len(volumes) // 2]))
    pace = len(volumes) / 2 / (time.monotonic() - began)
    rest = volumes[len(volumes) // 2 :]
    before = len(cloud.events())
    began = time.monotonic()
    ran = subprocess.run(
        [ZVOL_SCRIPT, "recover", "-", "-o", "ndjson", "-v"],
        input="\n".join(rest),
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = len(rest) / (time.monotonic() - began)
    requests = sum(" ms" in line for line in ran.stderr.splitlines())
    outcomes = {json.loads(line)["outcome"] for line in ran.stdout.splitlines()}
    rss = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert outcomes == {"recovered"}
    assert sum(one["event"] == "accepted" for one in cloud.events()[before:]) == len(rest)
    print(f"recover {len(rest):5} {ours / pace:4.2f} x the pace of bare PUTs (at least 0.8)")
    print(f"             {requests / len(rest):5.2f} requests a volume      (at most 1.2)")
    print(f"             {rss:5.0f} MB at most           (at most 150 for 10,000)")


def bare_put(cloud: Sandbox, volume: str) -> None:
    import requests

    headers = {"Authorization": f"OAuth {cloud.session}", "X-Job-UUID": uuid.uuid4().hex}
    url = f"{cloud.host}/v1/volumes/{volume}/actions"
    requests.put(url, json={"recoverDataVolume": {}}, headers=headers, timeout=30).raise_for_status()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name) / "cloud", "--extra", str(2 * count)) as cloud:
        env = environment(Path(name) / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        startup(env)
        single(cloud, env)
        many(cloud, env, [extra_uuid(number) for number in range(1, 2 * count + 1)])


if __name__ == "__main__":
    main()
