"""Secrets: values that are never shown, and their redaction in all output."""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from zvol.text import escape_terminal

MIN_LENGTH: Final = 8
"""Minimum length of a secret that is redacted; shorter ones occur in ordinary text."""

_registered: dict[str, None] = {}
"""The texts that `redact` replaces: every written form of every secret, the longest first within each secret."""

_ordinary: dict[str, None] = {}
"""Those of them that could be part of a sentence: each word has only letters or only digits."""

_WORD: Final = re.compile(r"[^\W_]+")


class Secret:
    """A text that must not be shown: only `reveal` returns it, and `redact` replaces it in other texts."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        register_secret(text)

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be stored")


def register_secret(text: str) -> None:
    """Redact a secret from now on in all output of this process, also in JSON, URLs, hex and base64.

    A secret that is short, or has only letters or only digits, is not redacted: it also occurs in unrelated text, and
    redacting it there would reveal it. A secret of several such words is redacted only in text from outside.
    """
    if len(text) < MIN_LENGTH or text.isalpha() or text.isdigit() or text in _registered:
        return
    import json
    from urllib.parse import quote

    data = text.encode("utf-8", "surrogatepass")
    plain = (text, text.lower(), text.upper(), escape_terminal(text), json.dumps(text)[1:-1], quote(data, safe=""))
    forms = {*plain, data.hex(), data.hex().upper(), *_in_base64(data)}
    longest_first = sorted(forms, key=len, reverse=True)
    _ordinary.update(dict.fromkeys(form for form in longest_first if _is_ordinary(form)))
    _registered.update(dict.fromkeys(longest_first))


def _is_ordinary(text: str) -> bool:
    return all(word.isalpha() or word.isdigit() for word in _WORD.findall(text))


def _in_base64(data: bytes) -> list[str]:
    """Return the part that all base64 texts of this data share, for each of the three possible offsets."""
    from binascii import b2a_base64

    parts = []
    for before, skip in enumerate((0, 2, 3)):
        text = b2a_base64(b"\0" * before + data, newline=False).decode()
        parts.append(text[skip : (before + len(data)) * 4 // 3])
    return parts


def redact(text: str) -> str:
    """Return a text from outside, such as from the server, with `***` for every registered secret."""
    for secret in tuple(_registered):
        if secret in text:
            text = text.replace(secret, "***")
    return text


def redact_output(text: str) -> str:
    """Return any text with `***` for every registered secret that cannot be part of a sentence.

    A password of plain words or numbers could occur in a message of zvol; `***` in its place would reveal it. It is
    redacted in text from outside, by `from_outside`.
    """
    for secret in tuple(_registered):
        if secret in text and secret not in _ordinary:
            text = text.replace(secret, "***")
    return text


def from_outside(value: Any) -> Any:
    """Return a value of the server with its texts redacted, including keys."""
    if not _ordinary:  # other secrets are redacted on output
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {from_outside(key): from_outside(one) for key, one in value.items()}
    return [from_outside(one) for one in value] if isinstance(value, list) else value
