"""The import rules hold, and each of them is found broken when it is broken."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

pytestmark = [pytest.mark.no_cover, pytest.mark.once]

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
HEAVY_DOORS = {
    "requests": "zvol/zstack/transport/",
    "urllib3": "zvol/zstack/transport/",
    "yaml": "zvol/config/profiles.py",
    "rich": "zvol/render/formats/table.py",
}

BREAKS = {
    "render/results.py": "from zvol.zstack import client",
    "config/kinds.py": "from zvol.render import columns",
    "recovery/circuit_breaker.py": "import click",
    "session/server.py": "from zvol.recovery import engine",
    "catalog/diagnostics.py": "from zvol.session import server",
    "journal/journal_file.py": "from zvol.config import paths",
    "sandbox/wire.py": "from zvol.zstack import answers",
    "zstack/query.py": "from zvol.recovery import quiet_period",
    "recovery/outcomes.py": "import requests",
    "files.py": "from zvol.journal import locks",
    "errors.py": "from zvol import text",
    "config/credentials.py": "import yaml",
    "journal/locks.py": "import yaml",
    "render/progress.py": "import rich",
    "session/provider.py": "import urllib3",
    "zstack/login.py": "import requests",
    "zstack/paging.py": "import urllib3",
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ, PYTHONPATH=str(tree))
    return subprocess.run([str(LINT), "--no-cache"], cwd=tree, env=env, capture_output=True, text=True, check=False)


def test_the_rules_hold() -> None:
    ended = lint(ROOT)
    assert ended.returncode == 0, ended.stdout


def test_each_rule_is_found_broken(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "zvol", tmp_path / "zvol", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, line in BREAKS.items():
        path = tmp_path / "zvol" / file
        path.write_text(path.read_text().replace("from __future__ import annotations\n", f"\n{line}\n", 1))
    ended = lint(tmp_path)
    assert ended.returncode == 1
    for file, line in BREAKS.items():
        importer = ".".join(("zvol", *Path(file).with_suffix("").parts))
        imported = line.replace("from ", "").replace("import ", "").replace(" ", ".")
        assert f"{importer} -> {imported} (l." in ended.stdout, ended.stdout


def sources() -> list[Path]:
    return sorted((ROOT / "zvol").rglob("*.py"))


# ---- circles -----------------------------------------------------------------------------------------------------
def runtime_imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield what is imported when the code runs: also in functions, but not for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from runtime_imports(child)


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return for each module, of name and source, the others among them that it imports."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        found = graph[module] = set()
        for node in runtime_imports(ast.parse(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            else:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= names if names <= sources.keys() else {*names, str(node.module)}
        found &= sources.keys() - {module, "zvol"}
    return graph


def circles(graph: Mapping[str, set[str]]) -> set[str]:
    """Return the modules that import themselves by way of others."""
    left = dict(graph)
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in free}
    while unused := left.keys() - set().union(*left.values()):
        left = {module: imported for module, imported in left.items() if module not in unused}
    return set(left)


def test_no_two_files_import_each_other_in_a_circle() -> None:
    found = {}
    for path in sources():
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path.read_text()
    graph = import_graph(found)
    assert sum(map(len, graph.values())) > 400
    assert circles(graph) == set()


@pytest.mark.parametrize(
    ("a", "b", "circle"),
    [
        ("import b", "import a", True),
        ("from b import x", "def f():\n    from a import y", True),
        ("import b", "import c", False),
        ("import b", "if TYPE_CHECKING:\n    import a", False),
    ],
)
def test_a_circle_is_found(a: str, b: str, circle: bool) -> None:
    graph = import_graph({"a": a, "b": b, "c": "", "d": "import a"})
    assert circles(graph) == ({"a", "b"} if circle else set())


# ---- heavy libraries ---------------------------------------------------------------------------------------------
def test_heavy_libraries_have_one_door_each() -> None:
    for path in sources():
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            for module in modules:
                door = HEAVY_DOORS.get(module.split(".")[0])
                assert door is None or name.startswith(door), f"{name} imports {module}"


def test_the_readme_has_its_two_commands_and_the_exit_codes() -> None:
    readme = (ROOT / "README.md").read_text()
    for marker in ("<!-- try command -->\n```sh\n", "<!-- test command -->\n```sh\n"):
        assert readme.count(marker) == 1
    from zvol.errors import Exit

    for code in Exit:
        assert f"{int(code)}" in readme
