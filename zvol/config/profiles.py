"""The configuration file: strict YAML, all mistakes at once, and never a line of the file in a message.

The only importer of yaml.  Documents are checked as a graph of nodes, so that every mistake has its line and column,
and nothing is turned into a number, a date or a truth value behind the user's back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zvol.config.paths import read_file, refuse_readable
from zvol.config.schema import KEYS, ONE_OF, Bad, did_you_mean
from zvol.errors import ConfigError, Problem
from zvol.text import has_control, safe

if TYPE_CHECKING:
    import yaml

LIMIT: Final = 256 * 1024
DEPTH: Final = 20
_SHAPES: Final = {"text": "text", "bool": "true or false", "number": "a number", "words": "a list of texts"}


@dataclass(frozen=True, slots=True)
class Value:
    """A checked value, and `file:line:column` it is from."""

    value: Any = field(repr=False)
    where: str


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file: its profiles by name, and the name of the one that is meant without -p."""

    path: Path
    current: str | None
    profiles: dict[str, dict[str, Value]]


def load(path: Path) -> File:
    """Read and check a configuration file.  Raises ConfigError with all that is wrong in it."""
    data, mode = read_file(path, str(path), LIMIT)
    reader = _Reader(path)
    file = reader.file(data)
    if reader.problems:
        raise ConfigError(reader.problems)
    if any(KEYS[key].secret for profile in file.profiles.values() for key in profile):
        refuse_readable(path, mode, str(path))
    return file


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def file(self, data: bytes) -> File:
        root = self._compose(data)
        current: str | None = None
        profiles: dict[str, dict[str, Value]] = {}
        for key, key_node, node in self._pairs(root, "the file") if root is not None else ():
            if key == "current":
                found = self._scalar(node, "current", "text")
                current = found if isinstance(found, str) else None
            elif key == "profiles":
                for name, _, body in self._pairs(node, "profiles"):
                    profiles[name] = self._profile(name, body)
            else:
                self._bad(key_node, f"unknown key {safe(key)}{did_you_mean(key, ('current', 'profiles'))}")
        if current is not None and current not in profiles:
            known = ", ".join(safe(name) for name in profiles) or "none"
            text = f"current names no profile here (there is: {known}){did_you_mean(current, profiles)}"
            self.problems.append(Problem(str(self.path), text))
        return File(self.path, current, profiles)

    # ---- the graph -----------------------------------------------------------------------------------------------
    def _compose(self, data: bytes) -> yaml.Node | None:
        """Return the root node of the only document, with nothing in it that zvol does not allow."""
        import yaml

        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as exc:
            line = data[: exc.start].count(b"\n") + 1
            self.problems.append(Problem(f"{self.path}:{line}:1", "is not UTF-8"))
            return None
        try:
            if self._forbidden(text.removeprefix("\ufeff")):
                return None
            return yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            where = f"{self.path}:{mark.line + 1}:{mark.column + 1}" if mark else str(self.path)
            self.problems.append(Problem(where, "is not YAML here: look for a missing quote, colon or indentation"))
        except (yaml.YAMLError, RecursionError):
            self.problems.append(Problem(str(self.path), "is not YAML"))
        return None

    def _forbidden(self, text: str) -> bool:
        """Note anchors, aliases, tags and depth from the events, before anything can be expanded."""
        import yaml

        depth, documents = 0, 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            mark = event.start_mark
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._mark(mark, "only one document is allowed")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                self._mark(mark, "anchors and aliases are not allowed")
            if getattr(event, "tag", None):
                self._mark(mark, "tags are not allowed")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEPTH:
                    self._mark(mark, "is nested too deeply")
                    break
            if isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        return bool(self.problems)

    def _pairs(self, node: yaml.Node, what: str) -> list[tuple[str, yaml.Node, yaml.Node]]:
        """Return key, key node and value node of a mapping; its mistakes are noted."""
        import yaml

        if not isinstance(node, yaml.MappingNode):
            self._bad(node, f"{what} must be a mapping, not {_kind(node)}")
            return []
        found: dict[str, tuple[str, yaml.Node, yaml.Node]] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                self._bad(key_node, f"a key in {what} must be text: put it in quotes")
            elif key_node.value in found:
                self._bad(key_node, f"duplicate key {safe(key_node.value)}")
            elif not key_node.value or has_control(key_node.value):
                self._bad(key_node, f"a key in {what} is empty or holds a control character")
            else:
                found[key_node.value] = (key_node.value, key_node, value)
        return list(found.values())

    # ---- profiles ------------------------------------------------------------------------------------------------
    def _profile(self, name: str, node: yaml.Node) -> dict[str, Value]:
        profile: dict[str, Value] = {}
        for key, key_node, value_node in self._pairs(node, f"profile {safe(name)}"):
            known = KEYS.get(key)
            if known is None:
                self._bad(key_node, f"unknown key {safe(key)} in profile {safe(name)}{did_you_mean(key, KEYS)}")
                continue
            raw = self._words(value_node, key) if known.kind == "words" else self._scalar(value_node, key, known.kind)
            if raw is None:
                continue
            try:
                profile[key] = Value(known.read(raw), self._where(value_node))
            except Bad as exc:
                self._bad(value_node, f"{key} {exc}")
        for kinds in ONE_OF:
            two = [key for key in kinds if key in profile]
            if len(two) > 1:
                self.problems.append(
                    Problem(profile[two[1]].where, f"{two[0]} and {two[1]} are two of a kind: keep one")
                )
        return profile

    def _scalar(self, node: yaml.Node, key: str, kind: str) -> Any:
        """Return a text, a number or a truth value, None when it is not what is due."""
        import yaml

        if isinstance(node, yaml.ScalarNode):
            tag = node.tag.rpartition(":")[2]
            if tag == "str" and kind == "text":
                return node.value
            if tag == "int" and kind == "number":
                return node.value
            if (
                tag == "int"
                and kind == "text"
                and KEYS.get(key) is not None
                and key in DURATIONS
                and node.value.isdigit()
            ):
                return node.value
            if tag == "bool" and kind == "bool":
                return node.value
            if kind == "text":
                self._bad(node, f"{key} must be text, and YAML reads {_kind(node)} here: put it in quotes")
                return None
        self._bad(node, f"{key} must be {_SHAPES[kind]}, not {_kind(node)}")
        return None

    def _words(self, node: yaml.Node, key: str) -> list[str] | None:
        import yaml

        if not isinstance(node, yaml.SequenceNode):
            self._bad(node, f"{key} must be a list such as [pass, zstack/session], not {_kind(node)}")
            return None
        words = [self._scalar(item, key, "text") for item in node.value]
        return None if None in words else words

    def _where(self, node: yaml.Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def _bad(self, node: yaml.Node, text: str) -> None:
        self.problems.append(Problem(self._where(node), text))

    def _mark(self, mark: Any, text: str) -> None:
        self.problems.append(Problem(f"{self.path}:{mark.line + 1}:{mark.column + 1}", text))


DURATIONS: Final = ("timeout", "settle_wait", "api_timeout")


def _kind(node: yaml.Node) -> str:
    names = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing", "timestamp": "a date"}
    names |= {"map": "a mapping", "seq": "a list", "str": "text"}
    return names.get(node.tag.rpartition(":")[2], "something else")
