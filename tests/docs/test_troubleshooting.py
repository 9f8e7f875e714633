"""Every error of zvol is provoked through the command, and docs/troubleshooting.md has it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.troubleshooting.collect import ERRORS, Found, collect
from tests.docs.troubleshooting.page import PAGE, page, readable, uncovered
from tests.docs.troubleshooting.program import ROOT, Program
from tests.docs.troubleshooting.readings import READINGS, Reading
from tests.docs.troubleshooting.row import Row, find, says
from tests.docs.troubleshooting.rows import ELSEWHERE, HIDDEN, provoked
from tests.support.process import Sandbox, sandbox

UNSAID = {"ZvolError", "ConfigError", "OutputLost"}
"""Classes of errors that are only bases, or whose texts other places build."""


@cache
def errors() -> list[Found]:
    return collect()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("cloud"), "--extra", "40") as made:
        yield made


@pytest.mark.parametrize("row", provoked(), ids=lambda row: f"{row.code} {row.keys[0][:50]}")
def test_it_is_said_with_its_hint_and_exit_code(row: Row, cloud: Sandbox, tmp_path: Path) -> None:
    if row.root and os.geteuid() != 0:
        pytest.skip("only root can set this up")
    ran = row.run(cloud, tmp_path)
    wrong = [why for key in row.keys if (why := says(ran.err + ran.out, find(key, errors()), errors()))]
    assert (ran.code, wrong) == (row.code, []), ran


def test_every_error_is_provoked_or_excused() -> None:
    assert uncovered(errors()) == [], "give each a row in tests/docs/troubleshooting/rows_*.py"


def test_what_is_excused_is_little_and_not_provoked() -> None:
    seen = {find(key, errors()).shown for row in provoked() for key in row.keys}
    assert not [one.error for one in (*ELSEWHERE, *HIDDEN) if find(one.error, errors()).shown in seen]
    assert len(HIDDEN) <= len(errors()) / 12


def test_what_is_provoked_elsewhere_is() -> None:
    for one in ELSEWHERE:
        file, _, name = one.test.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        assert any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree)), one


def test_every_class_of_errors_is_collected() -> None:
    classes: dict[str, set[str]] = {}
    for module in Program().modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                classes[node.name] = {
                    base.attr if isinstance(base, ast.Attribute) else ast.unparse(base) for base in node.bases
                }
    known = {"ZvolError", "UsageError", "ClickException", "BadParameter"}
    while more := {name for name, bases in classes.items() if bases & known} - known:
        known |= more
    assert known - UNSAID - {"ClickException", "BadParameter"} <= ERRORS.keys()


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.error[:50])
def test_each_reading_is_of_a_message_and_has_no_word_in_vain(reading: Reading) -> None:
    error = find(reading.error, errors())
    shown = [(error.message, reading.words), *((hint, reading.of_hints) for hint in error.hints)]
    for word in {**reading.words, **reading.of_hints}:
        assert any(
            readable(text, words) != readable(text, {name: words[name] for name in words if name != word})
            for text, words in shown
        ), word


def test_the_page_is_the_generated_one() -> None:
    assert PAGE.read_text() == page(errors()), "run: python -m tests.docs.troubleshooting"
