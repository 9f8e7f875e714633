"""The levels that settings come from: options, environment, profile, defaults; each value knows its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zvol.config import schema
from zvol.config.hosts import PORTS, ZSTACK_PORT, BadHost, parse_host
from zvol.config.paths import config_file, expand
from zvol.config.schema import InvalidValue
from zvol.errors import ConfigError, Problem, UsageProblem
from zvol.files import UnreadableFile
from zvol.model import Endpoint
from zvol.render.formats import DEFAULT
from zvol.text import did_you_mean

if TYPE_CHECKING:
    from zvol.config.profiles import File

DEFAULTS: Final[Mapping[str, Any]] = {
    "insecure_http": False,
    "timeout": 1800.0,
    "settle_wait": 75.0,
    "api_timeout": 60.0,
    "concurrency": 16,
    "output": DEFAULT,
    "no_input": False,
}

VARIABLES: Final[Mapping[str, str]] = {
    "ca_file": "ZVOL_CA_FILE",
    "insecure_http": "ZVOL_INSECURE_HTTP",
    "output": "ZVOL_OUTPUT",
    "timeout": "ZVOL_TIMEOUT",
    "no_input": "ZVOL_NO_INPUT",
}
"""Settings that have a variable of their own; host and session are handled apart."""

HOST_KEYS: Final = frozenset({"insecure_http", "proxy", "timezone"})
"""What a profile says of its own host; it is not true of another one."""


class Layer(StrEnum):
    OPTION = "option"
    ENVIRONMENT = "environment"
    PROFILE = "profile"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A value, its level, and what a person calls the place it is from."""

    value: Any = field(repr=False)
    level: Layer
    source: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """What was given as options; None where nothing was."""

    profile: str | None = None
    config: str | None = None
    host: str | None = None
    output: str | None = None
    timeout: float | None = None
    concurrency: int | None = None
    no_input: bool = False


