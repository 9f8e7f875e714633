"""The limits of this repository: how long files and functions are, and who may import what of the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.no_cover, pytest.mark.once]

ROOT = Path(__file__).parents[2]
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
"""Lines; a function without its decorators, and with its docstring."""

SHARED = ("support", "sim", "model")
"""Packages of the tests that others may import: helpers, the simulated world, and the model that both check."""


def sources(*folders: str) -> dict[str, str]:
    paths = sorted(path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py"))
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}


def functions(source: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_or_function_is_too_long() -> None:
    found = sources("zvol", "tests")
    assert {file for file, source in found.items() if len(source.splitlines()) > LONGEST_FILE} == set()
    long = {(file, *one) for file, source in found.items() for one in functions(source) if one[1] > LONGEST_FUNCTION}
    assert long == set()


def test_a_function_that_is_too_long_is_found() -> None:
    source = "@decorated\ndef f():\n" + "    x = 1\n" * LONGEST_FUNCTION
    assert dict(functions(source)) == {"f": LONGEST_FUNCTION + 1}


# ---- helpers of the tests --------------------------------------------------------------------------------------------
def imports(source: str) -> Iterator[str]:
    """Yield the full name of everything that is imported, wherever it is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def forbidden(file: str, source: str) -> set[str]:
    """Return what a file of the tests must not import: test modules, and what belongs to another folder."""
    folder = Path(file).parts[1]
    found = set()
    for name in imports(source):
        parts = name.split(".")
        if parts[0] == "tests" and (
            any(part.startswith("test_") for part in parts) or parts[1] not in (folder, *SHARED)
        ):
            found.add(name)
    return found


def test_helpers_are_imported_from_support_only() -> None:
    found = {file: forbidden(file, source) for file, source in sources("tests").items()}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("from tests.e2e.test_help import run", False),
        ("from tests.e2e import test_help", False),
        ("import tests.crash.world", False),
        ("def f():\n    from tests.crash import world", False),
        ("from tests.e2e.conftest import cloud", True),
        ("from tests.support import tls", True),
        ("from tests.sim.world import World", True),
        ("from zvol.sandbox import embedded", True),
    ],
)
def test_an_import_of_a_helper_from_elsewhere_is_found(line: str, allowed: bool) -> None:
    assert (forbidden("tests/e2e/test_x.py", line) == set()) is allowed
