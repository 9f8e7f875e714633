"""All settings of one run, each with where it came from: option, then environment, then profile, then default."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from zvol.config import schema
from zvol.config.hosts import BadHost, parse_host, refuse_plain_http
from zvol.config.paths import config_file
from zvol.config.schema import Bad, did_you_mean
from zvol.errors import ConfigError, Problem, UsageProblem
from zvol.model import Endpoint
from zvol.text import safe

DEFAULTS: Final[Mapping[str, Any]] = {
    "insecure_http": False,
    "timeout": 1800.0,
    "settle_wait": 75.0,
    "api_timeout": 60.0,
    "concurrency": 16,
    "output": "table",
}

VARIABLES: Final[Mapping[str, str]] = {
    "ca_file": "ZVOL_CA_FILE",
    "insecure_http": "ZVOL_INSECURE_HTTP",
    "output": "ZVOL_OUTPUT",
    "timeout": "ZVOL_TIMEOUT",
}
"""Settings that have a variable of their own; host and session are handled apart."""

CREDENTIAL_KEYS: Final = (
    "session",
    "session_file",
    "session_command",
    "account",
    "user",
    "password_command",
    "password_file",
    "access_key_id",
    "access_key_secret_file",
    "access_key_secret_command",
)


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


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations in seconds.  `credential` holds what a session can be made of, all of one level; it is not shown."""

    endpoint: Endpoint
    profile: str | None
    ca_file: str | None
    proxy: str | None
    timezone: str | None
    timeout: float
    settle_wait: float
    api_timeout: float
    concurrency: int
    output: str
    no_input: bool
    warnings: tuple[str, ...]
    credential: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)


class _Levels:
    """The four levels of one run."""

    def __init__(self, overrides: Overrides, environ: Mapping[str, str]) -> None:
        self.overrides = overrides
        self.environ = {name: value for name, value in environ.items() if value}
        self.values: dict[str, Any] = dict(DEFAULTS)
        self.sources: dict[str, str] = dict.fromkeys(DEFAULTS, "default")
        self.problems: list[Problem] = []
        self.file: Path | None = None
        self.profile: str | None = None
        self.profile_values: dict[str, Any] = {}

    def put(self, key: str, value: Any, source: str) -> None:
        self.values[key], self.sources[key] = value, source

    # ---- one level after the other, each over the former ----------------------------------------------------------
    def read_profile(self, *, host_needed: bool = True) -> None:
        path, named = config_file(self.overrides.config, self.environ)
        self.file = path
        wanted = self.overrides.profile or self.environ.get("ZVOL_PROFILE")
        if path is None or (not named and not path.exists()):
            if wanted:
                raise UsageProblem(
                    f"there is no profile {safe(wanted)}: {path or 'a configuration file'} does not exist"
                )
            return
        from zvol.config.profiles import load

        loaded = load(path)
        host_elsewhere = self.overrides.host or self.env_host() is not None or not host_needed
        self.profile = self._choose(wanted, loaded.current, list(loaded.profiles), path, needed=not host_elsewhere)
        if self.profile is None:
            return
        for key, found in loaded.profiles[self.profile].items():
            value = found.value
            if schema.KEYS[key].path:
                value = str(path.parent / Path(value).expanduser())
            self.profile_values[key] = value
            self.put(key, value, found.where)

    def _choose(
        self, wanted: str | None, current: str | None, names: list[str], path: Path, *, needed: bool
    ) -> str | None:
        if wanted is not None and wanted not in names:
            known = ", ".join(safe(name) for name in names) or "none"
            raise UsageProblem(f"no profile {safe(wanted)} in {path} (there is: {known}){did_you_mean(wanted, names)}")
        chosen = wanted or current or (names[0] if len(names) == 1 else None)
        if chosen is None and needed and names:
            raise UsageProblem(
                f"{path} has several profiles and none is chosen ({', '.join(safe(name) for name in names)})",
                hint="Use -p NAME, or set `current:` in the file.",
            )
        return chosen

    def read_environment(self) -> None:
        for key, variable in VARIABLES.items():
            if variable in self.environ:
                self._read(key, self.environ[variable], f"environment {variable}")
        if self.env_host() is not None:
            self.put("host", self.env_host(), f"environment {self.env_host_name()}")

    def read_options(self) -> None:
        options = self.overrides
        for key, value in (("output", options.output), ("timeout", options.timeout)):
            if value is not None:
                self.put(key, value, f"option --{key}")
        if options.concurrency is not None:
            self.put("concurrency", options.concurrency, "option --concurrency")
        if options.host:
            self.put("host", options.host, "option --host")

    def _read(self, key: str, text: str, source: str) -> None:
        try:
            self.put(key, schema.KEYS[key].read(text), source)
        except Bad as exc:
            self.problems.append(Problem(source, str(exc)))

    # ---- host ----------------------------------------------------------------------------------------------------
    def env_host_name(self) -> str:
        return "ZVOL_HOST" if "ZVOL_HOST" in self.environ else "ZSTACK_HOST"

    def env_host(self) -> str | None:
        """Return the host of the environment; ZSTACK_HOST is a bare name as ZStack's own tools take it."""
        own = self.environ.get("ZVOL_HOST")
        if own or "ZSTACK_HOST" not in self.environ:
            return own
        bare = self.environ["ZSTACK_HOST"]
        if "://" in bare:
            return bare
        host = f"[{bare}]" if bare.count(":") > 1 and not bare.startswith("[") else bare
        return f"http://{host}:{self.environ.get('ZSTACK_PORT', '8080')}/zstack"

    def endpoint(self) -> Endpoint:
        if "host" not in self.values:
            hint = "Set ZVOL_HOST, or make a profile with `zvol config init`; `zvol --sandbox …` needs neither."
            raise UsageProblem("no host is configured", hint=hint)
        try:
            return parse_host(self.values["host"])
        except BadHost as exc:
            raise ConfigError([Problem(self.sources["host"], f"host {exc}")]) from exc


