"""The program uses no shell, editor, pager or pickle, and never turns off the verification of certificates."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "zvol"
CALLS = {
    *("eval", "exec", "compile", "__import__", "system", "popen", "edit", "launch", "echo_via_pager", "pager"),
    *("getoutput", "getstatusoutput", "mktemp", "unsafe_load", "full_load", "set_trace", "breakpoint"),
}
MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "pdb",
    "faulthandler",
    "tempfile",
    "webbrowser",
    "ftplib",
    "telnetlib",
    "cgitb",
}
KEYWORDS = {("shell", True), ("verify", False), ("allow_redirects", True), ("show_locals", True), ("trust_env", True)}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_forbidden_call_is_used(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            owner = getattr(getattr(node.func, "value", None), "id", "")
            assert name not in CALLS or owner == "re", (name, node.lineno)
            given = {(one.arg, one.value.value) for one in node.keywords if isinstance(one.value, ast.Constant)}
            assert not given & KEYWORDS, node.lineno
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                str(getattr(node, "module", "")).split(".")[0]
            }
            assert not names & MODULES, node.lineno
