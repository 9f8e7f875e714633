"""What README.md shows is what happens; its commands for the installation are run by .ci/run, or read here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import picture
from tests.docs.screens import COLUMNS, ROOT, blocks, marked, same, screen
from tests.support.process import PG_DATA, Sandbox, environment, sandbox
from tests.support.terminal import on_terminal

PAGE = "README.md"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


def test_the_first_screen_is_what_one_sees(tmp_path: Path) -> None:
    """Without the installation, which .ci/run does."""
    command = marked(PAGE, "try command").rpartition("&&")[2].replace(".venv/bin/", "").strip()
    (shown,) = (block.text for block in blocks(PAGE) if block.text.startswith("✓ "))
    assert same(screen(command, environment(tmp_path / "home"))) == same(shown)


def test_the_picture_is_what_one_sees(tmp_path: Path) -> None:
    assert "](docs/recover.svg)" in (ROOT / PAGE).read_text()
    drawn = list(picture.pieces(picture.draw(tmp_path / "home")))
    assert drawn == list(picture.pieces(picture.PICTURE.read_text())), "run: python -m tests.docs.picture"


def test_a_changed_picture_is_noticed() -> None:
    old = picture.PICTURE.read_text()
    for change in (("pg-wal", "pg-val"), ("font-weight: bold", "font-weight: normal"), ('y="68.8"', 'y="70"')):
        assert list(picture.pieces(old.replace(*change))) != list(picture.pieces(old)), change
    assert list(picture.pieces(old.replace("in 0.4 s", "in 0.9 s"))) == list(picture.pieces(old))


def test_your_own_cloud_in_five_lines(tmp_path: Path, cloud: Sandbox) -> None:
    """Typed on a terminal by somebody who has a host, an account and its password."""
    env = environment(tmp_path / "home") | {"TERM": "xterm-256color"}
    lines = marked(PAGE, "own cloud").splitlines()
    assert len(lines) == 5
    typed = [f"{cloud.host}\n", "admin\n", "\n", "password\n"]
    replies = {"config init": typed[:3], "login": typed[3:]}
    for line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        answers = [(b": ", reply) for reply in replies.get(" ".join(arguments), [])]
        ran = on_terminal(arguments, env, columns=COLUMNS, replies=answers)
        assert ran.code == 0, ran.text
    assert cloud.status(PG_DATA) == "Ready"


def test_the_installation_is_of_this_folder() -> None:
    lines = marked(PAGE, "install").splitlines()
    assert [line.split()[0] for line in lines] == ["pipx", "uv", "python3"]
    assert all(re.fullmatch(r"[\w -]* install \.( +#.*)?", line) for line in lines)
    assert marked(PAGE, "path") == 'export PATH="$PWD/.venv/bin:$PATH"\n'
    marks = [block.mark for block in blocks(PAGE) if block.language == "sh"]
    assert marks == ["try command", "path", "install", "own cloud", "test command"], "each has its test"
