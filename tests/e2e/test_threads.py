"""The system allows no thread, or only a few: one clear line, or the same outcome with fewer."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Sequence

import pytest

from tests.support.process import PG_DATA, ZVOL, Ran, Sandbox

STACK = 1 << 30
"""Bytes; the C library maps this much for each thread."""


def run_with(threads: int, arguments: Sequence[str], env: dict[str, str]) -> Ran:
    """Run zvol where the memory is enough for a number of threads, and for everything else."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK))
        most = threads * STACK + (900 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    command = [*ZVOL, *arguments]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120, preexec_fn=limit)
    assert "Traceback" not in ended.stderr
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def test_without_any_thread_nothing_is_sent(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run_with(0, ["recover", PG_DATA, "--json"], at)
    assert (ran.code, ran.out) == (7, "")
    assert ran.err.count("no thread can be started") == 3, "a line for people, and two texts of the object"
    assert ran.error()["kind"] == "local"
    assert "ulimit -u" in ran.err
    assert cloud.events() == []
    assert run_with(0, ["resume"], at).code == 0, "nothing was left open"
    assert run_with(0, ["list", "-o", "name"], at).code == 0, "a list needs none"


def test_the_sandbox_needs_one(env: dict[str, str]) -> None:
    ran = run_with(0, ["--sandbox", "list"], env)
    assert (ran.code, ran.out) == (7, "")
    assert ran.err.startswith("zvol (sandbox): error: no thread can be started")
    assert "bug" not in ran.err


@pytest.mark.parametrize("threads", [1, 3])
def test_a_few_threads_do_all_the_work(threads: int, at: dict[str, str], cloud: Sandbox) -> None:
    ran = run_with(threads, ["recover", "--all", "--yes", "-o", "name"], at)
    assert ran.code == 0, ran
    assert len(ran.out.split()) >= 8
    assert cloud.status(PG_DATA) == "Ready"
    cloud.never_two_alive()
