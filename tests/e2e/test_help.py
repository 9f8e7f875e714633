"""What every command says of itself: help, examples that really run, and a place in the documentation."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from tests.support.process import PG_DATA, ZVOL_SCRIPT, Sandbox
from tests.support.tree import commands, leaves
from tests.support.warm import run
from zvol.cli.app import COMMANDS, app
from zvol.cli.commands import GLOBAL, SEE_GLOBAL, Explained, Option
from zvol.cli.help_command import TOPICS, options_help

PAGES = [Path(__file__).parents[2] / "README.md", *(Path(__file__).parents[2] / "docs").glob("*.md")]
DOCUMENTED = "".join(page.read_text() for page in PAGES if page.name != "commands.md")
TREE = {" ".join(path): command for path, command in commands()}


@pytest.mark.parametrize("name", TREE)
def test_each_explains_itself(name: str, env: dict[str, str]) -> None:
    command = TREE[name]
    text = (command.help or "").strip()
    assert text.endswith("."), text
    assert text[0].isupper()
    if name:
        assert (COMMANDS.get(name) or command.short_help or "").endswith(".")
    assert isinstance(command, Explained)
    for option in command.params:
        assert isinstance(option, (Option, click.Argument))
        if isinstance(option, Option):
            assert option.help, option.opts
    ran = run([*name.split(), "--help"], env)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert all(f"  {example}" in lines for example in command.examples)
    assert 1 <= len(command.examples) <= 3
    assert lines[-1] == SEE_GLOBAL
    assert all(len(line) <= 78 and line == line.rstrip() for line in lines), ran.out
    assert not any(re.search(r"\w-$", line) for line in lines), "a name or an option is broken at its hyphen"
    assert "--debug" not in ran.out, "global options have a page of their own"


def test_options_are_in_groups(env: dict[str, str]) -> None:
    found: dict[str, list[str]] = {}
    title = ""
    for line in run(["recover", "--help"], env).out.splitlines():
        if line.endswith(":") and line[0] != " ":
            title = line.removesuffix(":")
        elif words := re.match(r"  (?:-., )?(--[a-z-]+)", line):
            found.setdefault(title, []).append(words[1])
    assert list(found) == ["Options", "Filters", "Safety", "After recovery", "Output"]
    assert found["Filters"][-1] == "--all"
    assert found["Safety"][:2] == ["--dry-run", "--yes"]
    assert "--reattach" in found["After recovery"]
    assert "--strict" in found["Output"]
    texts = {name: run([*name.split(), "--help"], env).out for name in ("list", "show", "attach")}
    assert ["--columns A,B" in text for text in texts.values()] == [True, True, False]


def test_help_is_the_help(env: dict[str, str]) -> None:
    assert run(["help"], env) == run(["--help"], env)
    assert run(["help", "config", "show"], env) == run(["config", "show", "--help"], env)


def test_help_options_has_the_global_options(env: dict[str, str]) -> None:
    ran = run(["help", "options"], env)
    assert (ran.code, ran.err) == (0, "")
    assert isinstance(app, Explained)
    lines = ran.out.splitlines()
    names = [line for line, _ in app.groups(click.Context(app, info_name="zvol"))[GLOBAL]]
    assert len(names) > 10
    assert "-h, --help" in names
    for name in names:
        assert any(line.startswith(f"  {name} ") for line in lines), name
    assert "(default: 30m)" in " ".join(lines)


def test_version_is_said_both_ways(env: dict[str, str]) -> None:
    said = run(["version"], env)
    assert said == run(["--version"], env)
    assert re.fullmatch(r"zvol \d+\.\d+\.\d+\n", said.out)


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
    documented = DOCUMENTED + "".join(topic() for topic in TOPICS.values() if topic is not options_help)
    assert f"zvol {name}" in documented or f"zvol --sandbox {name}" in documented


@pytest.mark.parametrize("name", leaves())
def test_its_examples_run(name: str, at: dict[str, str], cloud: Sandbox, tmp_path: Path) -> None:
    """Each of a cloud as it is in the beginning; what is for a shell is run by one."""
    env = at | {"PATH": f"{Path(ZVOL_SCRIPT).parent}:{at['PATH']}"}
    command = TREE[name]
    assert isinstance(command, Explained)
    if name == "attach":
        cloud.recover(PG_DATA)
    if name == "config validate":
        run(["config", "init"], env)
    if name == "login":
        (tmp_path / "password.txt").write_text("password\n")
        env = {key: value for key, value in env.items() if key != "ZVOL_SESSION"}
        env |= {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    for line in command.examples:
        if name.startswith("runs"):
            run(["recover", PG_DATA], env)
            line = re.sub(r"2026\S+", run(["runs", "-o", "name"], env).out.strip(), line)
        code, err = ended(line.replace("8080", "0"), env, tmp_path)
        assert code == (130 if name == "sandbox serve" else 10 if "--exit-code" in line else 0), (line, err)
        assert "Traceback" not in err


def ended(line: str, env: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run an example; returns its exit code and what it wrote to stderr."""
    if "jq" in line and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    if line.startswith("zvol sandbox serve"):  # it serves until somebody stops it
        line = f"timeout --signal=INT --preserve-status 3 {line}"
    elif line.startswith("zvol ") and not set(line) & set("|<$"):
        ran = run(shlex.split(line)[1:], env)
        return ran.code, ran.err
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_recover_says_what_its_options_do_to_volumes_and_vms(env: dict[str, str]) -> None:
    text = " ".join(run(["recover", "--help"], env).out.split())
    assert "--strict Fail for volumes and VMs that are already recovered." in text
    assert "--reattach Attach each volume to the VM it was last on." in text
