"""The recipes of docs/authentication.md, run as they stand there: no terminal, and nothing in the environment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fault_proxy import proxy
from tests.support.process import PG_DATA, PG_WAL, Sandbox, sandbox
from tests.support.tls import tls
from tests.support.warm import run
from zvol.sandbox.names import ACCESS_SECRET

DOCUMENT = Path(__file__).parents[2] / "docs" / "authentication.md"
MARKER = "correct-horse-battery-7"


def recipe(name: str) -> str:
    found = re.search(rf"<!-- recipe: {name} -->\n```\w+\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def prepare(home: Path, name: str, host: str) -> Path:
    """Do what the page says: the profile, the programs, the list of volumes; returns a folder for PATH."""
    folder, programs = home / ".config" / "zvol", home / "bin"
    folder.mkdir(parents=True)
    programs.mkdir()
    (folder / "config.yaml").write_text(recipe(name).replace("https://zstack.example.com:8443", host))
    (folder / "key").write_text(ACCESS_SECRET)
    (folder / "key").chmod(0o600)
    (programs / "pass").write_text('#!/bin/sh\n[ "$*" = zstack/admin ] && echo password\n')
    (programs / "pass").chmod(0o700)
    (programs / "zvol").write_text(f'#!/bin/sh\nexec {sys.executable} -m zvol "$@"\n')
    (programs / "zvol").chmod(0o700)
    (home / "to-recover.txt").write_text(f"{PG_DATA}\n{PG_WAL}\n")
    return programs


def cron(home: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    """Run the line as cron does: sh, no terminal, an environment of its own."""
    line = recipe("cron").split(None, 5)[5].strip()
    command = ["env", "-i", f"HOME={home}", f"PATH={programs}:/usr/bin:/bin", "/bin/sh", "-c", line]
    return subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["password", "key"])
def test_the_recipes_for_cron(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    with (
        sandbox(tmp_path / "cloud", "--access-keys") as cloud,
        proxy(cloud.host) as (between_host, between),
        tls(between_host, tmp_path) as (host, ca_file),
    ):
        programs = prepare(home, name, host)
        ca_file.rename(home / ".config" / "zvol" / "zstack-ca.pem")
        ran = cron(home, programs)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        assert cloud.status(PG_DATA) == cloud.status(PG_WAL) == "Ready"
        logins, logouts = between.count_sessions()
        assert (logins, logouts) == ((1, 1) if name == "password" else (0, 0))
        again = cron(home, programs)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
        assert cloud.count("begun", PG_DATA) == 1
    assert not list(home.rglob("sessions/*"))


def test_the_environment_alone(at: dict[str, str], cloud: Sandbox) -> None:
    """The names that ZStack's own tools have, and nothing else."""
    port = cloud.host.rpartition(":")[2].partition("/")[0]
    env = {name: at[name] for name in ("HOME", "PATH")}
    env |= {"ZSTACK_HOST": "127.0.0.1", "ZSTACK_PORT": port}
    env |= {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    ran = run(["recover", PG_DATA, "--json"], env)
    assert ran.code == 0, ran
    assert json.loads(ran.out)["uuid"] == PG_DATA


@pytest.mark.parametrize("more", [[], ["--no-input"]])
def test_nobody_is_asked_from_cron(at: dict[str, str], more: list[str]) -> None:
    at.pop("ZVOL_SESSION")
    for command in (["login", "--account", "admin"], ["recover", "--all"], ["list"], ["config", "init"], ["logout"]):
        ran = run([*command, *more], at, timeout=60)
        assert ran.code in (0, 2, 4), ran
        assert "assword of" not in ran.err
    assert run(["login", "--account", "admin", *more], at).code == 2
