"""Reads the configuration file as strict YAML; reports all mistakes at once, and no message quotes the file.

Only this module imports yaml. It checks the events of the parser, then composes the document into nodes with positions,
but does not construct it, so that no value becomes a number, a date or a boolean.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from zvol.config.document import File, Value, check
from zvol.config.nodes import Node, ProblemList
from zvol.errors import ConfigError, Problem
from zvol.files import PIPE_SECONDS, UnreadableFile, read_file
from zvol.permissions import Content

__all__ = ["DEPTH", "LIMIT", "NODES", "File", "Value", "load", "read", "unreadable"]

LIMIT: Final = 256 * 1024
DEPTH: Final = 20
NODES: Final = 20_000
"""Maximum number of values in a file, which limits the time for a hostile file."""

_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
MAKE_ONE: Final = "Make one with `zvol config init`."


def load(path: Path) -> File:
    """Read and check a configuration file; raises ConfigError with all its mistakes."""
    try:
        return read(path)
    except UnreadableFile as exc:
        error = unreadable(exc)
    raise error


def unreadable(exc: UnreadableFile) -> ConfigError:
    return ConfigError([Problem(str(exc.path), exc.text)], hint=MAKE_ONE if exc.missing else exc.hint)


def read(path: Path) -> File:
    """Read and check a configuration file; raises ConfigError as `load` does, and UnreadableFile."""
    content = read_file(path, LIMIT, seconds=PIPE_SECONDS)
    problems = ProblemList(content.path)
    file = check(_parsed(content.data, problems), problems)
    hint = _check_exposure(content, file, problems)
    if problems.any:
        raise ConfigError(problems.problems(), hint=hint)
    return file


def _check_exposure(content: Content, file: File, problems: ProblemList) -> str:
    """Report a private file that others can use, and return how to repair it."""
    exposed = content.exposure() if file.private else None
    if exposed is None and file.credentials:
        exposed = content.changeable("names a program to run" if file.runs else "says where a secret is and goes to")
    if exposed is None:
        return ""
    problems.add(0, 0, exposed[0])
    return exposed[1]


# ---- from bytes to nodes -----------------------------------------------------------------------------------------
def _parsed(data: bytes, problems: ProblemList) -> Node | None:
    """Return the root node of the only document, None if there is none; report everything that is not allowed."""
    text = _decoded(data, problems)
    if text is None:
        return None
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(text, loader) if _allowed(text, loader, problems) else None
    except yaml.MarkedYAMLError as exc:
        if isinstance(exc, yaml.composer.ComposerError) and problems.any:
            return None  # an alias without its anchor, or two equal anchors: already reported
        mark = exc.problem_mark or exc.context_mark
        line, column = (mark.line, mark.column) if mark else (-1, -1)
    except yaml.YAMLError:
        line, column = -1, -1
    lines = text.splitlines()
    tab = 0 <= line < len(lines) and "\t" in lines[line]
    advice = "use spaces, not tabs" if tab else "look for a missing quote, colon or space, or for the indentation"
    problems.add(line + 1, column + 1, f"is not YAML here: {advice}")
    return None


def _decoded(data: bytes, problems: ProblemList) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add(0, 0, "is UTF-16: save it as UTF-8")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        _add_at_end(problems, data[: exc.start].decode("utf-8-sig"), "is not UTF-8 here")
        return None
    found = _UNPRINTABLE.search(text)
    if found:
        _add_at_end(problems, text[: found.start()], "has a character here that YAML does not allow")
        return None
    return text


def _add_at_end(problems: ProblemList, before: str, text: str) -> None:
    """Report a mistake at the end of the text `before` it."""
    problems.add(before.count("\n") + 1, len(before) - before.rfind("\n"), text)


def _allowed(text: str, loader: Any, problems: ProblemList) -> bool:
    """Tell whether the document may be composed: there is only one, and it is neither too deep nor too large.

    Reports anchors, aliases and tags. Raises yaml.YAMLError.
    """
    import yaml

    documents = depth = count = 0
    for event in yaml.parse(text, loader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if event.tags:
                problems.at(event, "tags are not allowed")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            if depth > DEPTH or count > NODES or documents > 1:
                problems.at(event, _too_much(depth, documents))
                return False
            if isinstance(event, yaml.AliasEvent):
                problems.at(event, "aliases are not allowed: write the value again")
            elif event.anchor:
                problems.at(event, "anchors are not allowed")
            if getattr(event, "tag", None):
                problems.refuse_tag(event)
    return True


def _too_much(depth: int, documents: int) -> str:
    if depth > DEPTH:
        return f"is nested more than {DEPTH} deep"
    if documents > 1:
        return "begins a second document; only one is allowed"
    return f"is one value too many: at most {NODES:,} are allowed"
