"""The commented configuration file of `zvol config init`; its lines come from the registry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from zvol.config.registry import FILE_KEYS, Section, Setting, shown

EXAMPLE_HOST: Final = "https://zstack.example.com:8443"
_PLAIN: Final = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]+)?|[A-Za-z][A-Za-z0-9]*")
_READ_OTHERWISE: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_HEAD: Final = """\
# The configuration of zvol. `zvol config validate` checks it, `zvol config show` says what counts.
current: {profile}
profiles:
  {profile}:
"""
_CREDENTIALS: Final = (Section.SESSION, Section.ACCOUNT, Section.ACCESS_KEY)
_COLUMN: Final = 44
"""The column where comments begin, unless the value is longer."""


def template(
    profile: str = "main",
    host: str = EXAMPLE_HOST,
    account: str | None = None,
    command: Sequence[str] = (),
    *,
    insecure: bool = False,
) -> str:
    """Return the file for a profile; without an account, it lists the ways to give a session and uses the first."""
    values = {"host": _quoted(host)}
    if account:
        values["account"] = _quoted(account)
    else:
        values["session_command"] = FILE_KEYS["session_command"].example
    if command:
        values["password_command"] = json.dumps(list(command), ensure_ascii=False)
    if insecure:
        values["insecure_http"] = "true"
    credentials = _lines(Section.ACCOUNT, values) if account else _ways(values)
    server, *rest = _lines(Section.SERVER, values)
    lines = [server, *credentials, "", *rest, *_lines(Section.RUN, values)]
    return _HEAD.format(profile=_quoted(profile)) + "".join(f"{line}\n" for line in lines)


def _ways(values: Mapping[str, str]) -> list[str]:
    """Return the lines of all ways to give a session, each with a heading."""
    return [line for section in _CREDENTIALS for line in (f"    # {section}", *_lines(section, values))]


def _lines(section: Section, values: Mapping[str, str]) -> list[str]:
    """Return a line for each key of a section; keys without a value are commented out."""
    return [_line(setting, values.get(key)) for key, setting in FILE_KEYS.items() if setting.section is section]


def _line(setting: Setting, value: str | None) -> str:
    written = value if value is not None else setting.example or shown(setting.default)
    text = f"    {'' if value is not None else '# '}{setting.key}: {written}"
    return f"{text:{_COLUMN}}  # {setting.help}"


def _quoted(text: str) -> str:
    """Return a text as YAML, quoted only if YAML would otherwise not read it as that text."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _READ_OTHERWISE
    return text if plain else json.dumps(text, ensure_ascii=False)
