"""docs/configuration.md: each row of its table of rules names a test, which exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text()


def test_each_rule_has_its_test() -> None:
    table = PAGE.partition("<!-- rules -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == 15
    for row in table:
        assert row.count(" | ") + row.count("| |") >= 4, row
        named = re.search(r"`([\w/]+\.py)::(\w+)` \|$", row)
        assert named, row
        tree = ast.parse((ROOT / "tests" / named[1]).read_text())
        assert named[2] in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, row
