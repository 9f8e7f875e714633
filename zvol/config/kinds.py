"""The kinds of values of settings, and how each is checked, in a file, a variable or an option.

A check returns the value that zvol uses, or raises InvalidValue without quoting the input.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from zvol.errors import InvalidValue
from zvol.render.formats import FORMATS
from zvol.secrets import Secret
from zvol.text import did_you_mean, has_control, parse_duration

if TYPE_CHECKING:
    from zvol.model import Endpoint

MAX_CONCURRENCY: Final = 64
MAX_TIMEOUT: Final = 7 * 86400.0
MAX_WAIT: Final = 3600.0
"""Maximum for settle_wait and api_timeout, in seconds; the minimum for any duration is one second."""
MAX_AGE: Final = 3650 * 86400.0
"""Maximum for the filters of volumes, in seconds."""

_SESSION: Final = re.compile(r"[0-9A-Fa-f]{32}")
_KEY_ID: Final = re.compile(r"[!-9;-~]{1,128}")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")
_OFFSET: Final = re.compile(r"[+\-]([01][0-9]|2[0-3]):[0-5][0-9]")
_TRUTHS: Final = dict.fromkeys(("1", "true", "yes", "on", "y", "t"), True) | dict.fromkeys(
    ("0", "false", "no", "off", "n", "f"), False
)


class ValueKind(NamedTuple):
    """A kind of value.

    `read` takes a text, a list of texts, or a value that an option has already converted. `shape` is the YAML type that
    the value must have: text, duration, bool, number or list (of texts). `path` marks a file name; `metavar` stands for
    the value in help, `choices` are all valid values if they can be listed.
    """

    read: Callable[[Any], Any]
    shape: str = "text"
    metavar: str = ""
    path: bool = False
    choices: tuple[str, ...] = ()


def text(value: str) -> str:
    if not value.strip() or has_control(value):
        raise InvalidValue("is empty or holds a control character")
    return value


def host(value: str) -> Endpoint:
    from zvol.config.hosts import parse_host

    return parse_host(value)


def session(value: str) -> Secret:
    """Return the 32 hex digits of a session, in lower case; raises InvalidValue without quoting them."""
    if not _SESSION.fullmatch(value):
        hint = ", without the word OAuth" if value.lower().startswith("oauth") else ""
        raise InvalidValue(f"must be the 32 hex digits of a session{hint}")
    return Secret(value.lower())


def secret(value: str) -> Secret:
    """Return a password or the secret of an access key; raises InvalidValue if it is not UTF-8."""
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
    """Return a check for a duration in seconds, from one second to `most`."""

    def read(value: str | float) -> float:
        seconds = parse_duration(value) if isinstance(value, str) else value
        if seconds is None:
            raise InvalidValue("must be a duration with its unit, such as 90s, 5m or 1h30m")
        if not 1 <= seconds <= most:
            raise InvalidValue(f"must be between 1 and {most:.0f} seconds")
        return seconds

    return read


def concurrency(value: str | int) -> int:
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"[1-9][0-9]?", value) else 0
    if not 1 <= value <= MAX_CONCURRENCY:
        raise InvalidValue(f"must be a number from 1 to {MAX_CONCURRENCY}")
    return value


def output(value: str) -> str:
    if value not in FORMATS:
        raise InvalidValue(f"must be one of {', '.join(FORMATS)}{did_you_mean(value, FORMATS)}")
    return value


def flag(value: str | bool) -> bool:
    truth = value if isinstance(value, bool) else _TRUTHS.get(value.lower())
    if truth is None:
        raise InvalidValue("must be true or false")
    return truth


def proxy(value: str) -> str:
    """Return the proxy's URL, or `none`."""
    if value != "none":
        from zvol.config.proxies import check_proxy_scheme

        check_proxy_scheme(value.partition("://")[0])
        host(value)
    return value


def timezone(value: str) -> str:
    if not _OFFSET.fullmatch(value):
        zone(value, ", or +08:00")
    return value


def zone(value: str, other: str = "") -> str:
    """Return the name of a time zone; `other` is a further valid value for the message."""
    from zoneinfo import ZoneInfo

    known = None
    if _ZONE.fullmatch(value):
        with contextlib.suppress(ValueError, OSError, KeyError):
            known = ZoneInfo(value)
    if known is None:
        raise InvalidValue(f"must be a time zone that this machine knows, such as Asia/Shanghai{other}")
    return value


def command(value: list[str]) -> tuple[str, ...]:
    if not value or not value[0].strip():
        raise InvalidValue("must be a list: the program and its arguments")
    if any("\0" in item for item in value):
        raise InvalidValue("holds a control character")
    return tuple(value)


TEXT: Final = ValueKind(text)
NAME: Final = ValueKind(text, metavar="NAME")
PATH: Final = ValueKind(text, metavar="FILE", path=True)
COMMAND: Final = ValueKind(command, "list", metavar="COMMAND")
HOST: Final = ValueKind(host, metavar="URL")
PROXY: Final = ValueKind(proxy, metavar="URL")
SESSION: Final = ValueKind(session)
SECRET: Final = ValueKind(secret)
KEY_ID: Final = ValueKind(access_key_id)
FLAG: Final = ValueKind(flag, "bool")
ZONE: Final = ValueKind(timezone, metavar="ZONE")
ZONE_NAME: Final = ValueKind(zone, metavar="ZONE")
TIMEOUT: Final = ValueKind(duration(MAX_TIMEOUT), "duration", metavar="DURATION")
WAIT: Final = ValueKind(duration(MAX_WAIT), "duration", metavar="DURATION")
AGE: Final = ValueKind(duration(MAX_AGE), "duration", metavar="D")
COUNT: Final = ValueKind(concurrency, "number", metavar="N")
FORMAT: Final = ValueKind(output, metavar="FORMAT", choices=FORMATS)