def resolve(overrides: Overrides, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a run.

    Raises ConfigError or UsageProblem for what is wrong, Untrusted for plain http that nobody allowed.
    """
    levels = _Levels(overrides, environ)
    levels.read_profile()
    levels.read_environment()
    levels.read_options()
    if levels.problems:
        raise ConfigError(levels.problems)
    endpoint = levels.endpoint()
    host_from = levels.sources["host"]
    own_profile = not host_from.startswith(("option", "environment"))
    insecure = levels.values["insecure_http"] and (own_profile or levels.sources["insecure_http"].startswith("env"))
    warning = refuse_plain_http(endpoint, allowed=insecure, where=host_from)
    values = levels.values
    return Settings(
        endpoint=endpoint,
        profile=levels.profile,
        ca_file=values.get("ca_file"),
        proxy=_proxy(endpoint, values.get("proxy") if own_profile else None, levels.environ),
        timezone=values.get("timezone"),
        timeout=values["timeout"],
        settle_wait=values["settle_wait"],
        api_timeout=values["api_timeout"],
        concurrency=values["concurrency"],
        output=values["output"],
        no_input=overrides.no_input or levels.environ.get("ZVOL_NO_INPUT", "") not in ("", "0"),
        warnings=(warning,) if warning else (),
        credential=_credential(levels, own_profile=own_profile),
        sources=levels.sources,
    )


def _credential(levels: _Levels, *, own_profile: bool) -> dict[str, Any]:
    """Return what a session can be made of: only from the level that the host is from."""
    from_profile: dict[str, Any] = {
        key: levels.profile_values[key] for key in CREDENTIAL_KEYS if key in levels.profile_values
    }
    names = ("ZVOL_SESSION", "ZSTACK_SESSION_ID", "ZVOL_SESSION_FILE")
    given = next((name for name in names if name in levels.environ), None)
    if own_profile:
        if given is not None:
            raise UsageProblem(
                f"{given} is set, and the host is from {levels.sources['host']}: "
                "a session goes only to the host of its own level",
                hint=f"Unset {given}, or set ZVOL_HOST too.",
            )
        return from_profile
    if given is None:
        if from_profile and levels.sources["host"].startswith("option") and not _has_env_login(levels):
            raise UsageProblem(
                f"the host is from option --host, and the credentials are profile {safe(str(levels.profile))}'s, "
                "which go only to its own host",
                hint="Set ZVOL_SESSION or ZVOL_SESSION_FILE for this host.",
            )
        return {"missing": "environment"}
    if given == "ZVOL_SESSION_FILE":
        return {"session_file": str(Path(levels.environ[given]).expanduser()), "source": given}
    try:
        return {"session": schema.session(levels.environ[given]), "source": given}
    except Bad as exc:
        raise ConfigError([Problem(f"environment {given}", str(exc))]) from exc


def _has_env_login(levels: _Levels) -> bool:
    return "ZSTACK_ACCOUNT_NAME" in levels.environ or "ZSTACK_ACCESS_KEY_ID" in levels.environ


def _proxy(endpoint: Endpoint, own: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the proxy for an https host: the profile's, else HTTPS_PROXY unless NO_PROXY names the host."""
    if own is not None or endpoint.scheme != "https":
        return None if own in (None, "none") or endpoint.scheme != "https" else own
    proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
    exempt = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    return None if proxy is None or _exempt(endpoint.host, exempt) else proxy


def _exempt(host: str, names: str) -> bool:
    for name in (part.strip().lower() for part in names.split(",")):
        if name == "*" or (name and (host == name.lstrip(".") or host.endswith("." + name.lstrip(".")))):
            return True
        try:
            if name and ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def output_format(overrides: Overrides, environ: Mapping[str, str]) -> str:
    """Return the output format of environment, profile or default, also where there is no host yet."""
    levels = _Levels(overrides, environ)
    levels.read_profile(host_needed=False)
    levels.read_environment()
    if levels.problems:
        raise ConfigError(levels.problems)
    return str(levels.values["output"])
