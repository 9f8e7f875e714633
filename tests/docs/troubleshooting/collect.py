"""Finds every place in zvol that builds an error a user can see: its message, its hint and its exit code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.docs.troubleshooting.program import Program, Scope, called, walk
from tests.docs.troubleshooting.resolve import Resolver, Way
from tests.docs.troubleshooting.texts import EMPTY, Text, literal, shown

Arguments = dict[str | int, ast.expr]
ERRORS: Final = {
    "ZvolError": (0, None),
    "UsageProblem": (0, None),
    "Refused": (0, None),
    "CannotTell": (0, None),
    "AuthError": (0, None),
    "Unreachable": (0, None),
    "Untrusted": (0, None),
    "LocalState": (0, None),
    "Busy": (0, None),
    "NeverSent": (1, 2),
    "MaybeSent": (0, None),
    "TransientError": (0, 4),
    "InconsistentPage": (0, 4),
    "UnreadableFile": (1, 3),
    "Problem": (1, None),
    "InvalidValue": (0, None),
    "UsageError": (0, None),
    "NothingGiven": (0, None),
    "fail": (0, None),
    "at": (1, None),
    "add": (2, None),
    "add_problem": (1, None),
    "_write_error": (0, None),
    "write_error": (0, None),
}
"""What builds an error: the position of its message, and of its hint where that is no keyword."""
LEAST: Final = 4
"""The letters that a message has; with fewer, it only passes on what another place says."""
REFUSED: Final = ("refused", "withheld")
"""The fields of a Credential that are messages."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message, the hints that can come with it, and the places that build it."""

    message: Text
    hints: tuple[Text, ...]
    places: tuple[str, ...]
    builders: frozenset[str]

    @property
    def shown(self) -> str:
        return shown(self.message)


def collect(program: Program | None = None) -> list[Found]:
    """Return every error, in the order of the source."""
    program = program or Program()
    resolver = Resolver(program)
    found: dict[str, Found] = {}
    for module in program.modules.values():
        for scope, node in walk(module):
            if isinstance(node, ast.Call) and _builds_an_error(node):
                for message, hints in _errors(node, scope, resolver):
                    if literal(message) < LEAST:
                        continue
                    hints = hints or (EMPTY,)
                    function = scope.function.name if scope.function else ""
                    place = f"{module.name}:{function}"
                    key = shown(message)
                    old = found.get(key)
                    places: tuple[str, ...] = (place,)
                    builders = frozenset({called(node)})
                    if old:
                        hints = tuple(dict.fromkeys((*old.hints, *hints)))
                        places, builders = (*old.places, place), old.builders | builders
                    found[key] = Found(message, hints, places, builders)
    return list(found.values())


def _builds_an_error(call: ast.Call) -> bool:
    name, func = called(call), call.func
    if name == "add":  # a mistake of the configuration, not an element of a set
        return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "problems"
    return name in ERRORS or name == "Credential"


def _errors(call: ast.Call, scope: Scope, resolver: Resolver) -> Iterator[tuple[Text, tuple[Text, ...]]]:
    keywords = {one.arg: one.value for one in call.keywords if one.arg}
    at, hint_at = ERRORS.get(called(call), (99, None))
    if call.args and isinstance(call.args[0], ast.Starred):
        for parts, there, _ in resolver.tuples(call.args[0].value, scope):
            if at < len(parts):
                hints = resolver.ways(parts[at + 1], there) if at + 1 < len(parts) else []
                for way in resolver.ways(parts[at], there):
                    yield way.text, tuple(one.text for one in hints)
        return
    message = next((keywords[name] for name in REFUSED if name in keywords), None) or (
        call.args[at] if at < len(call.args) else None
    )
    if message is None:
        return
    hint = keywords.get("hint") or (call.args[hint_at] if hint_at and hint_at < len(call.args) else None)
    hints = resolver.ways(hint, scope) if hint is not None else []
    ways = resolver.ways(message, scope)
    for way in ways:
        taken = {one.blocks for one in ways if one.blocks != way.blocks}
        yield (
            way.text,
            tuple(
                one.text
                for one in _fitting(way, [one for one in hints if one.blocks not in taken or one.blocks <= way.blocks])
            ),
        )


def _fitting(way: Way, hints: list[Way]) -> list[Way]:
    """Return the hints that can come with a message: of the same tuple or call, or set on the same way through."""
    before = [one for one in hints if one.blocks <= way.blocks]
    last = max((len(one.blocks) for one in before), default=0)
    found = [one for one in before if len(one.blocks) == last] + [one for one in hints if one.blocks > way.blocks]
    most = max((len(one.ties & way.ties) for one in found or hints), default=0)
    return [one for one in found or hints if len(one.ties & way.ties) == most]
