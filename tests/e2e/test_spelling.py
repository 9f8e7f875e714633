"""The same deletion is the same, however the server spells its date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.process import PG_DATA, Sandbox, sandbox
from tests.support.profiles import FAST, profile
from tests.support.warm import run

STYLES = ("java8", "java9", "java20")


def restart(cloud: Sandbox, *options: str) -> None:
    """Start the server anew, as after an upgrade of its Java."""
    cloud.end()
    cloud.options = options
    cloud.start()


@pytest.mark.parametrize("after", STYLES[1:])
def test_a_volume_is_still_the_same_after_an_upgrade_of_the_server(after: str, tmp_path: Path) -> None:
    """The PUT never arrived, so that the volume is sent again, if its deletion is still the one that was meant."""
    lost = Rule("put", "drop", last=99)
    with sandbox(tmp_path / "cloud") as cloud, proxy(cloud.host, lost) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = run(["recover", PG_DATA, "--timeout", "20s"], env, command=FAST)
        assert ran.code == 3, ran
        restart(cloud, "--dates", after)
        between.heal()
        ran = run(["resume", "-o", "ndjson"], env, command=FAST)
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        assert cloud.count("ended", PG_DATA) == 1
