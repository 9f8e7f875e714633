"""docs/commands.md and the man pages say what the commands say, and `man` can show them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest

from tests.docs import commands
from tests.docs.screens import ROOT
from zvol.cli.app import COMMANDS

AGAIN = "run: python -m tests.docs.commands"


def test_the_page_is_what_the_commands_say() -> None:
    assert commands.PAGE.read_text() == commands.page(), AGAIN


def test_the_man_pages_are_what_the_commands_say() -> None:
    assert {path.name: path.read_text() for path in commands.MAN.iterdir()} == commands.man_pages(), AGAIN


def test_the_wheel_has_them_where_man_looks() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["shared-data"]["man"] == "share/man/man1"
    assert "man" in build["sdist"]["include"]


def test_the_links_of_the_page_lead_to_its_sections() -> None:
    text = commands.page()
    sections = {title.replace(" ", "-") for title in re.findall(r"^## (.*)$", text, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert len(links) > len(COMMANDS)
    assert set(links) <= sections


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_man_shows_them_without_a_warning() -> None:
    pages = sorted(commands.MAN.iterdir())
    ended = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbou", *pages], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stderr == ""
    shown = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    for line in (
        "zvol-recover - Recover deleted data volumes and destroyed VMs",
        "zvol [OPTIONS] COMMAND [ARGS]...",
        "-p, --profile NAME",
        "--deleted-since WHEN",
        "See zvol-recover(1) for full documentation on the recover command.",
        "zvol recover pg-wal --json | jq -r .installPath",
        "EXIT STATUS",
        "1 refused or failed for certain",
        "Only volumes whose name matches, such as 'pg-*'.",
    ):
        assert line in shown, line


def test_what_troff_and_markdown_would_read_as_marks() -> None:
    assert commands.roff(".so x\n'br \\n --all") == "\\&.so x\n\\&'br \\en \\-\\-all"
    assert commands.escaped("a*b `c*d` e|f") == "a\\*b `c*d` e\\|f"
