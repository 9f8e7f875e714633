"""The commands of docs/guide.md do what the page says, in the sandbox whose accidents it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.screens import blocks, commands, same, screen, shell
from tests.support.process import environment

PAGE = blocks("docs/guide.md")


def test_its_screens_are_what_one_sees_in_their_order(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    screens = [step for kind, text in PAGE if not kind for step in commands(text)]
    assert len(screens) == 2
    for command, output in screens:
        assert same(screen(command, env)) == same(output)


@pytest.mark.parametrize("script", [text for kind, text in PAGE if kind == "sh"])
def test_its_commands_succeed(script: str, tmp_path: Path) -> None:
    ran = shell(f"set -e\n{script}", environment(tmp_path / "home"))
    assert ran.returncode == 0, ran.stdout
    assert " failed" not in ran.stdout
