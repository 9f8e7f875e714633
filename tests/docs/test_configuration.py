"""docs/configuration.md: it has all settings, its example is valid, and each of its rules names a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.docs import configuration
from tests.docs.screens import marked
from tests.support.process import environment
from tests.support.warm import run
from zvol.config.registry import SETTINGS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text()


def test_each_rule_has_its_test() -> None:
    table = PAGE.partition("<!-- rules -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == 16
    for row in table:
        assert row.count(" | ") + row.count("| |") >= 4, row
        named = re.search(r"`([\w/]+\.py)::(\w+)` \|$", row)
        assert named, row
        tree = ast.parse((ROOT / "tests" / named[1]).read_text())
        assert named[2] in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, row


def test_its_settings_are_those_of_the_registry() -> None:
    assert configuration.page() == PAGE, "run: python -m tests.docs.configuration"
    rows = PAGE.partition("<!-- settings -->")[2].partition("<!-- end of settings -->")[0]
    for setting in SETTINGS.values():
        assert setting.help in rows
        for name in (*setting.variables, *setting.option):
            assert name in rows
    assert "| `timeout` | `ZVOL_TIMEOUT` | `--timeout` | `30m` | maximum wait for one volume" in rows
    assert "| `concurrency` |  | `--concurrency` of `recover` | `16` |" in rows


def test_its_example_is_valid(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    folder = tmp_path / "home/.config/zvol"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(marked("docs/configuration.md", "example"))
    (folder / "config.yaml").chmod(0o600)
    (folder / "zstack-ca.pem").touch()
    assert run(["config", "validate"], env).code == 0
    assert "https://zstack.example.com:8443" in run(["config", "show"], env).out
    assert "https://zstack-test.example.com:8443" in run(["config", "show", "-p", "test"], env).out
