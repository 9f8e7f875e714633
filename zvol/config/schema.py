"""The keys of a profile: what each may hold, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from zvol.config.hosts import BadHost, parse_host
from zvol.render.formats import FORMATS
from zvol.secrets import Secret
from zvol.text import did_you_mean, has_control, parse_duration

MOST_CONCURRENCY: Final = 64
LONGEST_TIMEOUT: Final = 7 * 86400.0
LONGEST_WAIT: Final = 3600.0
"""The most for settle_wait and api_timeout, in seconds; the least for each duration is one second."""

_SESSION: Final = re.compile(r"[0-9A-Fa-f]{32}")
_KEY_ID: Final = re.compile(r"[!-9;-~]{1,128}")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")
_OFFSET: Final = re.compile(r"[+\-]([01][0-9]|2[0-3]):[0-5][0-9]")
_TRUTHS: Final = dict.fromkeys(("1", "true", "yes", "on", "y", "t"), True) | dict.fromkeys(
    ("0", "false", "no", "off", "n", "f"), False
)


class InvalidValue(ValueError):
    """A value is not what its key needs; the message says what is due and never quotes the value."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a profile.

    `kind` is the shape in YAML: text, duration, bool, number or words (a list of texts).  `path` marks a file's name,
    `secret` what makes the file private.
    """

    kind: str
    read: Callable[[Any], Any]
    secret: bool = False
    path: bool = False


def text(value: str) -> str:
    if not value.strip() or has_control(value):
        raise InvalidValue("is empty or holds a control character")
    return value


def host(value: str) -> str:
    reason = ""
    try:
        parse_host(value)
    except BadHost as exc:
        reason = str(exc)
    if reason:
        raise InvalidValue(reason)
    return value


def session(value: str) -> Secret:
    """Return the 32 hex digits of a session, in lower case; raises Bad without quoting them."""
    if not _SESSION.fullmatch(value):
        hint = ", without the word OAuth" if value.lower().startswith("oauth") else ""
        raise InvalidValue(f"must be the 32 hex digits of a session{hint}")
    return Secret(value.lower())


def secret(value: str) -> Secret:
    """Return a password or the secret of an access key; raises Bad for one that is no text."""
    if not _encodes(value):
        raise InvalidValue("is not UTF-8")
    return Secret(value)


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def access_key_id(value: str) -> str:
    if not _KEY_ID.fullmatch(value):
        raise InvalidValue("must be the id of an access key: letters, digits and signs, without spaces and colons")
    return value


def duration(most: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        seconds = parse_duration(value)
        if seconds is None:
            raise InvalidValue("must be a duration with its unit, such as 90s, 5m or 1h30m")
        return between(seconds, most)

    return read


def between(seconds: float, most: float) -> float:
    """Return a duration from one second to `most` seconds; raises Bad."""
    if not 1 <= seconds <= most:
        raise InvalidValue(f"must be between 1 and {most:g} seconds")
    return seconds


def concurrency(value: str | int) -> int:
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"[1-9][0-9]?", value) else 0
    if not 1 <= value <= MOST_CONCURRENCY:
        raise InvalidValue(f"must be a number from 1 to {MOST_CONCURRENCY}")
    return value


def output(value: str) -> str:
    if value not in FORMATS:
        raise InvalidValue(f"must be one of {', '.join(FORMATS)}{did_you_mean(value, FORMATS)}")
    return value


def flag(value: str) -> bool:
    found = _TRUTHS.get(value.lower())
    if found is None:
        raise InvalidValue("must be true or false")
    return found


def proxy(value: str) -> str:
    return value if value == "none" else host(value)


def timezone(value: str) -> str:
    if _OFFSET.fullmatch(value) or (_ZONE.fullmatch(value) and _known_zone(value)):
        return value
    raise InvalidValue("must be a time zone that this machine knows, such as Asia/Shanghai, or +08:00")


def _known_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def words(value: list[str]) -> tuple[str, ...]:
    if not value or not value[0].strip():
        raise InvalidValue("must be a list: the program and its arguments")
    if any("\0" in word for word in value):
        raise InvalidValue("holds a control character")
    return tuple(value)


TIMEOUT: Final = duration(LONGEST_TIMEOUT)

KEYS: Final[dict[str, Key]] = {
    "host": Key("text", host),
    "account": Key("text", text),
    "user": Key("text", text),
    "password_command": Key("words", words),
    "password_file": Key("text", text, path=True),
    "session": Key("text", session, secret=True),
    "session_file": Key("text", text, path=True),
    "session_command": Key("words", words),
    "access_key_id": Key("text", access_key_id),
    "access_key_secret_file": Key("text", text, path=True),
    "access_key_secret_command": Key("words", words),
    "ca_file": Key("text", text, path=True),
    "insecure_http": Key("bool", flag),
    "proxy": Key("text", proxy),
    "timezone": Key("text", timezone),
    "timeout": Key("duration", TIMEOUT),
    "settle_wait": Key("duration", duration(LONGEST_WAIT)),
    "api_timeout": Key("duration", duration(LONGEST_WAIT)),
    "concurrency": Key("number", concurrency),
    "output": Key("text", output),
}

VARIABLES_ONLY: Final = {
    "password": Key("text", secret, secret=True),
    "access_key_secret": Key("text", secret, secret=True),
}
"""What may be given in the environment, and has no place in a file."""

ONE_OF: Final = (
    ("session", "session_file", "session_command"),
    ("password_command", "password_file"),
    ("access_key_secret_file", "access_key_secret_command"),
)
"""Two of a kind are a mistake: nobody could say which counts."""

NEEDS: Final = (
    ("user", ("account",)),
    ("password_command", ("account",)),
    ("password_file", ("account",)),
    ("access_key_id", ("access_key_secret_file", "access_key_secret_command")),
    ("access_key_secret_file", ("access_key_id",)),
    ("access_key_secret_command", ("access_key_id",)),
)
"""A key that makes no sense without one of the others."""

OTHER_NAMES: Final = {
    "access_key_secret": "access_key_secret_file or access_key_secret_command; the secret itself has no place here",
    "address": "host",
    "ca": "ca_file",
    "ca_bundle": "ca_file",
    "cert": "ca_file",
    "endpoint": "host",
    "insecure": "insecure_http (https is always checked; ca_file names the server's own authority)",
    "password": "password_file or password_command; the password itself has no place here",
    "port": "host, as https://HOST:PORT",
    "server": "host",
    "token": "session, session_file or session_command",
    "url": "host",
    "username": "account",
    "verify": "ca_file",
}
"""What people may write instead of a key, and what to use."""
