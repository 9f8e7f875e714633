"""What README.md shows is what happens: its screens are compared with real ones, its cron and jq lines are run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.screens import CRONS, blocks, commands, same, screen, shell
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, sandbox

BLOCKS = blocks("README.md")
SCREENS = [text for _, text in BLOCKS if text.startswith("$ zvol")]
THEIR_VOLUME = "5f0c2f6d7c6b4b0e9a1d3e8f7a6b5c4d"


def block(kind: str, holding: str) -> str:
    """Return the one block of a kind that holds a text."""
    found = [text for name, text in BLOCKS if name == kind and holding in text]
    assert len(found) == 1, f"{len(found)} blocks of {kind} hold {holding!r}"
    return found[0]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


def test_its_screens_are_what_one_sees_in_their_order(tmp_path: Path) -> None:
    """Without the installation, which .ci/run does."""
    env = environment(tmp_path / "home")
    first = block("sh", ".venv/bin/zvol --sandbox recover").rpartition("&&")[2].replace(".venv/bin/", "")
    (block_after,) = [text for _, text in BLOCKS if text.startswith("✓ ")]
    shown = [(first.strip(), block_after), *(step for text in SCREENS for step in commands(text))]
    for command, output in shown:
        assert same(screen(command, env)) == same(output)


def test_its_sandbox_can_be_served(tmp_path: Path) -> None:
    ran = shell(f"cd '{tmp_path}'; {block('sh', 'sandbox serve')}", environment(tmp_path / "home"))
    assert ran.returncode == 0
    assert PG_DATA in ran.stdout


def test_the_cron_lines_repair_themselves_and_raise_the_alarm(tmp_path: Path, cloud: Sandbox) -> None:
    home = tmp_path / "home"
    set_up = block("sh", "ZVOL_SESSION_FILE")
    ran = shell(set_up, environment(home, {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}))
    assert (ran.returncode, ran.stdout) == (0, "")
    assert (home / "to-recover.txt").read_text().split() == [PG_WAL, PG_DATA]
    assert {path.stat().st_mode & 0o77 for path in (home / ".config" / "zvol").iterdir()} == {0}
    bare = environment(home)
    repair, alarm = (line.split(maxsplit=5)[5] for line in block("cron", "zvol resume").splitlines())
    ran = shell(repair, bare, CRONS)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert cloud.status(PG_DATA) == "Ready"
    assert shell(repair, bare, CRONS).returncode == 0
    assert "look at the recycle bin" in shell(alarm, bare, CRONS).stdout


def test_the_jq_lines(tmp_path: Path, cloud: Sandbox) -> None:
    env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
    one, again, many = block("sh", "| jq -r .installPath").strip().splitlines()
    assert shell(one.replace(THEIR_VOLUME, PG_DATA), env).stdout.strip().endswith(f"{PG_DATA}.qcow2")
    assert shell(again.replace(THEIR_VOLUME, PG_DATA), env).stdout == "already\n"
    (tmp_path / "uuids.txt").write_text(f"{PG_WAL}\n{'0' * 32}\n")
    ran = shell(f"cd '{tmp_path}'; ({many.partition('#')[0]}) 2>/dev/null", env)
    assert ran.stdout == "0" * 32 + "\n"
    assert cloud.status(PG_WAL) == "Ready"
