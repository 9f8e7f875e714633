"""Numbers in messages that are the same each time."""

from __future__ import annotations

import ast
import re
from operator import lshift, mul, rshift, truediv

from tests.docs.troubleshooting.program import Program, Scope
from tests.docs.troubleshooting.texts import Text, text_of


def number_of(expr: ast.expr, scope: Scope, program: Program) -> int | float | None:
    """Return what an expression of constants comes to."""
    match expr:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name) if (bound := program.constant(name, scope)) is not None:
            return number_of(*bound, program)
        case ast.BinOp(left=left, op=op, right=right):
            one, other = number_of(left, scope, program), number_of(right, scope, program)
            if one is None or other is None:
                return None
            how = {ast.Mult: mul, ast.Div: truediv, ast.LShift: lshift, ast.RShift: rshift}.get(type(op))
            return how(one, other) if how else None
        case _:
            return None


def specified(text: Text, spec: ast.JoinedStr) -> Text:
    """Return a constant number as its format specification writes it; anything else as it is."""
    form = "".join(str(part.value) for part in spec.values if isinstance(part, ast.Constant))
    if len(text) == 1 and isinstance(text[0], str) and re.fullmatch(r"[0-9.]+", text[0]):
        number = float(text[0]) if "f" in form or "." in text[0] else int(text[0])
        return text_of(format(number, form))
    return text
