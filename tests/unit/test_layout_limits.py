"""The limits of the house: a file is at most 300 lines long, a function at most 40."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(str(path.relative_to(ROOT)) for folder in ("zvol", "tests") for path in ROOT.glob(f"{folder}/**/*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 40


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield each function and its length, its decorators apart."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_nothing_is_too_long() -> None:
    sources = {file: (ROOT / file).read_text() for file in FILES}
    assert {file for file, source in sources.items() if len(source.splitlines()) > LONGEST_FILE} == set()
    long = {
        (file, name)
        for file, source in sources.items()
        for name, lines in functions(source)
        if lines > LONGEST_FUNCTION
    }
    assert long == set()


def test_a_long_function_would_be_seen() -> None:
    long = "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION
    assert dict(functions(long)) == {"f": LONGEST_FUNCTION + 1}
