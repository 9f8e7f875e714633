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
    assert recover.endswith(" --reattach")
    ran = run(shlex.split(recover.removesuffix(" --reattach"))[1:], env)
    assert ran.code == 0
    [attach] = ATTACH.findall(ran.err)
    assert typed(attach, env) == 0
    shown = run(["show", PG_DATA, *options], env)
    assert NEXT.findall(shown.out) == []
    assert "Status:" in shown.out


def test_a_hint_names_the_sandbox(env: dict[str, str]) -> None:
    assert "`zvol --sandbox list` shows" in run(["--sandbox", "recover", "nobody"], env).err


BARE = re.compile(r"(?:`|\| )zvol (?!-p main )")


@pytest.mark.parametrize(
    "command",
    [
        "recover nobody --json",
        "recover nobody nothing --json",
        "recover nobody nothing --dry-run",
        "attach nobody --json",
        "attach a b c --json",
        "show nobody --json",
        "list nobody",
        "whoami --columns name",
        "doctor",
        "doctor --json",
        "list",
        "runs nothing",
    ],
)
def test_whatever_names_a_command_names_the_profile(command: str, env: dict[str, str], cloud: Sandbox) -> None:
    config = cloud.folder / "named.yaml"
    config.touch(mode=0o600)
    session = cloud.session if "doctor" not in command else "b" * 32
    config.write_text(f"profiles:\n  main: {{host: '{cloud.host}', session: '{session}'}}\n")
    env["ZVOL_CONFIG"] = str(config)
    ran = run([*shlex.split(command), "-p", "main"], env)
    assert BARE.findall(ran.out + ran.err) == []
    assert "zvol -p main " in ran.out + ran.err


@pytest.mark.parametrize("command", ["recover", "show"])
def test_the_name_of_a_vm_is_no_volume_and_the_hint_says_how_a_vm_is_given(command: str, at: dict[str, str]) -> None:
    ran = run([command, "web-2"], at)
    assert (ran.code, "a destroyed VM: `zvol recover --vm VM`." in ran.err) == (1, True), ran.err
    assert "--vm" not in run([command, "a0b1c2d3e4f5a0b1c2d3e4f5"], at).err, "it is an incomplete UUID"
