"""Which credential may be sent to which host: only one from the same layer as the host.

A session of the environment is sent to ZVOL_HOST or `--host`, a credential of a profile to the host of that profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from zvol.config.layers import Layer, SettingLayers, SettingValue
from zvol.config.registry import CREDENTIALS, SETTINGS, Section, variables
from zvol.secrets import Secret

PROFILE_KEYS: Final = frozenset(setting.key for setting in CREDENTIALS if setting.in_file)
SESSION_VARIABLES: Final[Mapping[str, str]] = variables(Section.SESSION)
"""Variables of a session; the first that is set is used."""

LOGIN_VARIABLES: Final[Mapping[str, str]] = variables(Section.ACCOUNT, Section.ACCESS_KEY)
_SUFFICIENT: Final = PROFILE_KEYS - {"account", "user", "access_key_id"}
"""Keys that suffice to authenticate; the others only name an account or a key."""
_SUFFICIENT_NAMES: Final = frozenset(name for name, key in LOGIN_VARIABLES.items() if key not in ("account", "user"))
_PAIR: Final = SETTINGS["access_key_id"].variables + SETTINGS["access_key_secret"].variables
"""Two variables that need each other."""


class Credential(NamedTuple):
    """The credential that may be sent to the host; its files and programs have not been read yet.

    `sources` has the source of each value. `refused` is set if a given credential must not be sent to this host,
    `withheld` if the only credential is for another host; both are complete sentences.
    """

    session: Secret | None = None
    session_file: Path | None = None
    session_command: tuple[str, ...] | None = None
    account: str | None = None
    user: str | None = None
    password: Secret | None = None
    password_file: Path | None = None
    password_command: tuple[str, ...] | None = None
    access_key_id: str | None = None
    access_key_secret: Secret | None = None
    access_key_secret_file: Path | None = None
    access_key_secret_command: tuple[str, ...] | None = None
    sources: Mapping[str, str] = MappingProxyType({})
    refused: str = ""
    withheld: str = ""
    hint: str = ""

    @property
    def gives_session(self) -> bool:
        """Tell whether a session is given; zvol then uses it and does not log in."""
        return not (self.session is None and self.session_file is None and self.session_command is None)

    @property
    def session_from(self) -> str:
        """Return the source of the given session: `environment ZVOL_SESSION`, or the key and its place."""
        for key in ("session", "session_file", "session_command"):
            if getattr(self, key) is not None:
                where = self.sources.get(key, "")
                return f"{key} of {where}" if where.rpartition(":")[2].isdigit() else where
        return ""

    @property
    def gives_password(self) -> bool:
        """Tell whether zvol can log in without a prompt."""
        return not (self.password is None and self.password_file is None and self.password_command is None)


def scope_credential(layers: SettingLayers) -> Credential:
    """Return the credential that may be sent to the host; raises what `layers.host` raises."""
    host = layers.host
    session_names = [name for name in SESSION_VARIABLES if name in layers.environ]
    login_names = [name for name in LOGIN_VARIABLES if name in layers.environ]
    profile: dict[str, SettingValue] = {
        key: layers.profile_values[key] for key in PROFILE_KEYS if key in layers.profile_values
    }
    if host.layer is Layer.PROFILE:
        return _for_profile(layers, session_names, login_names, profile)
    if session_names or not _SUFFICIENT_NAMES.isdisjoint(login_names):
        return _from_environment(layers, session_names[:1] + login_names)
    if layers.own_host:
        return _from_values(profile)
    if _SUFFICIENT.isdisjoint(profile):
        return _from_environment(layers, login_names)
    return Credential(
        withheld=f"there is no session for the host of {host.source}; the credentials of profile {layers.profile} "
        "go only to that profile's own host",
        hint="Set ZVOL_SESSION or ZVOL_SESSION_FILE for this host.",
    )


def _for_profile(
    layers: SettingLayers,
    session_names: list[str],
    login_names: list[str],
    profile: dict[str, SettingValue],
) -> Credential:
    if session_names:
        given = session_names[0]
        return Credential(
            refused=f"{given} is set, and the host is that of profile {layers.profile} ({layers.host.source}): "
            "a session of the environment goes only to ZVOL_HOST or --host",
            hint=f"Unset {given} to use the profile, or set ZVOL_HOST to use {given}.",
        )
    if not login_names or not _SUFFICIENT.isdisjoint(profile):
        return _from_values(profile)
    return Credential(
        withheld=f"there is no session for profile {layers.profile} ({layers.host.source}); "
        f"what {' and '.join(login_names)} hold goes only to ZVOL_HOST, ZSTACK_HOST or --host",
        hint="Give the profile a session_command or session_file, or name the host in the environment.",
    )


def _from_values(values: Mapping[str, SettingValue]) -> Credential:
    given: dict[str, Any] = {
        key: Path(one.value) if SETTINGS[key].kind.path else one.value for key, one in values.items()
    }
    return Credential(**given, sources={key: one.source for key, one in values.items()})


def _from_environment(layers: SettingLayers, names: list[str]) -> Credential:
    found: dict[str, SettingValue] = {}
    for name in names:
        key = SESSION_VARIABLES.get(name) or LOGIN_VARIABLES[name]
        value = layers.variable(key, name)
        if value is not None:
            found[key] = value
    for name, other in (_PAIR, _PAIR[::-1]):
        if name in names and other not in names:
            layers.add_problem(f"environment {name}", f"also needs {other}")
    return _from_values(found)
