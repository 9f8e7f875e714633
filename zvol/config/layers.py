"""The layers of settings: options, environment, profile, defaults; each value has the name of its layer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from zvol.config.hosts import PORTS, ZSTACK_PORT, parse_host
from zvol.config.kinds import ValueKind
from zvol.config.paths import config_file, expand
from zvol.config.registry import PLAIN, SETTINGS, Scope
from zvol.errors import ConfigError, InvalidValue, Problem, UsageProblem
from zvol.files import UnreadableFile
from zvol.secrets import register_secret
from zvol.text import did_you_mean

if TYPE_CHECKING:
    from zvol.config.profiles import File


ZSTACK_HOST: Final = "ZSTACK_HOST"
"""The variable of ZStack's own tools; zvol's own takes precedence."""


SESSION_LENGTH: Final = 32
"""A program name of this length may be a session."""


class Layer(StrEnum):
    OPTION = "option"
    ENVIRONMENT = "environment"
    PROFILE = "profile"
    DEFAULT = "default"


class SettingValue(NamedTuple):
    """A value with its layer, and its source as in `zvol config show`."""

    value: Any
    layer: Layer
    source: str

    def __repr__(self) -> str:
        return f"SettingValue({self.layer!r}, {self.source!r})"  # its value may be a secret


class SettingLayers:
    """The values of each layer in one run; the configuration file is read at most once.

    `options` are the settings given as options, by key. `environ` has no empty variables, `profile_values` are the
    values of the chosen profile, `problems` are mistakes outside the file.
    """

    def __init__(self, options: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.options = {key: value for key, value in options.items() if value is not None}
        self.environ = {name: value for name, value in environ.items() if value}
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.path, self._named = config_file(self.options.get("config"), self.environ)
        self.profile: str | None = None
        self.profile_source = "-"
        self.profile_values: dict[str, SettingValue] = {}
        self._variable_values = self._values(self._variable)
        self._option_values = self._values(self._option)

    def pick(self, key: str) -> SettingValue:
        """Return the value to use; a value that depends on the host needs `host`, and raises what that raises."""
        setting = SETTINGS[key]
        variable, of_profile = self._variable_values.get(key), self.profile_values.get(key)
        if setting.scope is Scope.OWN_LAYER and self.host.layer is Layer.PROFILE:
            variable = None
        if setting.scope is not Scope.ANY and not self.own_host:
            of_profile = None
        found = self._option_values.get(key) or variable or of_profile
        return found or SettingValue(setting.default, Layer.DEFAULT, "default")

    @property
    def no_input(self) -> bool:
        """Tell whether zvol must not prompt, without reading the configuration file; raises ConfigError."""
        self.raise_problems()
        return bool(self.pick("no_input").value)

    def add_problem(self, where: str, text: str) -> None:
        problem = Problem(where, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def raise_problems(self) -> None:
        """Raise ConfigError if the options or the environment have mistakes."""
        if self.problems:
            raise ConfigError(self.problems)

    # ---- options and environment ---------------------------------------------------------------------------------
    def given(self, key: str) -> SettingValue | None:
        """Return the value of the option of a setting, or else of its variable, unchecked."""
        return self._option(key) or self._variable(key)

    def variable(self, key: str, name: str) -> SettingValue | None:
        """Return a checked variable as the value of a key, None if it is invalid; mistakes are added to `problems`."""
        given = self._of_environment(name)
        found = self._checked(SETTINGS[key].kind, given)
        if SETTINGS[key].kind.path and found is not None:
            _mask_if_missing(given.value, Path(found.value))
        return found

    def _values(self, given: Callable[[str], SettingValue | None]) -> dict[str, SettingValue]:
        """Return the checked values of one layer by key."""
        found = {setting.key: self._checked(setting.kind, given(setting.key)) for setting in PLAIN}
        return {key: value for key, value in found.items() if value is not None}

    def _option(self, key: str) -> SettingValue | None:
        if key not in self.options:
            return None
        return SettingValue(self.options[key], Layer.OPTION, f"option {SETTINGS[key].option[-1]}")

    def _variable(self, key: str) -> SettingValue | None:
        name = next((name for name in SETTINGS[key].variables if name in self.environ), None)
        return None if name is None else self._of_environment(name)

    def _of_environment(self, name: str) -> SettingValue:
        return SettingValue(self.environ[name], Layer.ENVIRONMENT, f"environment {name}")

    def _checked(self, kind: ValueKind, given: SettingValue | None) -> SettingValue | None:
        """Return the value that zvol uses, None if it is invalid; mistakes are added to `problems`."""
        if given is None:
            return None
        try:
            value = kind.read(given.value)
        except InvalidValue as exc:
            self.add_problem(given.source, f"{exc}{_around(given.value)}")
            return None
        return given._replace(value=str(expand(value, self.environ)) if kind.path else value)

    # ---- the file ------------------------------------------------------------------------------------------------
    @cached_property
    def _loaded(self) -> File | UnreadableFile | ConfigError:
        """Return the configuration file, or the error of reading it, so that an invalid file is also read only once."""
        from zvol.config.profiles import read

        assert self.path is not None
        try:
            return read(self.path)
        except (UnreadableFile, ConfigError) as exc:
            return exc

    def load(self) -> File:
        """Return the configuration file; raises ConfigError if it is invalid or cannot be read."""
        from zvol.config.profiles import unreadable

        found = self._loaded
        if isinstance(found, UnreadableFile):
            raise unreadable(found)
        if isinstance(found, ConfigError):
            raise found
        return found

    def _file(self, *, needed: bool) -> File | None:
        """Return the configuration file; None if a default file is missing, or is unreadable and not `needed`."""
        if self.path is None or (not self._named and _is_missing(self.path)):
            return None
        found = self._loaded
        if isinstance(found, UnreadableFile) and not self._named and (found.missing or not needed):
            if not found.missing and found.message not in self.warnings:
                self.warnings.append(found.message)
            return None
        return self.load()

    # ---- the profile ---------------------------------------------------------------------------------------------
    def choose_profile(self, *, host_needed: bool) -> None:
        """Choose a profile and use its values; with `host_needed`, an ambiguous choice is a UsageProblem."""
        given = self.given("profile")
        file = self._file(needed=host_needed or given is not None)
        if file is None:
            if given is not None:
                text = f"there is no profile {given.value}: {self.path or 'a configuration file'} does not exist"
                raise UsageProblem(text)
            return
        self._choose(file, given, host_needed=host_needed)
        for key, value in file.profiles.get(self.profile or "", {}).items():
            checked = self._relative_to(file.path, key, value.value)
            self.profile_values[key] = SettingValue(checked, Layer.PROFILE, value.where)

    def _choose(self, file: File, given: SettingValue | None, *, host_needed: bool) -> None:
        from zvol.config.document import names

        known = list(file.profiles)
        if given is not None and given.value not in known:
            guess = did_you_mean(given.value, known)
            raise UsageProblem(f"there is no profile {given.value} in {file.path} (known: {names(known)}){guess}")
        if given is not None:
            self.profile, self.profile_source = given.value, given.source
        elif file.current is not None:
            self.profile, self.profile_source = file.current, f"current in {file.path}"
        elif len(known) == 1:
            self.profile, self.profile_source = known[0], f"the only one in {file.path}"
        elif known and host_needed:
            raise UsageProblem(
                f"{file.path} has several profiles and none is chosen ({names(known)})",
                hint="Use -p NAME, or set `current:` in the file.",
            )

    def _relative_to(self, path: Path, key: str, value: Any) -> Any:
        """Return a value whose file or program is relative to the configuration file."""
        kind = SETTINGS[key].kind
        if kind.path:
            file = path.parent / expand(value, self.environ)
            if SETTINGS[key].credential:
                _mask_if_missing(value, file)
            return str(file)
        if kind.shape == "list" and "/" in value[0]:
            return (str((path.parent / expand(value[0], self.environ)).absolute()), *value[1:])
        if kind.shape == "list" and len(value[0]) >= SESSION_LENGTH:
            register_secret(value[0])
        return value

    # ---- the host ------------------------------------------------------------------------------------------------
    @property
    def host_is_given(self) -> bool:
        """Tell whether an option or the environment names the host."""
        return self.given("host") is not None or ZSTACK_HOST in self.environ

    @property
    def own_host(self) -> bool:
        """Tell whether the host comes from the chosen profile; raises what `host` raises."""
        own = self.profile_values.get("host")
        return own is not None and own.value == self.host.value

    @cached_property
    def host(self) -> SettingValue:
        """Return the endpoint to use, once the profile is chosen; raises ConfigError or UsageProblem."""
        if self.host_is_given:
            given = self.given("host")
            found = self._zstack_host() if given is None else self._checked(SETTINGS["host"].kind, given)
            if found is None:
                raise ConfigError(self.problems)
            return found
        if "host" in self.profile_values:
            return self.profile_values["host"]
        text = f"profile {self.profile} has no host" if self.profile else "no host is configured"
        hint = "Set ZVOL_HOST, or make a profile with `zvol config init`; `zvol --sandbox …` needs neither."
        raise UsageProblem(text, hint=hint)

    def _zstack_host(self) -> SettingValue | None:
        """Return the endpoint of ZSTACK_HOST: a name or an address with an optional port, as in ZStack's own tools."""
        given, port = self._of_environment(ZSTACK_HOST), self.environ.get("ZSTACK_PORT")
        bare = given.value
        if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            self.add_problem("environment ZSTACK_PORT", "must be a port: 1 to 65535")
            return None
        if "://" not in bare:
            bare = f"http://[{bare}]" if bare.count(":") > 1 and "]" not in bare else f"http://{bare}"
        ports = dict.fromkeys(PORTS, int(port)) if port else {**PORTS, "http": ZSTACK_PORT}
        return self._checked(ValueKind(lambda text: parse_host(text, ports)), given._replace(value=bare))


def _is_missing(path: Path) -> bool:
    """Tell whether there is no file, without the modules that read one."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _mask_if_missing(text: str, path: Path) -> None:
    """Redact the path of a secret file if that file does not exist, because it may be the secret itself."""
    if not text.startswith(("/", "~", "./", "../")) and not os.path.lexists(path):
        register_secret(text)


def _around(value: object) -> str:
    """Return the characters around an invalid value that may not belong to it, such as those left by env files."""
    if not isinstance(value, str) or not value.strip():
        return ""
    if value.endswith("\r"):
        return "; a carriage return is at its end, as in a file with the line ends of Windows"
    if value != value.strip():
        return "; there are spaces or line ends around it"
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return "; the quotes around it are a part of it" if quoted else ""
