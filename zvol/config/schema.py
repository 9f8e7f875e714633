"""The keys of a profile: what each may hold, and how it is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from zvol.config.hosts import BadHost, parse_host
from zvol.text import fold_uuid, has_control, parse_duration

OUTPUTS: Final = ("table", "json", "ndjson", "csv", "name")


class Bad(ValueError):
    """A value is not what its key needs; the message says what is due and never quotes the value."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a profile.  `kind` is the shape in YAML: text, bool, number or words (a list of texts)."""

    kind: str
    read: Callable[[Any], Any]
    secret: bool = False
    path: bool = False


def text(value: str) -> str:
    if not value or has_control(value):
        raise Bad("is empty or holds a control character")
    return value


def host(value: str) -> str:
    try:
        parse_host(value)
    except BadHost as exc:
        raise Bad(str(exc)) from exc
    return value


def session(value: str) -> str:
    """Return the 32 hex digits of a session; raises Bad without quoting them."""
    folded = fold_uuid(value)
    if folded is None:
        hint = " (without the word OAuth)" if value.lower().startswith("oauth") else ""
        raise Bad(f"must be the 32 hex digits of a session{hint}")
    return folded


def duration(least: float, most: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        seconds = parse_duration(value)
        if seconds is None:
            raise Bad("must be a duration such as 90s, 5m or 1h30m")
        if not least <= seconds <= most:
            raise Bad(f"must be between {least:g} and {most:g} seconds")
        return seconds

    return read


def concurrency(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value):
        value = int(value)
    if not isinstance(value, int) or not 1 <= value <= 64:
        raise Bad("must be a number from 1 to 64")
    return value


def output(value: str) -> str:
    if value not in OUTPUTS:
        raise Bad(f"must be one of {', '.join(OUTPUTS)}{did_you_mean(value, OUTPUTS)}")
    return value


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("1", "true", "yes", "on"):
        return True
    if isinstance(value, str) and value.lower() in ("0", "false", "no", "off"):
        return False
    raise Bad("must be true or false")


def proxy(value: str) -> str:
    if value != "none":
        host(value)
    return value


def timezone(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*|[+\-][0-9]{2}:[0-9]{2}", value):
        raise Bad("must be a time zone such as Asia/Shanghai or +08:00")
    return value


def words(value: list[str]) -> list[str]:
    if not value or not value[0]:
        raise Bad("must be a list: the program and its arguments")
    return value


TIMEOUT: Final = duration(1, 7 * 86400)

KEYS: Final[dict[str, Key]] = {
    "host": Key("text", host),
    "account": Key("text", text),
    "user": Key("text", text),
    "password_command": Key("words", words),
    "password_file": Key("text", text, path=True),
    "session": Key("text", session, secret=True),
    "session_file": Key("text", text, path=True),
    "session_command": Key("words", words),
    "access_key_id": Key("text", text),
    "access_key_secret_file": Key("text", text, path=True),
    "access_key_secret_command": Key("words", words),
    "ca_file": Key("text", text, path=True),
    "insecure_http": Key("bool", flag),
    "proxy": Key("text", proxy),
    "timezone": Key("text", timezone),
    "timeout": Key("text", TIMEOUT),
    "settle_wait": Key("text", duration(1, 3600)),
    "api_timeout": Key("text", duration(1, 3600)),
    "concurrency": Key("number", concurrency),
    "output": Key("text", output),
}

ONE_OF: Final = (
    ("session", "session_file", "session_command"),
    ("password_command", "password_file"),
    ("access_key_secret_file", "access_key_secret_command"),
)
"""Two of a kind are a mistake: nobody could say which counts."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
