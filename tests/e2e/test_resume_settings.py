"""A run is resumed with other settings than those it was killed with; its request still waits on the server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, sandbox, wait_for
from tests.support.profiles import FAST, profile
from tests.support.warm import run

LONG, SHORT = {"api_timeout": 300}, {"api_timeout": 5, "settle_wait": 5}


@pytest.mark.parametrize("command", [["resume"], ["recover", PG_DATA, "--timeout", "1h"]], ids=lambda one: one[0])
def test_a_shorter_timeout_does_not_count_for_what_was_sent_before(command: list[str], tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud", "--version", "4.4.65", "--queue-delay", "8") as cloud:
        env = profile(tmp_path / "home", cloud.host, cloud.session, **LONG)
        dead = subprocess.Popen([*FAST, "recover", PG_DATA], env=env, stdout=subprocess.DEVNULL)
        wait_for(lambda: cloud.count("queued", PG_DATA) == 1)
        dead.kill()
        dead.wait()
        profile(tmp_path / "home", cloud.host, cloud.session, **SHORT)
        ran = run([*command, "-o", "ndjson"], env, command=FAST, timeout=60)
        assert ran.code == 0, ran
        assert ran.json()["outcome"] in ("recovered", "already")
        assert [cloud.count(event, PG_DATA) for event in ("accepted", "begun")] == [1, 1]
        cloud.never_two_alive()
