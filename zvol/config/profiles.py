"""The configuration file: strict YAML, all mistakes at once, and never a line of the file in a message.

The only importer of yaml.  Its events become nodes with positions, so that nothing is expanded, constructed or turned
into a number, a date or a truth value behind the user's back.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zvol.config.document import File, Value, check
from zvol.config.nodes import Kind, Node, ProblemList
from zvol.errors import ConfigError, Problem
from zvol.files import Content, UnreadableFile, read_file

if TYPE_CHECKING:
    import yaml

__all__ = ["DEPTH", "LIMIT", "NODES", "File", "Value", "load", "load_if_there"]

LIMIT: Final = 256 * 1024
DEPTH: Final = 20
NODES: Final = 20_000
"""How many values a file may hold; it keeps the time for a hostile one short."""

_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
_KINDS: Final[dict[str, Kind]] = {
    "str": "text",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "null": "null",
    "timestamp": "date",
    "merge": "merge",
}


MAKE_ONE: Final = "Make one with `zvol config init`."


def load(path: Path) -> File:
    """Read and check a configuration file.  Raises ConfigError with all that is wrong in it."""
    try:
        return _checked(read_file(path, LIMIT))
    except UnreadableFile as exc:
        text, hint = exc.text, MAKE_ONE if exc.missing else ""
    raise ConfigError([Problem(str(path), text)], hint=hint)


def load_if_there(path: Path) -> File | None:
    """Read and check a configuration file, None when there is none.

    Raises ConfigError as `load` does, and Unreadable when this user cannot know what is there.
    """
    try:
        return _checked(read_file(path, LIMIT))
    except UnreadableFile as exc:
        if exc.missing:
            return None
        raise


def _checked(content: Content) -> File:
    notes = ProblemList(content.path)
    file = check(_parsed(content.data, notes), notes)
    hint = _judge(content, file, notes)
    if notes.any:
        raise ConfigError(notes.problems(), hint=hint)
    return file


def _judge(content: Content, file: File, notes: ProblemList) -> str:
    """Note a file that is too open for what it holds, and return what repairs it."""
    exposed = content.exposure() if file.private else None
    if exposed is None and file.runs:
        if content.foreign:
            exposed = "names a program to run and belongs to another user", "Make a copy of your own."
        elif content.mode & 0o002:
            text = f"names a program to run and everybody can write it (mode {content.mode:04o})"
            exposed = text, f"Run: chmod o-w {shlex.quote(str(content.path))}"
    if exposed is None:
        return ""
    notes.add(0, 0, exposed[0])
    return exposed[1]


# ---- from bytes to nodes -----------------------------------------------------------------------------------------
def _parsed(data: bytes, notes: ProblemList) -> Node | None:
    """Return the graph of the only document, None when it is empty or no YAML; what is not allowed is noted."""
    text = _decoded(data, notes)
    if text is None:
        return None
    import yaml

    try:
        return _graph(text, notes)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line, column = (mark.line, mark.column) if mark else (-1, -1)
    except yaml.YAMLError:
        line, column = -1, -1
    lines = text.splitlines()
    tab = 0 <= line < len(lines) and "\t" in lines[line]
    advice = "use spaces, not tabs" if tab else "look for a missing quote, colon or space, or for the indentation"
    notes.add(line + 1, column + 1, f"is not YAML here: {advice}")
    return None


def _decoded(data: bytes, notes: ProblemList) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        notes.add(0, 0, "is UTF-16: save it as UTF-8")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        _note_offset(notes, data[: exc.start].decode("utf-8-sig"), "is not UTF-8 here")
        return None
    found = _UNPRINTABLE.search(text)
    if found:
        _note_offset(notes, text[: found.start()], "has a character here that YAML does not allow")
        return None
    return text


def _note_offset(notes: ProblemList, before: str, text: str) -> None:
    notes.add(before.count("\n") + 1, len(before) - before.rfind("\n"), text)


def _graph(text: str, notes: ProblemList) -> Node | None:
    """Build the nodes from the parser's events, as far as size and depth allow; raises yaml.YAMLError."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    roots: list[Node] = []
    stack: list[Node] = []
    count = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.NodeEvent):
                count += 1
                node = _node(event, loader, notes)
                (stack[-1].children if stack else roots).append(node)
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append(node)
                if len(stack) > DEPTH or count > NODES or len(roots) > 1:
                    notes.at(node, _too_much(len(stack), len(roots)))
                    return None
            elif isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
            elif isinstance(event, yaml.DocumentStartEvent) and event.tags:
                notes.add(*_position(event), "tags are not allowed")
    finally:
        loader.dispose()
    return roots[0] if roots else None


def _too_much(depth: int, documents: int) -> str:
    if depth > DEPTH:
        return f"is nested more than {DEPTH} deep"
    return "begins a second document: one is allowed" if documents > 1 else f"is the value after {NODES}: too many"


def _node(event: yaml.NodeEvent, loader: Any, notes: ProblemList) -> Node:
    """Return the node of an event; anchors, aliases and tags are noted."""
    import yaml

    node = Node("noted", *_position(event))
    if isinstance(event, yaml.AliasEvent):
        notes.at(node, "aliases are not allowed: write the value again")
        return node
    if event.anchor:
        notes.at(node, "anchors are not allowed")
    if getattr(event, "tag", None):
        notes.at(node, "tags are not allowed")
    elif isinstance(event, yaml.ScalarEvent):
        tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        node.kind = _KINDS.get(tag.rpartition(":")[2], "other")
        node.text = event.value
    else:
        node.kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
    return node


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
