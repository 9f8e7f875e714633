"""What every command says of itself: help, an example that really runs, and a place in the documentation."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from tests.support.process import PG_DATA, ZVOL_SCRIPT, Sandbox
from tests.support.tree import commands, leaves
from tests.support.warm import run
from zvol.cli.app import COMMANDS, app
from zvol.cli.help_command import TOPICS

README = (Path(__file__).parents[2] / "README.md").read_text()
TREE = {" ".join(path): command for path, command in commands()}


@pytest.mark.parametrize("name", TREE)
def test_each_explains_itself(name: str, env: dict[str, str]) -> None:
    command = TREE[name]
    text = (command.help or "").strip()
    assert text.endswith("."), text
    assert text[0].isupper()
    if name:
        assert (COMMANDS.get(name) or command.short_help or "").endswith(".")
    assert (command.epilog or "").startswith("Example: ")
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.opts
    ran = run([*name.split(), "--help"], env)
    assert (ran.code, ran.err) == (0, "")
    assert "Example: " in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines() if "Example" not in line), ran.out


def test_the_first_screen_shows_each_command(env: dict[str, str]) -> None:
    """It is written without importing the commands."""
    shown = run(["--help"], env).out
    context = click.Context(app)
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", shown, re.MULTILINE), name
        found = app.get_command(context, name)
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize("name", leaves())
def test_each_is_in_the_documentation(name: str) -> None:
    documented = README + "".join(topic() for topic in TOPICS.values())
    assert f"zvol {name}" in documented or f"zvol --sandbox {name}" in documented


@pytest.mark.parametrize("name", leaves())
def test_each_example_runs(name: str, at: dict[str, str], cloud: Sandbox) -> None:
    line = (leaves()[name].epilog or "").removeprefix("Example: ")
    if "jq" in line and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    env = at | {"PATH": f"{Path(ZVOL_SCRIPT).parent}:{at['PATH']}"}
    if name == "attach":
        cloud.recover(PG_DATA)
    if name == "runs forget":
        run(["recover", PG_DATA], env)
        line = line.replace(line.split()[-1], run(["runs", "-o", "name"], env).out.strip())
    if name == "config validate":
        run(["config", "init"], env)
    if name == "login":
        env = {key: value for key, value in env.items() if key != "ZVOL_SESSION"}
        env |= {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    if name == "sandbox serve":  # it serves until somebody stops it
        line = f"timeout --signal=INT --preserve-status 3 {line.replace('8080', '0')}"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == (130 if name == "sandbox serve" else 0), ended
    assert "Traceback" not in ended.stderr


def test_recover_says_what_its_options_do_to_volumes_and_vms(env: dict[str, str]) -> None:
    text = " ".join(run(["recover", "--help"], env).out.split())
    assert "--strict A volume or VM that is back already is a failure." in text
    assert "--reattach Attach volumes to the VM they were last on." in text
