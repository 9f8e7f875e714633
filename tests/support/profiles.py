"""A user with one profile and short waits, whose zvol runs on a faster clock; and what its report must agree with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.process import Ran, Sandbox, environment

SETTLE, API = 20, 10
"""Seconds of zvol's clock: the settle_wait and api_timeout of a profile unless a test says otherwise."""


def fast(rate: float, vm_timeout: float | None = None) -> tuple[str, ...]:
    """Return the command of a zvol whose clock runs `rate` times faster; see `tests.support.fast`."""
    more = "" if vm_timeout is None else f":{vm_timeout:g}"
    return (sys.executable, "-m", "tests.support.fast", f"{rate:g}{more}")


RATE = 25
FAST = fast(RATE)


def profile(home: Path, host: str, session: str, **seconds: int) -> dict[str, str]:
    """Write the configuration of a user of this host; returns the user's environment.

    `seconds` are further settings, as `settle_wait=6`.
    """
    env = environment(home)
    file = home / ".config" / "zvol" / "config.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    waits = {"settle_wait": SETTLE, "api_timeout": API} | seconds
    lines = [f"host: {host}", f"session: '{session}'", *(f"{name}: {value}s" for name, value in waits.items())]
    file.write_text("profiles:\n  it:\n" + "".join(f"    {line}\n" for line in lines))
    return env


def check_report(ran: Ran, cloud: Sandbox, *, alive: bool = True) -> None:
    """Check that each reported outcome agrees with the server; with `alive`, that it never had two submissions."""
    for line in ran.out.splitlines():
        result = json.loads(line)
        status = cloud.status(result["uuid"])
        if result["outcome"] in ("recovered", "already"):
            assert status in ("Ready", "NotInstantiated"), result
        elif result["outcome"] in ("failed", "not-sent"):
            assert status == "Deleted", result
    if alive:
        cloud.never_two_alive()
