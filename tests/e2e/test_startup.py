"""Start-up: what is imported is counted, for counts do not flicker as times do."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, READY, environment, sandbox
from zvol import cli

HEAVY = {"requests", "urllib3", "rich", "yaml", "sqlite3", "ssl"}
UNUSUAL = {"cli.waits", "catalog.filters", "config.profiles", "recovery.follow_ups.stage", "render.notices", "rows"}
"""Modules of zvol that a recovery of a UUID without options does not need."""
COUNT = """
import json, sys, atexit
before = len(sys.modules)
sys.argv = ["zvol", *{arguments!r}]
def report():
    sys.__stderr__.write("\\n" + json.dumps([len(sys.modules), sorted(sys.modules)]) + "\\n")
atexit.register(report)
from zvol.cli import main
main()
"""


def modules(arguments: list[str], env: dict[str, str]) -> tuple[int, set[str]]:
    """Run zvol in a process of its own and return how many modules it ended with, and which."""
    code = COUNT.format(arguments=arguments)
    ended = subprocess.run([sys.executable, "-I", "-c", code], env=env, capture_output=True, text=True, check=False)
    count, names = json.loads(ended.stderr.splitlines()[-1])
    return count, set(names)


@pytest.mark.parametrize(
    ("arguments", "more", "ceiling"),
    [
        (["--version"], {}, 70),
        (["--help"], {}, 130),
        ([], {"_ZVOL_COMPLETE": "bash_complete", "COMP_LINE": "zvol re"}, 130),
        ([], {"_ZVOL_COMPLETE": "bash_complete", "COMP_LINE": "zvol recover --"}, 130),
    ],
)
def test_nothing_heavy_is_imported_for_help_and_completion(
    arguments: list[str], more: dict[str, str], ceiling: int, tmp_path: Path
) -> None:
    count, names = modules(arguments, environment(tmp_path / "home", more))
    assert count <= ceiling
    assert not names & HEAVY


def test_recover_in_json_imports_neither_rich_nor_yaml(tmp_path: Path) -> None:
    with sandbox(tmp_path / "cloud") as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        count, names = modules(["recover", PG_DATA, "--json"], env)
        assert count <= 460
        assert sum(name.startswith("zvol") for name in names) <= 130
        assert not names & ({"rich", "yaml"} | {f"zvol.{name}" for name in UNUSUAL})
        assert "sqlite3" in names
        _, names = modules(["recover", READY, "--json"], env)
        assert not names & {"rich", "yaml", "sqlite3"}


def test_after_the_start_garbage_is_collected_more_often() -> None:
    before, callbacks = gc.get_threshold(), len(gc.callbacks)
    try:
        cli._collect_seldom()
        assert gc.get_threshold()[0] == cli.AT_START
        gc.collect()
        assert gc.get_threshold() == (cli.GARBAGE, *before[1:])
        assert len(gc.callbacks) == callbacks
    finally:
        gc.set_threshold(*before)
