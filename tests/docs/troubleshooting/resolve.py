"""What a text in the source can be: the templates of an expression."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import Final

from tests.docs.troubleshooting.numbers import number_of, specified
from tests.docs.troubleshooting.program import Assigned, Bound, Program, Scope, before, called, defaults, parameters
from tests.docs.troubleshooting.texts import EMPTY, MAX_SHOWN, Hole, Part, Text, choice, literal, shown, text_of
from tests.docs.troubleshooting.words import WRAPPERS, word, word_of

MAX_DEPTH: Final = 12
MAX_NAME: Final = 24
"""The most characters of names, such as those of options, of which a message has one."""
MAX_WAYS: Final = 24
"""The most templates of one expression; with more, it counts as text that differs each time."""


@dataclass(frozen=True, slots=True)
class Way:
    """One text that an expression can be, the conditional blocks of the source that lead there, and its tuple or call.

    Texts of one tuple, or of one call, belong together.
    """

    text: Text
    blocks: frozenset[int] = frozenset()
    ties: frozenset[int] = frozenset()


class Resolver:
    """Follows expressions through a program."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def ways(self, expr: ast.expr, scope: Scope, seen: frozenset[int] = frozenset()) -> list[Way]:
        """Return the texts that an expression can be."""
        if len(seen) > MAX_DEPTH or id(expr) in seen:
            return [Way((Hole(word(expr)),))]
        found = self._ways(expr, scope, seen | {id(expr)})
        found = list(dict.fromkeys(found))
        return found if 0 < len({way.text for way in found}) <= MAX_WAYS else [Way((Hole(word(expr)),))]

    def _ways(self, expr: ast.expr, scope: Scope, seen: frozenset[int]) -> list[Way]:
        match expr:
            case ast.Constant(value=value):
                return [Way(text_of(str(value)) if value is not None else EMPTY)]
            case ast.JoinedStr(values=values):
                return self._joined([self._piece(value, scope, seen) for value in values])
            case ast.BinOp(op=ast.Add(), right=ast.Constant(value=int())):
                return [Way((Hole(word(expr)),))]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([self.ways(left, scope, seen), self.ways(right, scope, seen)])
            case ast.BinOp(op=ast.Mult() | ast.Pow() | ast.LShift() | ast.RShift() | ast.Div()):
                return self._computed(expr, scope, seen)
            case ast.IfExp(body=body, orelse=orelse):
                return [*self.ways(body, scope, seen), *self.ways(orelse, scope, seen)]
            case ast.BoolOp(values=values):
                found = [way for value in values for way in self.ways(value, scope, seen)]
                last = [way.text for way in self.ways(values[-1], scope, seen)]
                return [way for way in found if way.text != EMPTY or EMPTY in last]
            case ast.NamedExpr(value=value):
                return self.ways(value, scope, seen)
            case ast.Name():
                return self._named(expr, scope, seen)
            case ast.Attribute(value=ast.Name(id=first), attr=attr):
                target = scope.module.imports.get(first)
                module = self.program.modules.get(".".join(target)) if target else None
                if module is not None and attr in module.constants:
                    return self.ways(module.constants[attr], Scope(module), seen)
                return [Way((Hole(word(expr)),))]
            case ast.Subscript():
                return self._item(expr, scope, seen)
            case ast.Call():
                return self._called(expr, scope, seen)
            case _:
                return [Way((Hole(word(expr)),))]

    def _piece(self, value: ast.expr, scope: Scope, seen: frozenset[int]) -> list[Way]:
        if not isinstance(value, ast.FormattedValue):
            return self.ways(value, scope, seen)
        found = self.ways(value.value, scope, seen)
        if isinstance(value.format_spec, ast.JoinedStr):
            found = [replace(way, text=specified(way.text, value.format_spec)) for way in found]
        if value.conversion == ord("r"):
            return [replace(way, text=text_of("'", *way.text, "'")) for way in found]
        if len(found) > MAX_SHOWN and all(len(shown(way.text)) <= MAX_NAME for way in found):
            return [Way((Hole(word(value.value)),))]
        return found

    def _joined(self, pieces: list[list[Way]]) -> list[Way]:
        """Join pieces; what can be several texts is a choice within one, unless it is the whole."""
        pieces = [piece for piece in pieces if piece != [Way(EMPTY)]]
        if len(pieces) == 1:
            return pieces[0]
        parts: list[Part] = []
        blocks, ties = frozenset[int](), frozenset[int]()
        for piece in pieces:
            parts += choice([way.text for way in piece])
            if len(piece) == 1:
                blocks, ties = blocks | piece[0].blocks, ties | piece[0].ties
        return [Way(text_of(*parts), blocks, ties)]

    def _computed(self, expr: ast.BinOp, scope: Scope, seen: frozenset[int]) -> list[Way]:
        """Return a product of constants, or a text that is there or not."""
        number = number_of(expr, scope, self.program)
        if number is not None:
            return [Way(text_of(f"{number:g}" if isinstance(number, float) else str(number)))]
        if isinstance(expr.op, ast.Mult):
            return [*self.ways(expr.left, scope, seen), Way(EMPTY)]
        return [Way((Hole(word(expr)),))]

    # ---- names ---------------------------------------------------------------------------------------------------
    def _named(self, use: ast.Name, scope: Scope, seen: frozenset[int]) -> list[Way]:
        name = use.id
        assigned = self.program.assigned(use, scope)
        if assigned:
            return self._assigned(name, assigned, scope, seen)
        if name in scope.bound:
            value, there = scope.bound[name]
            return self.ways(value, there, seen)
        if scope.function is not None and name in {one.arg for one in self._arguments(scope)}:
            return self._given(name, scope, seen)
        constant = self.program.constant(name, scope)
        return self.ways(*constant, seen) if constant is not None else [Way((Hole(word_of(name)),))]

    def _arguments(self, scope: Scope) -> list[ast.arg]:
        assert scope.function is not None
        return [*parameters(scope.function), *scope.function.args.kwonlyargs]

    def _assigned(self, name: str, assigned: list[Assigned], scope: Scope, seen: frozenset[int]) -> list[Way]:
        found: list[tuple[Way, Assigned | None]] = []
        for one in (one for one in assigned if not one.added):
            ways = self.ways(one.value, scope, seen) if one.element is None else self._element(one, name, scope, seen)
            found += [(replace(way, blocks=way.blocks | one.blocks), one) for way in ways]
        if not found and name in scope.bound:
            found = [(way, None) for way in self.ways(*scope.bound[name], seen)]
        for one in (one for one in assigned if one.added):
            more = choice([way.text for way in self.ways(one.value, scope, seen)])
            seen_by = [(way, of) for way, of in found if of is None or _reaches(of, one)]
            longer: list[tuple[Way, Assigned | None]] = [
                (replace(way, text=text_of(*way.text, *more), blocks=way.blocks | one.blocks), one)
                for way, _ in seen_by
            ]
            found = [pair for pair in found if not (pair in seen_by and one.blocks <= pair[0].blocks)] + longer
        return [way for way, _ in found]

    def _element(self, one: Assigned, name: str, scope: Scope, seen: frozenset[int]) -> list[Way]:
        assert one.element is not None
        found: list[Way] = []
        for parts, there, ties in self.tuples(one.value, scope, seen):
            if one.element < len(parts):
                ways = self.ways(parts[one.element], there, seen | {id(one.value)})
                found += [replace(way, ties=way.ties | ties) for way in ways]
        return found or [Way((Hole(word_of(name)),))]

    def _given(self, name: str, scope: Scope, seen: frozenset[int]) -> list[Way]:
        """Return what the callers of a function give for a parameter."""
        function = scope.function
        assert function is not None
        target = scope.owner if function.name == "__init__" else function.name
        found: list[Way] = []
        for call, there in self.program.calls[target]:
            known = self.program.function(call, there)
            if known is not None and known[0] is not function:
                continue
            bound = known[1].bound if known else self._bound(call, scope, there)
            if name in bound:
                value, from_ = bound[name]
                found += [replace(way, ties=way.ties | {id(call)}) for way in self.ways(value, from_, seen)]
        if found and any(literal(way.text) for way in found):
            return [way if literal(way.text) or way.text == EMPTY else Way((Hole(word_of(name)),)) for way in found]
        return [Way((Hole(word_of(name)),))]

    def _bound(self, call: ast.Call, scope: Scope, there: Scope) -> dict[str, Bound]:
        assert scope.function is not None
        names = [one.arg for one in parameters(scope.function)][1 if scope.owner else 0 :]
        own: dict[str, Bound] = {name: (value, Scope(scope.module)) for name, value in defaults(scope.function).items()}
        given: dict[str, Bound] = {name: (value, there) for name, value in zip(names, call.args, strict=False)}
        return own | given | {one.arg: (one.value, there) for one in call.keywords if one.arg}

    # ---- calls and items -----------------------------------------------------------------------------------------
    def _called(self, call: ast.Call, scope: Scope, seen: frozenset[int]) -> list[Way]:
        func = call.func
        if isinstance(func, ast.Attribute):
            if func.attr == "format":
                return self._formatted(func.value, call, scope, seen)
            if func.attr in ("strip", "removesuffix", "removeprefix", "lower", "capitalize"):
                return self.ways(func.value, scope, seen)
            if func.attr == "get" and (values := self._values(func.value, scope)):
                found = [way for value, there in values for way in self.ways(value, there, seen)]
                return found + [way for value in call.args[1:] for way in self.ways(value, scope, seen)]
        if called(call) in WRAPPERS and call.args:
            return self.ways(call.args[0], scope, seen)
        target = self.program.function(call, scope)
        if target is None:
            return [Way((Hole(word(call)),))]
        function, inner = target
        ways = [
            replace(way, blocks=frozenset())
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and node.value is not None
            for way in self.ways(node.value, inner, seen)
        ]
        hole = Way((Hole(word(call)),))
        known = [way if literal(way.text) > 1 or way.text == EMPTY else hole for way in ways]
        return known if any(literal(way.text) > 1 for way in ways) else [hole]

    def _formatted(self, base: ast.expr, call: ast.Call, scope: Scope, seen: frozenset[int]) -> list[Way]:
        given = {one.arg: one.value for one in call.keywords if one.arg}
        found = []
        for way in self.ways(base, scope, seen):
            parts: list[Part] = []
            for part in way.text:
                pieces = re.split(r"\{(\w+)\}", part) if isinstance(part, str) else [part]
                for number, piece in enumerate(pieces):
                    if number % 2 and isinstance(piece, str) and piece in given:
                        parts += choice([one.text for one in self.ways(given[piece], scope, seen)])
                    else:
                        parts.append(piece)
            found.append(replace(way, text=text_of(*parts)))
        return found

    def _item(self, expr: ast.Subscript, scope: Scope, seen: frozenset[int]) -> list[Way]:
        if isinstance(expr.slice, ast.Constant) and isinstance(expr.slice.value, int):
            one = Assigned(expr.value, expr.slice.value, ())
            return self._element(one, word(expr), scope, seen)
        values = self._values(expr.value, scope)
        return [way for value, there in values for way in self.ways(value, there, seen)] or [Way((Hole(word(expr)),))]

    def _values(self, expr: ast.expr, scope: Scope) -> list[Bound]:
        """Return the values of a constant that is a dictionary."""
        bound = self.program.constant(expr.id, scope) if isinstance(expr, ast.Name) else None
        if bound is None or not isinstance(bound[0], ast.Dict):
            return []
        return [(value, bound[1]) for value in bound[0].values]

    def tuples(
        self, expr: ast.expr, scope: Scope, seen: frozenset[int] = frozenset()
    ) -> list[tuple[list[ast.expr], Scope, frozenset[int]]]:
        """Return the tuples that an expression can be, as the expressions of their elements."""
        if len(seen) > MAX_DEPTH or id(expr) in seen:
            return []
        seen |= {id(expr)}
        match expr:
            case ast.Tuple(elts=elements):
                return [(elements, scope, frozenset({id(expr)}))]
            case ast.IfExp(body=body, orelse=orelse):
                return [*self.tuples(body, scope, seen), *self.tuples(orelse, scope, seen)]
            case ast.BoolOp(values=values):
                return [one for value in values for one in self.tuples(value, scope, seen)]
            case ast.NamedExpr(value=value):
                return self.tuples(value, scope, seen)
            case ast.Subscript(value=value):
                return [one for item, there in self._values(value, scope) for one in self.tuples(item, there, seen)]
            case ast.Name(id=name):
                found = []
                for one in self.program.assigned(expr, scope):
                    if one.element is None and not one.added:
                        found += self.tuples(one.value, scope, seen)
                if not found and name in scope.bound:
                    return self.tuples(*scope.bound[name], seen)
                constant = self.program.constant(name, scope)
                return found or (self.tuples(*constant, seen) if constant else [])
            case ast.Call():
                return self._returned(expr, scope, seen)
            case ast.GeneratorExp(elt=element):
                return self.tuples(element, scope, seen)
            case _:
                return []

    def _returned(
        self, call: ast.Call, scope: Scope, seen: frozenset[int]
    ) -> list[tuple[list[ast.expr], Scope, frozenset[int]]]:
        """Return the tuples that a function returns; those of a generator for `next`."""
        target = self.program.function(call, scope)
        if target is None:
            return self.tuples(call.args[0], scope, seen) if called(call) == "next" and call.args else []
        function, inner = target
        values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
        return [one for value in values for one in self.tuples(value, inner, seen)]


def _reaches(one: Assigned, other: Assigned) -> bool:
    return before(one.value, other.value) and one.reaches(other.chain)
