"""The page on security: each threat has a row, each test that it names exists, and each count is the real one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.support.hostile import arguments, configurations, http_answers, json_bodies, names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "internals" / "security.md").read_text()
THREATS = 41


def test_each_threat_has_its_row() -> None:
    rows = re.findall(r"^\| T-(\d\d) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(range(1, THREATS + 1))
    for row in rows:
        assert "`" in row[3] or row[3].startswith("not "), row


def test_each_test_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 60
    for path, function in named:
        file = ROOT / "tests" / path
        assert file.is_file(), path
        if function:
            found = {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}
            assert function in found, (path, function)


def test_the_counts_are_the_real_ones() -> None:
    counts = {
        "names and other texts": len({*names.NAMES, *names.HALVES}),
        "formulas": len(set(names.FORMULAS)),
        "VOLUME arguments": len({*arguments.NAMES_OR_NOTHING, *arguments.REFUSED}),
        "filter values": len(set(arguments.QUERY)),
        "configurations": len(configurations.entries()),
        "bodies that are not JSON, or not ZStack's": len(json_bodies.NOT_JSON) + len(json_bodies.NOT_ZSTACK),
        "volumes with one malformed field": len(json_bodies.ODD_FIELDS),
        "HTTP answers": len(http_answers.UNCLEAR),
    }
    in_page = {what: int(count) for what, count in re.findall(r"^\| ([^|]+) \| (\d+) \|", PAGE, re.MULTILINE)}
    assert {what: in_page.get(what) for what in counts} == counts
