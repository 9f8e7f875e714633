"""The configuration for `zvol config show` and `validate`: each value with its source, and all mistakes."""

from __future__ import annotations

import os

from zvol.config.credential_scope import Credential
from zvol.config.document import File
from zvol.config.paths import expand
from zvol.config.proxies import without_user
from zvol.config.registry import CREDENTIALS, SETTINGS, Section, shown
from zvol.config.settings import Settings
from zvol.errors import Problem
from zvol.files import UnreadableFile, is_pipe, read_file
from zvol.model import Endpoint
from zvol.secrets import Secret

MAX_BYTES = 1024 * 1024
"""Maximum bytes of a file that a profile names, such as a bundle of certificates."""


def described(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (setting, value, source) for each setting, then for each part of the credential.

    The value of a secret is `***`, as are the arguments of a program; an unset value is `-`.
    """
    keys = [key for key, setting in SETTINGS.items() if setting.section in (Section.SERVER, Section.RUN)]
    rows = [("profile", settings.profile or "-", settings.sources["profile"])]
    rows += [(key, _shown(_value(settings, key)), settings.sources[key]) for key in keys]
    return rows + _credential_rows(settings.credential)


def _value(settings: Settings, key: str) -> object:
    if key == "host":
        return settings.endpoint
    if key == "proxy" and settings.proxy:
        return without_user(settings.proxy)
    return getattr(settings, key)


def _credential_rows(credential: Credential) -> list[tuple[str, str, str]]:
    keys = [setting.key for setting in CREDENTIALS if getattr(credential, setting.key) is not None]
    rows = [(key, _shown(getattr(credential, key)), credential.sources.get(key, "-")) for key in keys]
    missing = credential.refused or credential.withheld
    return [*rows, ("session", "-", missing)] if missing else rows or [("session", "-", "-")]


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, Endpoint):
        return value.base
    if isinstance(value, tuple):
        return str(value[0]) + (" ***" if len(value) > 1 else "")
    return shown(value)


def wrong_files(file: File) -> tuple[Problem, ...]:
    """Return the mistakes in the files that the profiles name; sends nothing and runs no program."""
    return tuple(problem for profile in file.profiles for problem in _wrong_files(file, profile))


def _wrong_files(file: File, profile: str) -> list[Problem]:
    problems = []
    for key, value in file.profiles[profile].items():
        if not SETTINGS[key].kind.path:
            continue
        path = file.path.parent / expand(value.value, os.environ)
        if SETTINGS[key].credential and is_pipe(path):
            continue
        try:
            content = read_file(path, MAX_BYTES)
        except UnreadableFile as exc:
            problems.append(Problem(value.where, f"{key}: {exc.message}"))
            continue
        exposed = content.exposure() if SETTINGS[key].credential else None
        if exposed:
            problems.append(Problem(value.where, f"{key}: {content.path} {exposed[0]}"))
    return problems
