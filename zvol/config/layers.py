"""The layers that settings come from: options, environment, profile, defaults; each value knows its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zvol.config.hosts import PORTS, ZSTACK_PORT, BadHost, parse_host
from zvol.config.kinds import InvalidValue
from zvol.config.paths import config_file, expand
from zvol.config.registry import PLAIN, SETTINGS, Scope, Setting
from zvol.errors import ConfigError, Problem, UsageProblem
from zvol.files import UnreadableFile
from zvol.text import did_you_mean

if TYPE_CHECKING:
    from zvol.config.profiles import File


class Layer(StrEnum):
    OPTION = "option"
    ENVIRONMENT = "environment"
    PROFILE = "profile"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A value, its layer, and its source as `zvol config show` names it."""

    value: Any = field(repr=False)
    layer: Layer
    source: str


class SettingLayers:
    """The values of each layer in one run; the configuration file is read at most once.

    `options` are the settings that were given as options, by key.  `environ` is without empty variables,
    `profile_values` has the values of the chosen profile, `problems` what is wrong outside the file.
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
        self._option_values: dict[str, SettingValue] = {}
        self._variable_values: dict[str, SettingValue] = {}
        for setting in PLAIN:
            name = next((name for name in setting.variables if name in self.environ), None)
            value = None if name is None else self.variable(setting.key, name)
            if value is not None:
                self._variable_values[setting.key] = value

    def pick(self, key: str, host: SettingValue | None = None, *, own_host: bool = True) -> SettingValue:
        """Return the value to use for a host; `own_host` says that it is the chosen profile's."""
        setting = SETTINGS[key]
        variable = self._variable_values.get(key)
        if setting.scope is Scope.OWN_LAYER and host is not None and host.layer is Layer.PROFILE:
            variable = None
        of_profile = self.profile_values.get(key) if own_host or setting.scope is Scope.ANY else None
        found = self._option_values.get(key) or variable or of_profile
        return found or SettingValue(setting.default, Layer.DEFAULT, "default")

    @property
    def no_input(self) -> bool:
        """Tell whether zvol must not prompt; the configuration file is not read.  Raises ConfigError."""
        self.read_options()
        if self.problems:
            raise ConfigError(self.problems)
        return bool(self.pick("no_input").value)

    def add_problem(self, where: str, text: str) -> None:
        problem = Problem(where, text)
        if problem not in self.problems:
            self.problems.append(problem)

    # ---- options and environment ---------------------------------------------------------------------------------
    def read_options(self) -> None:
        """Check the options; wrong ones are added to `problems`."""
        for setting in PLAIN:
            if setting.key in self.options:
                source = f"option {setting.option[-1]}"
                value = self._checked(setting, self.options[setting.key], Layer.OPTION, source)
                if value is not None:
                    self._option_values[setting.key] = value

    def variable(self, key: str, name: str) -> SettingValue | None:
        """Return a checked variable as the value of a key, None when it is wrong, which is added to `problems`."""
        return self._checked(SETTINGS[key], self.environ[name], Layer.ENVIRONMENT, f"environment {name}")

    def _checked(self, setting: Setting, given: Any, layer: Layer, source: str) -> SettingValue | None:
        try:
            value = setting.kind.read(given)
        except InvalidValue as exc:
            self.add_problem(source, str(exc))
            return None
        return SettingValue(str(expand(value, self.environ)) if setting.kind.path else value, layer, source)

    # ---- the file ------------------------------------------------------------------------------------------------
    @cached_property
    def _loaded(self) -> File | UnreadableFile | ConfigError:
        """Return the configuration file, or the error of reading it, so that a wrong file is not read twice either."""
        from zvol.config.profiles import read

        assert self.path is not None
        try:
            return read(self.path)
        except (UnreadableFile, ConfigError) as exc:
            return exc

    def load(self) -> File:
        """Return the configuration file; raises ConfigError when it is wrong or cannot be read."""
        from zvol.config.profiles import unreadable

        found = self._loaded
        if isinstance(found, UnreadableFile):
            raise unreadable(found)
        if isinstance(found, ConfigError):
            raise found
        return found

    def _file(self, *, needed: bool) -> File | None:
        """Return the configuration file, None for a default one that is missing, or unreadable and not `needed`."""
        if self.path is None:
            return None
        found = self._loaded
        if isinstance(found, UnreadableFile) and not self._named and (found.missing or not needed):
            if not found.missing and found.message not in self.warnings:
                self.warnings.append(found.message)
            return None
        return self.load()

    # ---- the profile ---------------------------------------------------------------------------------------------
    def choose_profile(self, *, host_needed: bool) -> None:
        """Choose a profile and take its values; with `host_needed`, several without a choice are a UsageProblem."""
        name = self.options.get("profile") or self.environ.get("ZVOL_PROFILE")
        file = self._file(needed=host_needed or name is not None)
        if file is None:
            if name:
                text = f"there is no profile {name}: {self.path or 'a configuration file'} does not exist"
                raise UsageProblem(text)
            return
        self._choose(file, name, host_needed=host_needed)
        for key, value in file.profiles.get(self.profile or "", {}).items():
            checked = self._relative_to(file.path, key, value.value)
            self.profile_values[key] = SettingValue(checked, Layer.PROFILE, value.where)

    def _choose(self, file: File, name: str | None, *, host_needed: bool) -> None:
        from zvol.config.document import names

        known = list(file.profiles)
        if name is not None and name not in known:
            guess = did_you_mean(name, known)
            raise UsageProblem(f"there is no profile {name} in {file.path} (there is: {names(known)}){guess}")
        if name is not None:
            self.profile = name
            self.profile_source = "option --profile" if self.options.get("profile") else "environment ZVOL_PROFILE"
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
        """Return a value with its file, or its program, taken relative to the configuration file."""
        kind = SETTINGS[key].kind
        if kind.path:
            return str(path.parent / expand(value, self.environ))
        if kind.shape == "list" and "/" in value[0]:
            return (str((path.parent / expand(value[0], self.environ)).absolute()), *value[1:])
        return value

    # ---- the host ------------------------------------------------------------------------------------------------
    @property
    def host_is_given(self) -> bool:
        """Tell whether an option or the environment names the host."""
        return bool(self.options.get("host") or "ZVOL_HOST" in self.environ or "ZSTACK_HOST" in self.environ)

    def host(self) -> SettingValue:
        """Return the endpoint to use; raises ConfigError or UsageProblem."""
        if self.options.get("host"):
            return self._endpoint(self.options["host"], Layer.OPTION, "option --host")
        if "ZVOL_HOST" in self.environ:
            return self._endpoint(self.environ["ZVOL_HOST"], Layer.ENVIRONMENT, "environment ZVOL_HOST")
        if "ZSTACK_HOST" in self.environ:
            return self._zstack_host()
        if "host" in self.profile_values:
            return self.profile_values["host"]
        text = f"profile {self.profile} has no host" if self.profile else "no host is configured"
        hint = "Set ZVOL_HOST, or make a profile with `zvol config init`; `zvol --sandbox …` needs neither."
        raise UsageProblem(text, hint=hint)

    def _zstack_host(self) -> SettingValue:
        """Return the endpoint of ZSTACK_HOST: a name or an address, perhaps with a port, as ZStack's own tools know."""
        bare, port = self.environ["ZSTACK_HOST"], self.environ.get("ZSTACK_PORT")
        if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            raise ConfigError([*self.problems, Problem("environment ZSTACK_PORT", "must be a port: 1 to 65535")])
        if "://" not in bare:
            bare = f"http://[{bare}]" if bare.count(":") > 1 and "]" not in bare else f"http://{bare}"
        ports = dict.fromkeys(PORTS, int(port)) if port else {**PORTS, "http": ZSTACK_PORT}
        return self._endpoint(bare, Layer.ENVIRONMENT, "environment ZSTACK_HOST", ports)

    def _endpoint(self, text: str, layer: Layer, source: str, ports: Mapping[str, int] = PORTS) -> SettingValue:
        try:
            return SettingValue(parse_host(text, ports), layer, source)
        except BadHost as exc:
            problem = Problem(source, f"host {exc}")
        raise ConfigError([*self.problems, problem])
