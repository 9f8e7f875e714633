"""What README.md shows is what happens: its screens are compared with real ones, its cron and jq lines are run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, PG_WAL, READY, ZVOL_SCRIPT, Sandbox, environment, sandbox

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SCREENS = [text for _, text in BLOCKS if text.startswith("$ zvol")]
DATES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M")
THEIR_HOST, THEIR_VOLUME = "https://zstack.example.com:8443", "5f0c2f6d7c6b4b0e9a1d3e8f7a6b5c4d"


def block(kind: str, holding: str) -> str:
    """Return the one block of a kind that holds a text."""
    found = [text for name, text in BLOCKS if name == kind and holding in text]
    assert len(found) == 1, f"{len(found)} blocks of {kind} hold {holding!r}"
    return found[0]


def shell(script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script as cron would: sh, and hardly an environment; both streams into one, as on a screen."""
    path = {"PATH": f"{Path(ZVOL_SCRIPT).parent}:/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env=env | path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def same(text: str) -> list[str]:
    """Return the lines of a screen without what differs from day to day."""
    return [re.sub(r" {2,}", "  ", DATES.sub("DATE", line)).rstrip() for line in text.strip().splitlines()]


def commands(screen: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", screen, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.mark.parametrize("number", range(len(SCREENS)))
def test_a_screen_is_what_one_sees(number: int, tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    for command, output in commands(SCREENS[number]):
        assert same(shell(command, env).stdout) == same(output)


def test_the_first_command_shows_a_volume_come_back(tmp_path: Path) -> None:
    """Without the installation, which .ci/run does."""
    command = block("sh", ".venv/bin/zvol --sandbox recover").rpartition("&&")[2].replace(".venv/bin/", "")
    (screen,) = [text for _, text in BLOCKS if text.startswith("Name: ")]
    assert same(shell(command, environment(tmp_path / "home")).stdout) == same(screen)


def test_the_cron_lines_repair_themselves_and_raise_the_alarm(tmp_path: Path, cloud: Sandbox) -> None:
    home = tmp_path / "home"
    env = environment(home)
    set_up = block("sh", "ZVOL_SESSION_FILE").replace(THEIR_HOST, cloud.host)
    assert shell(set_up, env).returncode == 0
    session = home / ".config" / "zvol" / "session"
    session.touch(mode=0o600)
    session.write_text(cloud.session)
    (home / "to-recover.txt").write_text(f"{PG_DATA}\n{READY}\n")
    repair, alarm = (line.split(maxsplit=5)[5] for line in block("cron", "zvol resume").splitlines())
    ran = shell(repair, env)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert cloud.status(PG_DATA) == "Ready"
    assert shell(repair, env).returncode == 0
    assert "look at the recycle bin" in shell(alarm, env).stdout


def test_the_jq_lines(tmp_path: Path, cloud: Sandbox) -> None:
    env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
    one, many = block("sh", "| jq -r .installPath").strip().splitlines()
    assert shell(one.replace(THEIR_VOLUME, PG_DATA), env).stdout.strip().endswith(f"{PG_DATA}.qcow2")
    (tmp_path / "uuids.txt").write_text(f"{PG_WAL}\n{'0' * 32}\n")
    ran = shell(f"cd '{tmp_path}'; ({many.partition('#')[0]}) 2>/dev/null", env)
    assert ran.stdout == "0" * 32 + "\n"
    assert cloud.status(PG_WAL) == "Ready"
