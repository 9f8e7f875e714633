"""Reading JSON as leniently as Gson does, with its error texts."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_LITERAL: Final = re.compile(r"[^\s{}\[\]:,;=#\"'/\\]+")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MALFORMED: Final = "com.google.gson.stream.MalformedJsonException: "


class Malformed(Exception):
    """The body is not a JSON object; the message is Gson's."""


def read_object(text: str) -> dict[str, Any] | None:
    """Return the object in a request body, None for an empty body or `null`; raises Malformed."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _Reader(text).document()
    if value is None or isinstance(value, dict):
        return value
    if value == []:
        return {}
    kind = "STRING" if isinstance(value, str) else "BEGIN_ARRAY" if isinstance(value, list) else "NUMBER"
    raise Malformed(f"java.lang.IllegalStateException: Expected BEGIN_OBJECT but was {kind} at line 1 column 1 path $")


class _Reader:
    """A lenient reader: unquoted names and strings, single quotes, `=` and `;`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> Any:
        if not self.text.strip():
            return None
        value = self._value()
        if self._peek():
            raise self._fail("Expected EOF", 1)
        return value

    def _fail(self, what: str, ahead: int = 0) -> Malformed:
        line, column = self._place(self.at + ahead)
        return Malformed(f"{_MALFORMED}{what} at line {line} column {column} path $.")

    def _end(self) -> Malformed:
        line, column = self._place(len(self.text))
        return Malformed(f"java.io.EOFException: End of input at line {line} column {column} path $.")

    def _place(self, at: int) -> tuple[int, int]:
        before = self.text[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1

    def _peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _value(self) -> Any:
        mark = self._peek()
        if not mark:
            raise self._end()
        if mark == "{":
            return self._object()
        if mark == "[":
            return self._array()
        if mark in "\"'":
            return self._string(mark)
        word = self._word()
        return {"null": None, "true": True, "false": False}.get(word, word)

    def _object(self) -> dict[str, Any]:
        self.at += 1
        made: dict[str, Any] = {}
        while True:
            mark = self._peek()
            if mark == "}" and not made:
                self.at += 1
                return made
            if not mark:
                raise self._end()
            name = self._string(mark) if mark in "\"'" else self._word()
            separator = self._peek()
            if not separator:
                raise self._end()
            if separator not in ":=":
                raise self._fail("Expected ':'", 1)
            self.at += 1
            made[name] = self._value()
            if self._closed("}"):
                return made

    def _array(self) -> list[Any]:
        self.at += 1
        made: list[Any] = []
        while self._peek() != "]":
            made.append(self._value())
            if self._closed("]"):
                return made
        self.at += 1
        return made

    def _closed(self, end: str) -> bool:
        mark = self._peek()
        if not mark:
            raise self._end()
        if mark not in (end, ",", ";"):
            raise self._fail("Unterminated object" if end == "}" else "Unterminated array", 1)
        self.at += 1
        return mark == end

    def _word(self) -> str:
        found = _LITERAL.match(self.text, self.at)
        if found is None:
            raise self._fail("Expected name", 1)
        self.at = found.end()
        if self.at == len(self.text):
            raise self._end()
        return found[0]

    def _string(self, quote: str) -> str:
        self.at += 1
        made: list[str] = []
        while self.at < len(self.text):
            mark = self.text[self.at]
            self.at += 1
            if mark == quote:
                return "".join(made)
            if mark == "\\":
                mark = self._escape()
            made.append(mark)
        raise self._fail("Unterminated string")

    def _escape(self) -> str:
        mark = self.text[self.at : self.at + 1]
        self.at += 1
        if mark == "u":
            digits = self.text[self.at : self.at + 4]
            self.at += 4
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise Malformed(f"java.lang.NumberFormatException: \\u{digits}") from None
        return _ESCAPES.get(mark, mark)
