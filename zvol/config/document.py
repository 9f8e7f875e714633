"""Checks the nodes of a configuration document and makes profiles of them; collects all mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from zvol.config.nodes import KIND_NAMES, Node, ProblemList, position
from zvol.config.registry import EXCLUSIVE, FILE_KEYS, NEEDS, OTHER_NAMES
from zvol.errors import InvalidValue
from zvol.text import did_you_mean, enumeration, has_control

MAX_NAME_LENGTH: Final = 64
"""Maximum characters of a profile name."""
MAX_NAMES: Final = 12
"""Maximum number of profiles in a message."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z_\- ]{0,39}")
"""Keys that a message may quote; any other could be a misplaced secret."""

_EXPECTED: Final = {
    "bool": "true or false, without quotes",
    "number": "a whole number, without quotes",
    "list": "a list such as [pass, zstack/session]",
}


@dataclass(frozen=True, slots=True)
class Value:
    """A checked value with its place as `file:line:column`."""

    value: Any = field(repr=False)
    where: str


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file: its profiles by name, and the name of the default profile.

    `private` is set if it has a secret, `runs` if it names a program to run, `credentials` if it has or names a
    credential.
    """

    path: Path
    current: str | None
    profiles: dict[str, dict[str, Value]]
    private: bool = False
    runs: bool = False
    credentials: bool = False


def names(profiles: Iterable[str]) -> str:
    """Return the names of profiles for a message."""
    return enumeration(list(profiles), MAX_NAMES) or "none"


def check(root: Node | None, problems: ProblemList) -> File:
    """Return the contents of a document, without invalid parts; these are added to `problems`."""
    return _Checker(problems).file(root)


class _Checker:
    def __init__(self, problems: ProblemList) -> None:
        self.problems = problems
        self.private = False
        self.runs = False
        self.credentials = False

    def file(self, root: Node | None) -> File:
        current: Node | None = None
        profiles: dict[str, dict[str, Value]] = {}
        empty = root is None or (self.problems.kind(root) == "null" and not root.value)
        for key, key_node, node in self._pairs(root, "the file") if root is not None and not empty else ():
            if key == "current":
                current = node
            elif key == "profiles":
                profiles = {name: self._profile(name, body) for name, body in self._named(node)}
            else:
                self._unknown(key, key_node, "", ("current", "profiles"))
        found = self.private, self.runs, self.credentials
        return File(self.problems.path, self._current(current, profiles), profiles, *found)

    def _current(self, node: Node | None, profiles: dict[str, dict[str, Value]]) -> str | None:
        chosen = self._scalar(node, "current", "text") if node is not None else None
        if node is None or chosen is None:
            return None
        if chosen not in profiles:
            guess = did_you_mean(chosen, profiles)
            self.problems.at(node, f"current names no profile of this file (known: {names(profiles)}){guess}")
        return chosen

    def _named(self, node: Node) -> list[tuple[str, Node]]:
        named = []
        for name, key_node, body in self._pairs(node, "profiles"):
            if len(name) > MAX_NAME_LENGTH:
                self.problems.at(key_node, f"the name of a profile has more than {MAX_NAME_LENGTH} characters")
            else:
                named.append((name, body))
        return named

    # ---- mappings ------------------------------------------------------------------------------------------------
    def _pairs(self, node: Node, what: str) -> list[tuple[str, Node, Node]]:
        """Return key, key node and value node for each entry of a mapping, and report its mistakes."""
        kind = self.problems.kind(node)
        if kind != "map":
            if kind != "tagged":
                self.problems.at(node, f"{what} must be a mapping (`key: value`), not {KIND_NAMES[kind]}")
            return []
        found: dict[str, tuple[str, Node, Node]] = {}
        for key_node, value in node.value:
            if self.problems.full:
                break
            key, kind = key_node.value, self.problems.kind(key_node)
            if kind == "merge":
                self.problems.at(key_node, "merge keys are not allowed")
            elif kind != "text":
                quote = "" if kind in ("map", "list") else ": put it in quotes"
                if kind != "tagged":
                    self.problems.at(key_node, f"a key in {what} must be text, and this is {KIND_NAMES[kind]}{quote}")
            elif not key.strip() or has_control(key):
                self.problems.at(key_node, f"a key in {what} is empty or holds a control character")
            elif key in found:
                line, _ = position(found[key][1])
                self.problems.at(key_node, f"duplicate key{_shown(key)}: it is on line {line} already")
            else:
                found[key] = (key, key_node, value)
        return list(found.values())

    def _unknown(self, key: str, node: Node, place: str, known: Iterable[str]) -> None:
        if self.problems.full:
            return
        other = OTHER_NAMES.get(key.lower().replace("-", "_")) if known is FILE_KEYS else None
        guess = f"; use {other}" if other else did_you_mean(key, known)
        self.problems.at(node, f"unknown key{_shown(key)}{place}{guess}")

    # ---- profiles ------------------------------------------------------------------------------------------------
    def _profile(self, name: str, node: Node) -> dict[str, Value]:
        profile: dict[str, Value] = {}
        present: dict[str, Node] = {}
        for key, key_node, value_node in self._pairs(node, f"profile {name}"):
            if key not in FILE_KEYS:
                self._unknown(key, key_node, f" in profile {name}", FILE_KEYS)
                continue
            present[key] = key_node
            setting = FILE_KEYS[key]
            shape = setting.kind.shape
            self.private |= setting.secret
            self.credentials |= setting.credential
            self.runs |= shape == "list"
            raw = self._list(value_node, key) if shape == "list" else self._scalar(value_node, key, shape)
            if raw is None:
                continue
            try:
                profile[key] = Value(setting.kind.read(raw), self.problems.where(value_node))
            except InvalidValue as exc:
                self.problems.at(value_node, f"{key} {exc}")
        self._check_combinations(present)
        self._proxy(profile, present)
        return profile

    def _check_combinations(self, present: dict[str, Node]) -> None:
        """Report keys that exclude each other and keys that need another key."""
        for keys in EXCLUSIVE:
            two = [key for key in keys if key in present]
            if len(two) > 1:
                last = max((present[key] for key in two), key=position)
                self.problems.at(last, f"{' and '.join(two)} exclude each other: keep one")
        for key, others in NEEDS:
            if key in present and not any(other in present for other in others):
                self.problems.at(present[key], f"{key} also needs {' or '.join(others)}")

    def _proxy(self, profile: dict[str, Value], present: dict[str, Node]) -> None:
        host, proxy = profile.get("host"), profile.get("proxy")
        if host and proxy and proxy.value != "none" and host.value.scheme == "http":
            self.problems.at(present["proxy"], "proxy is for https hosts only")

    # ---- values --------------------------------------------------------------------------------------------------
    def _scalar(self, node: Node, key: str, shape: str) -> str | None:
        """Return a scalar as written, None if YAML reads it as something other than `shape`."""
        allowed = {"text": ("text",), "duration": ("text", "int"), "bool": ("bool",), "number": ("int",)}
        kind = self.problems.kind(node)
        if kind in allowed[shape]:
            return str(node.value)
        expected = _EXPECTED.get(shape, "text")
        if kind in ("map", "list") or (kind == "text" and shape in _EXPECTED):
            self.problems.at(node, f"{key} must be {expected}, not {KIND_NAMES[kind]}")
        elif kind != "tagged":
            quote = ": put it in quotes" if shape == "text" and kind != "null" else ""
            self.problems.at(node, f"{key} must be {expected}, and YAML reads {KIND_NAMES[kind]} here{quote}")
        return None

    def _list(self, node: Node, key: str) -> list[str] | None:
        kind = self.problems.kind(node)
        if kind != "list":
            if kind != "tagged":
                text = f"{key} must be {_EXPECTED['list']}, not {KIND_NAMES[kind]}: no shell reads it"
                self.problems.at(node, text)
            return None
        items = [self._scalar(item, f"each word of {key}", "text") for item in node.value]
        found = [item for item in items if item is not None]
        return found if len(found) == len(items) else None


def _shown(key: str) -> str:
    return f" {key}" if _PLAIN_KEY.fullmatch(key) else ""
