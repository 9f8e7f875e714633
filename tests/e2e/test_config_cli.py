"""`zvol config`, `zvol sandbox reset`, `zvol help` and `zvol runs` as a new user meets them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, environment, run


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home")


def test_init_writes_a_private_file_that_is_correct_and_never_overwrites(env: dict[str, str]) -> None:
    assert run(["config", "init"], env).code == 0
    path = Path(env["HOME"]) / ".config" / "zvol" / "config.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run(["config", "validate"], env).code == 0
    shown = run(["config", "show"], env)
    assert shown.code == 0
    assert "https://zstack.example.com:8443/zstack" in shown.out
    assert f"{path}:5:11" in shown.out
    path.write_text("mine")
    again = run(["config", "init"], env)
    assert (again.code, path.read_text()) == (2, "mine")


def test_all_mistakes_at_once_with_their_places(env: dict[str, str]) -> None:
    path = Path(env["HOME"]) / "c.yaml"
    path.write_text("profiles:\n  a:\n    hots: https://z\n    timeout: soon\n")
    path.chmod(0o600)
    ran = run(["config", "validate", "--config", str(path)], env)
    assert (ran.code, ran.out) == (2, "")
    assert f"{path}:3:5" in ran.err
    assert f"{path}:4:14" in ran.err
    assert "did you mean host" in ran.err


def test_secrets_are_not_shown(env: dict[str, str]) -> None:
    more = {"ZVOL_HOST": "https://z", "ZVOL_SESSION": "c0ffee" * 5 + "00"}
    for format in ("table", "json", "csv"):
        ran = run(["config", "show", "-o", format], env | more)
        assert ran.code == 0
        assert "c0ffee" not in ran.out + ran.err


def test_reset_makes_the_sandbox_as_it_was(env: dict[str, str]) -> None:
    run(["--sandbox", "recover", PG_DATA], env)
    assert run(["--sandbox", "show", PG_DATA, "--json"], env).json()["status"] == "Ready"
    assert run(["sandbox", "reset"], env).code == 0
    assert run(["--sandbox", "show", PG_DATA, "--json"], env).json()["status"] == "Deleted"


def test_runs_are_remembered(env: dict[str, str]) -> None:
    assert run(["runs", "--json"], env).json() == []
    run(["--sandbox", "recover", PG_DATA], env)
    [found] = run(["--sandbox", "runs", "--json"], env).json()
    assert (found["said"], found["open"], found["planned"], found["alive"]) == (1, 0, 0, False)


@pytest.mark.parametrize("topic", ["exit-codes", "environment", "output"])
def test_help_topics(topic: str, env: dict[str, str]) -> None:
    ran = run(["help", topic], env)
    assert ran.code == 0
    assert len(ran.out.splitlines()) > 10


def test_every_command_has_help_with_an_example(env: dict[str, str]) -> None:
    listed = run(["--help"], env).out.split("Commands:\n")[1].split("\n\n")[0]
    commands = [line.split()[0] for line in listed.splitlines() if line[2:3].strip()]
    assert {"recover", "resume", "list", "show", "attach", "login", "doctor"} <= set(commands)
    for name in commands:
        ran = run([name, "--help"], env)
        assert ran.code == 0
        assert "Example: zvol" in ran.out or "Example: eval" in ran.out, name
