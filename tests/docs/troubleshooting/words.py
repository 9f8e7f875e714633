"""The words that stand for what differs in a message."""

from __future__ import annotations

import ast
from typing import Final

from tests.docs.troubleshooting.program import called

WRAPPERS: Final = ("escape_terminal", "str", "quote", "sorted", "list", "repr", "int", "ceil", "join", "cast", "tuple")
"""Calls that show their argument."""
WORDS: Final = {
    "strerror": "reason",
    "exc": "reason",
    "why": "reason",
    "problem": "reason",
    "error": "reason",
    "given": "value",
    "asked": "name",
    "typed": "value",
    "shown": "value",
    "cmd_name": "command",
    "uuids": "UUIDs",
    "uuid": "UUID",
    "run_id": "run",
    "did_you_mean": "",
    "guess": "",
    "names": "names",
    "first_named": "names",
    "human_duration": "time",
    "seconds": "number",
    "len": "number",
    "many": "number",
    "counted": "number",
    "origin": "host",
    "base": "host",
    "address": "host",
    "where": "place",
    "noun": "volume or VM",
}
"""Words that stand for what differs, where the name in the source does not say it to a reader."""


def word(expr: ast.expr) -> str:
    """Return the word that stands for what an expression shows."""
    match expr:
        case ast.Name(id=name):
            return word_of(name)
        case ast.Attribute(value=value, attr=attr):
            if attr in ("text", "name", "value") and isinstance(value, ast.Name | ast.Attribute):
                return word(value) if attr != "name" else "name"
            return word_of(attr)
        case ast.Subscript(value=value):
            return word(value)
        case ast.Call() if called(expr) in WRAPPERS and expr.args:
            return word(expr.args[0])
        case ast.Call(func=ast.Attribute(value=value, attr="replace" | "strip" | "lower" | "partition" | "reveal")):
            return word(value)
        case ast.Call():
            return word_of(called(expr))
        case ast.BinOp(left=left):
            return word(left)
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            return word(element)
        case ast.NamedExpr(value=value):
            return word(value)
        case _:
            return "…"


def word_of(name: str) -> str:
    return WORDS.get(name, name.strip("_").replace("_", " ").lower())