class SettingLayers:
    """What each level says in one run.

    `environ` is without empty variables, `own` holds the chosen profile's values, `problems` what is wrong outside
    the file.
    """

    def __init__(self, overrides: Overrides, environ: Mapping[str, str]) -> None:
        self.overrides = overrides
        self.environ = {name: value for name, value in environ.items() if value}
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.path: Path | None = None
        self.profile: str | None = None
        self.profile_from = "-"
        self.own: dict[str, SettingValue] = {}
        self.variables = {key: found for key, name in VARIABLES.items() if (found := self._variable(key, name))}
        self.options = self._options()

    def pick(self, key: str, *, own: bool = True) -> SettingValue:
        """Return the value that counts; `own` says that the host is the profile's."""
        of_profile = self.own.get(key) if own or key not in HOST_KEYS else None
        found = self.options.get(key) or self.variables.get(key) or of_profile
        return found or SettingValue(DEFAULTS.get(key), Layer.DEFAULT, "default")

    # ---- options and environment ---------------------------------------------------------------------------------
    def _options(self) -> dict[str, SettingValue]:
        given = self.overrides
        found = {
            "output": self._read(lambda: schema.output(given.output or ""), given.output, "--output"),
            "timeout": self._read(
                lambda: schema.between(given.timeout or 0, schema.LONGEST_TIMEOUT), given.timeout, "--timeout"
            ),
            "concurrency": self._read(
                lambda: schema.concurrency(given.concurrency or 0), given.concurrency, "--concurrency"
            ),
            "no_input": SettingValue(True, Layer.OPTION, "option --no-input") if given.no_input else None,
        }
        return {key: value for key, value in found.items() if value}

    def _read(self, read: Any, given: object, option: str) -> SettingValue | None:
        if given is None:
            return None
        try:
            return SettingValue(read(), Layer.OPTION, f"option {option}")
        except InvalidValue as exc:
            self.problems.append(Problem(f"option {option}", str(exc)))
        return None

    def _variable(self, key: str, name: str) -> SettingValue | None:
        if name not in self.environ:
            return None
        value = self.variable(key, name)
        return None if value is None else SettingValue(value, Layer.ENVIRONMENT, f"environment {name}")

    def variable(self, key: str, name: str) -> Any:
        """Return a checked variable as the value of a key, None when it is wrong (which is noted)."""
        rule = schema.KEYS.get(key) or schema.VARIABLES_ONLY.get(key)
        text = self.environ[name]
        try:
            value: Any = rule.read(text) if rule else schema.flag(text)
        except InvalidValue as exc:
            self.problems.append(Problem(f"environment {name}", str(exc)))
            return None
        return expand(value, self.environ) if rule and rule.path else value

    # ---- the profile ---------------------------------------------------------------------------------------------
    def read_profile(self, *, host_needed: bool) -> None:
        """Choose a profile and take its values; `host_needed` makes it a mistake that none is chosen."""
        path, named = config_file(self.overrides.config, self.environ)
        self.path = path
        wanted = self.overrides.profile or self.environ.get("ZVOL_PROFILE")
        file = self._file(path, named=named, needed=host_needed or wanted is not None) if path else None
        if file is None:
            if wanted:
                raise UsageProblem(f"there is no profile {wanted}: {path or 'a configuration file'} does not exist")
            return
        self._choose(file, wanted, host_needed=host_needed)
        for key, value in file.profiles.get(self.profile or "", {}).items():
            self.own[key] = SettingValue(self._below(file.path, key, value.value), Layer.PROFILE, value.where)

    def _file(self, path: Path, *, named: bool, needed: bool) -> File | None:
        from zvol.config.profiles import load, load_if_there

        if named:
            return load(path)
        try:
            return load_if_there(path)
        except UnreadableFile as exc:
            text, reason = exc.text, exc.reason
        if needed:
            raise ConfigError([Problem(str(path), text)])
        self.warnings.append(reason)
        return None

    def _choose(self, file: File, wanted: str | None, *, host_needed: bool) -> None:
        from zvol.config.document import names

        known = list(file.profiles)
        if wanted is not None and wanted not in known:
            text = (
                f"there is no profile {wanted} in {file.path} (there is: {names(known)}){did_you_mean(wanted, known)}"
            )
            raise UsageProblem(text)
        if wanted is not None:
            self.profile = wanted
            self.profile_from = "option --profile" if self.overrides.profile else "environment ZVOL_PROFILE"
        elif file.current is not None:
            self.profile, self.profile_from = file.current, f"current in {file.path}"
        elif len(known) == 1:
            self.profile, self.profile_from = known[0], f"the only one in {file.path}"
        elif known and host_needed:
            raise UsageProblem(
                f"{file.path} has several profiles and none is chosen ({names(known)})",
                hint="Use -p NAME, or set `current:` in the file.",
            )

    def _below(self, path: Path, key: str, value: Any) -> Any:
        """Return a value with its file, or its program, taken relative to the configuration file."""
        rule = schema.KEYS[key]
        if rule.path:
            return path.parent / expand(value, self.environ)
        if rule.kind == "words" and "/" in value[0]:
            return (str((path.parent / expand(value[0], self.environ)).absolute()), *value[1:])
        return value

    # ---- the host ------------------------------------------------------------------------------------------------
    @property
    def elsewhere(self) -> bool:
        """Tell whether an option or the environment names the host."""
        return bool(self.overrides.host or "ZVOL_HOST" in self.environ or "ZSTACK_HOST" in self.environ)

    def host(self) -> tuple[Endpoint, SettingValue]:
        """Return the endpoint that counts, and where it is from.  Raises ConfigError, UsageProblem."""
        option, variable = self.overrides.host, self.environ.get("ZVOL_HOST")
        if option:
            return self._endpoint(SettingValue(option, Layer.OPTION, "option --host"))
        if variable:
            return self._endpoint(SettingValue(variable, Layer.ENVIRONMENT, "environment ZVOL_HOST"))
        if "ZSTACK_HOST" in self.environ:
            return self._zstack_host()
        if "host" in self.own:
            return self._endpoint(self.own["host"])
        text = f"profile {self.profile} has no host" if self.profile else "no host is configured"
        hint = "Set ZVOL_HOST, or make a profile with `zvol config init`; `zvol --sandbox …` needs neither."
        raise UsageProblem(text, hint=hint)

    def _zstack_host(self) -> tuple[Endpoint, SettingValue]:
        """Return the endpoint of ZSTACK_HOST: a name or an address, perhaps with a port, as ZStack's own tools know."""
        bare, port = self.environ["ZSTACK_HOST"], self.environ.get("ZSTACK_PORT")
        if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            raise ConfigError([*self.problems, Problem("environment ZSTACK_PORT", "must be a port: 1 to 65535")])
        if "://" not in bare:
            bare = f"http://[{bare}]" if bare.count(":") > 1 and "]" not in bare else f"http://{bare}"
        ports = dict.fromkeys(PORTS, int(port)) if port else {**PORTS, "http": ZSTACK_PORT}
        return self._endpoint(SettingValue(bare, Layer.ENVIRONMENT, "environment ZSTACK_HOST"), ports)

    def _endpoint(self, found: SettingValue, ports: Mapping[str, int] = PORTS) -> tuple[Endpoint, SettingValue]:
        try:
            return parse_host(found.value, ports), found
        except BadHost as exc:
            problem = Problem(found.source, f"host {exc}")
        raise ConfigError([*self.problems, problem])
