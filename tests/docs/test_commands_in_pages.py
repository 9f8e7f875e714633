"""Each command that a page names, in a block or in a sentence, is one that zvol understands."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.screens import BLOCK, ROOT
from zvol.cli.app import app

GENERATED = {ROOT / "docs" / "commands.md", ROOT / "docs" / "troubleshooting.md"}
"""They are written from the commands and their messages, and have tests of their own."""
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")} - GENERATED)
PLACEHOLDERS = {"RUN": "20261125-083000-1a2b3c", "SHELL": "bash", "V": "5.2.1"}
NO_VALUE = (click.MissingParameter, click.BadOptionUsage)
"""A sentence names a command or an option without what belongs to it."""


def understand(arguments: list[str]) -> None:
    """Parse a command line without running it; raises click.UsageError."""
    command: click.Command = app
    ctx, rest = None, arguments
    while True:
        ctx = command.make_context(command.name or "zvol", list(rest), parent=ctx)
        if not isinstance(command, click.Group):
            return
        rest = [*ctx._protected_args, *ctx.args]
        if not rest:
            return
        _, found, rest = command.resolve_command(ctx, rest)
        assert found is not None
        command = found


def scripts(page: Path) -> Iterator[str]:
    """Yield each command line of the scripts of a page, up to what only a shell reads."""
    for _, language, block in BLOCK.findall(page.read_text()):
        if language in ("sh", "cron", "ini"):
            for line in block.splitlines():
                yield from re.findall(r"(?:^ *|[;&|(>'] ?|xargs |/)(zvol [^|<>;&)'\"]*(?:'[^']*'[^|<>;&)]*)*)", line)


def sentences(page: Path) -> Iterator[str]:
    """Yield each command line in the sentences of a page."""
    for line in re.findall(r"`(zvol [^`]+)`", BLOCK.sub("", page.read_text())):
        yield re.split(r" \|\|? | < | > ", re.sub(r"<\([^)]*\)", "FILE", line))[0]


def words(line: str) -> list[str]:
    """Return the arguments of a line, without the dots of what it leaves out."""
    found = shlex.split(line, comments=True)[1:]
    return [PLACEHOLDERS.get(word, word.removesuffix("...")) for word in found if word not in ("…", "...")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_zvol_understands_them(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in scripts(page):
        understood(line)
    for line in sentences(page):
        with contextlib.suppress(*NO_VALUE):
            understood(line)


def understood(line: str) -> None:
    try:
        understand(words(line))
    except click.exceptions.Exit:  # the help was asked for
        pass
    except NO_VALUE:
        raise
    except (click.UsageError, ValueError) as error:
        raise AssertionError(line) from error


def test_they_are_found() -> None:
    found = [line.strip() for page in PAGES for line in (*scripts(page), *sentences(page))]
    for line in (
        "zvol --sandbox recover d0a7a5e0c0de4b1e8a5efeedbead0001",
        "zvol recover -q -",
        "zvol list --name 'pg-*' -o name",
        "zvol resume -q",
        "zvol runs RUN",
    ):
        assert line in found, line
    assert len(found) > 100


@pytest.mark.parametrize("line", ["zvol recover --expct 2", "zvol lits", "zvol list --sort age"])
def test_a_misspelt_one_is_not_understood(line: str) -> None:
    with pytest.raises(AssertionError):
        understood(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_tests_and_programs_that_it_names_exist(page: Path) -> None:
    text = page.read_text()
    for module in re.findall(r"python3? -m (tests[\w.]*)", text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module
    for path in re.findall(r"(?<![\w/])(?:tests|zvol|docs|\.ci)/[\w/.*-]+", text):
        assert [*ROOT.glob(path.rstrip("."))] or "NAME" in path or "VERSION" in path, path
