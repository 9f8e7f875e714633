"""What zvol tells people to type next can be typed as it stands: for the same server, whatever led there."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.support.process import PG_DATA, Sandbox
from tests.support.warm import run

ATTACH = re.compile(r"it was last on \w+: (zvol .+)$", re.MULTILINE)
NEXT = re.compile(r"^Next: +(zvol .+)$", re.MULTILINE)


def typed(command: str, env: dict[str, str]) -> int:
    assert command.startswith("zvol ")
    return run(shlex.split(command)[1:], env).code


@pytest.mark.parametrize("way", ["sandbox", "profile", "host"])
def test_show_recover_attach_each_names_the_next(way: str, env: dict[str, str], cloud: Sandbox) -> None:
    env["ZVOL_SESSION"] = cloud.session
    options = {"sandbox": ["--sandbox"], "host": ["--host", cloud.host], "profile": ["-p", "my cloud"]}[way]
    if way == "profile":
        del env["ZVOL_SESSION"]
        config = cloud.folder / "config.yaml"
        config.touch(mode=0o600)
        config.write_text(
            f"profiles:\n  my cloud: {{host: '{cloud.host}', session: '{cloud.session}'}}\n  other: {{}}\n"
        )
        options += ["--config", str(config)]
    [recover] = NEXT.findall(run(["show", PG_DATA, *options], env).out)
    ran = run(shlex.split(recover)[1:], env)
    assert ran.code == 0
    [attach] = ATTACH.findall(ran.err)
    assert typed(attach, env) == 0
    shown = run(["show", PG_DATA, *options], env)
    assert NEXT.findall(shown.out) == []
    assert "Status:" in shown.out


def test_a_hint_names_the_sandbox(env: dict[str, str]) -> None:
    assert "`zvol --sandbox list` shows" in run(["--sandbox", "recover", "nobody"], env).err
