"""The configuration as people see it: each value with its source, and what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from zvol.config.credential_scope import Credential
from zvol.config.document import File
from zvol.config.paths import expand
from zvol.config.proxies import without_user
from zvol.config.schema import KEYS
from zvol.config.settings import Settings
from zvol.errors import Problem
from zvol.files import UnreadableFile, read_file
from zvol.secrets import Secret

SHOWN: Final = (
    "host",
    "ca_file",
    "insecure_http",
    "proxy",
    "timezone",
    "timeout",
    "settle_wait",
    "api_timeout",
    "concurrency",
    "output",
    "no_input",
)
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))
_NOT_VALUES: Final = ("sources", "refused", "withheld", "hint")


def described(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (setting, value, source) for each setting, then for each part of the credential.

    A secret's value is `***`, as are the arguments of a program; what is not set is `-`.
    """
    values: dict[str, Any] = {name: getattr(settings, name, None) for name in SHOWN}
    values |= {"host": settings.endpoint.base, "proxy": without_user(settings.proxy) if settings.proxy else None}
    rows = [("profile", settings.profile or "-", settings.sources["profile"])]
    rows += [(name, _shown(values[name]), settings.sources[name]) for name in SHOWN]
    return rows + _credential_rows(settings.credential)


def _credential_rows(credential: Credential) -> list[tuple[str, str, str]]:
    names = [name for name in Credential.__dataclass_fields__ if name not in _NOT_VALUES]
    rows = [(name, _shown(getattr(credential, name)), credential.sources.get(name, "-")) for name in names]
    found = [row for row in rows if row[1] != "-"]
    missing = credential.refused or credential.withheld
    return [*found, ("session", "-", missing)] if missing else found or [("session", "-", "-")]


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return next((f"{value / unit:.0f}{name}" for unit, name in _UNITS if value % unit == 0), f"{value:g}s")
    if isinstance(value, tuple):
        return str(value[0]) + (" ***" if len(value) > 1 else "")
    return str(value)


def validate(path: Path) -> tuple[File, tuple[Problem, ...]]:
    """Check a configuration file with every profile in it, and the files these name.

    Returns what it says and what is wrong with these files; raises ConfigError when it is wrong itself.  Nothing is
    sent and no program is run.
    """
    from zvol.config.profiles import load

    file = load(path)
    return file, tuple(problem for profile in file.profiles for problem in _missing_files(file, profile))


def _missing_files(file: File, profile: str) -> list[Problem]:
    import os

    problems = []
    for key, value in file.profiles[profile].items():
        if not KEYS[key].path:
            continue
        try:
            content = read_file(file.path.parent / expand(value.value, os.environ), 1024 * 1024)
        except UnreadableFile as exc:
            problems.append(Problem(value.where, f"{key}: {exc.reason}"))
            continue
        exposed = content.exposure() if key != "ca_file" else None
        if exposed:
            problems.append(Problem(value.where, f"{key}: {content.path} {exposed[0]}"))
    return problems
