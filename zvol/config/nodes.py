"""A configuration document as a graph of nodes with positions, and the list of what is wrong in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from zvol.errors import Problem

Kind = Literal["text", "int", "float", "bool", "null", "date", "merge", "other", "map", "list", "noted"]

KIND_WORDS: Final[dict[Kind, str]] = {
    "text": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "date": "a date",
    "merge": "a merge key",
    "other": "something else",
    "map": "a mapping",
    "list": "a list",
    "noted": "something else",
}


@dataclass(slots=True)
class Node:
    """One node; line and column count from 1.

    `kind` is what YAML takes it for, `noted` when what is wrong with it has been said already.  `text` is a scalar as
    written.  `children` are the items of a list, and key, value, key, value … of a mapping.
    """

    kind: Kind
    line: int
    column: int
    text: str = field(default="", repr=False)
    children: list[Node] = field(default_factory=list, repr=False)

    @property
    def what(self) -> str:
        return KIND_WORDS[self.kind]

    @property
    def pairs(self) -> list[tuple[Node, Node]]:
        return list(zip(self.children[::2], self.children[1::2], strict=True))


class ProblemList:
    """All mistakes of one file, up to a number that a person can use."""

    MOST: Final = 50

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: list[tuple[int, int, str]] = []

    @property
    def any(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        return len(self._found) >= self.MOST

    def add(self, line: int, column: int, text: str) -> None:
        """Note a mistake; line 0 is the file as a whole."""
        if not self.full and (line, column, text) not in self._found:
            self._found.append((line, column, text))

    def at(self, node: Node, text: str) -> None:
        self.add(node.line, node.column, text)

    def where(self, node: Node) -> str:
        return f"{self.path}:{node.line}:{node.column}"

    def problems(self) -> list[Problem]:
        """Return the mistakes in the order of the file."""
        found = [
            Problem(f"{self.path}:{line}:{column}" if line else str(self.path), text)
            for line, column, text in sorted(self._found)
        ]
        if self.full:
            found.append(Problem(str(self.path), "there may be more mistakes; these come first"))
        return found
