"""Conditions of ZStack's query language that the server cannot misread."""

from __future__ import annotations

import re
from typing import Final

OPERATORS: Final = ("!=", ">=", "<=", "!?=", "!~=", "~=", "?=", "=", ">", "<", "is null", "not null")
"""The server splits a condition at the first of these that occurs anywhere in it, its value included."""

UUID_BATCH: Final = 50
"""The most UUIDs of a condition that fit into a URL of 2,000 characters."""

MAX_NAMES: Final = 20
"""Maximum number of names looked up in one request, because they share its URL."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.]+")


def condition(name: str, operator: str, value: str) -> str | None:
    """Return a condition for `q`; None when the server would misread the value, so that the caller must filter itself.

    A 5.2.1 fails on a single quote or a backslash, on `%s`, and splits at an operator inside the value.
    """
    if not _NAME.fullmatch(name) or operator not in OPERATORS:
        raise ValueError(f"not a condition: {name} {operator}")
    unsafe = not value or any(sign in value for sign in ("'", "\\", "%s", *OPERATORS)) or not value.isprintable()
    if unsafe or (operator in ("?=", "!?=") and "," in value):
        return None
    return f"{name}{operator}{value}"
