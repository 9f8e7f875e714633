"""The nodes of a configuration document with their YAML types, and the list of mistakes with positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, Protocol

from zvol.errors import Problem

NodeKind = Literal["text", "int", "float", "bool", "null", "date", "merge", "other", "map", "list", "tagged"]

_KINDS: Final[dict[str, NodeKind]] = {
    "str": "text",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "null": "null",
    "timestamp": "date",
    "merge": "merge",
    "map": "map",
    "seq": "list",
}
KIND_NAMES: Final[dict[NodeKind, str]] = {
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
    "tagged": "something else",
}


class Marked(Protocol):
    """A node or an event of PyYAML."""

    @property
    def start_mark(self) -> Any: ...


class Node(Marked, Protocol):
    """A node of PyYAML: `value` is the text of a scalar, a list of nodes, or a list of (key, value) nodes."""

    @property
    def tag(self) -> str: ...
    @property
    def value(self) -> Any: ...


class ProblemList:
    """The mistakes of one file, at most MAX of them; lines and columns count from 1, line 0 is the whole file."""

    MAX: Final = 50

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[tuple[int, int, str], None] = {}
        self._tagged: set[tuple[int, int]] = set()

    @property
    def any(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        return len(self._found) >= self.MAX

    def add(self, line: int, column: int, text: str) -> None:
        if not self.full:
            self._found[line, column, text] = None

    def at(self, node: Marked, text: str) -> None:
        self.add(*position(node), text)

    def refuse_tag(self, node: Marked) -> None:
        self.at(node, "tags are not allowed")
        self._tagged.add(position(node))

    def kind(self, node: Node) -> NodeKind:
        """Return the YAML type of a node; `tagged` if it has a tag, which is already reported."""
        return "tagged" if position(node) in self._tagged else _KINDS.get(node.tag.rpartition(":")[2], "other")

    def where(self, node: Node) -> str:
        line, column = position(node)
        return f"{self.path}:{line}:{column}"

    def problems(self) -> list[Problem]:
        """Return the mistakes in the order of the file."""
        found = [
            Problem(f"{self.path}:{line}:{column}" if line else str(self.path), text)
            for line, column, text in sorted(self._found)
        ]
        if self.full:
            found.append(Problem(str(self.path), "there may be more mistakes; these come first"))
        return found


def position(node: Marked) -> tuple[int, int]:
    """Return line and column, both from 1."""
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
