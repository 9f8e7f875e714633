"""All settings of one run, each with where it came from: option, then environment, then profile, then default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zvol.config.credential_scope import Credential, scope_credential
from zvol.config.hosts import BadHost, parse_host, plain_http_warning
from zvol.config.layers import Layer, Overrides, SettingLayers, SettingValue
from zvol.config.proxies import environment_proxy
from zvol.errors import ConfigError, Problem
from zvol.model import Endpoint

__all__ = ["Credential", "Overrides", "Settings", "output_format", "resolve"]

_PICKED: Final = (
    "ca_file",
    "timezone",
    "timeout",
    "settle_wait",
    "api_timeout",
    "concurrency",
    "output",
    "no_input",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that count; durations in seconds.

    `proxy` is resolved: a URL, or None for none.  `sources` says of each value where it is from: `option --host`,
    `environment ZVOL_HOST`, `file:line:column` or `default`.  `credential` has been given to this host, but not read.
    """

    endpoint: Endpoint
    profile: str | None
    config: Path | None
    ca_file: str | None
    insecure_http: bool
    proxy: str | None = field(repr=False)
    timezone: str | None
    timeout: float
    settle_wait: float
    api_timeout: float
    concurrency: int
    output: str
    no_input: bool
    warnings: tuple[str, ...]
    credential: Credential
    sources: Mapping[str, str]


def resolve(overrides: Overrides, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a run; reads the configuration file, sends nothing.

    Raises ConfigError or UsageProblem for what is wrong, Untrusted for plain http that nobody allowed.
    """
    layers = SettingLayers(overrides, environ)
    layers.read_profile(host_needed=not layers.elsewhere)
    endpoint, host = layers.host()
    own = "host" in layers.own and parse_host(layers.own["host"].value) == endpoint
    credential = scope_credential(layers, host, own=own)
    proxy = _proxy(layers, endpoint, own=own)
    if layers.problems:
        raise ConfigError(layers.problems)
    insecure = _insecure(layers, host, own=own)
    picked = {key: layers.pick(key, own=own) for key in _PICKED}
    ca_file = picked["ca_file"].value
    sources = {key: found.source for key, found in picked.items()}
    sources |= {"host": host.source, "profile": layers.profile_from, "proxy": proxy.source}
    return Settings(
        endpoint=endpoint,
        profile=layers.profile,
        config=layers.path,
        ca_file=None if ca_file is None else str(ca_file),
        insecure_http=insecure.value,
        proxy=proxy.value,
        timezone=picked["timezone"].value,
        timeout=picked["timeout"].value,
        settle_wait=picked["settle_wait"].value,
        api_timeout=picked["api_timeout"].value,
        concurrency=picked["concurrency"].value,
        output=picked["output"].value,
        no_input=picked["no_input"].value,
        warnings=(*layers.warnings, *_warnings(layers, endpoint, host, insecure, own=own)),
        credential=credential,
        sources=sources | {"insecure_http": insecure.source} | dict(credential.sources),
    )


def _insecure(layers: SettingLayers, host: SettingValue, *, own: bool) -> SettingValue:
    """Return whether plain http is allowed: the environment answers for its own hosts, the profile for its own."""
    candidates = [layers.variables.get("insecure_http")] if host.level is not Layer.PROFILE else []
    candidates += [layers.own.get("insecure_http")] if own else []
    found = [one for one in candidates if one is not None]
    return found[0] if found else SettingValue(False, Layer.DEFAULT, "default")


def _warnings(
    layers: SettingLayers, endpoint: Endpoint, host: SettingValue, insecure: SettingValue, *, own: bool
) -> list[str]:
    """Return what the user should know; raises Untrusted for plain http that nobody allowed."""
    profile = host.level is Layer.PROFILE
    repair = "`insecure_http: true` in the profile" if profile else "ZVOL_INSECURE_HTTP=1"
    plain = plain_http_warning(endpoint, allowed=insecure.value, where=host.source, repair=repair)
    found = [plain] if plain else []
    if layers.overrides.profile and host.level is Layer.ENVIRONMENT and "host" in layers.own and not own:
        found.append(f"the host is that of {host.source}, not that of profile {layers.profile}")
    return found


def _proxy(layers: SettingLayers, endpoint: Endpoint, *, own: bool) -> SettingValue:
    """Return the profile's proxy for its own host, else that of the environment for https."""
    of_profile = layers.own.get("proxy") if own else None
    if of_profile is not None:
        value = None if of_profile.value == "none" else of_profile.value
        return SettingValue(value, Layer.PROFILE, of_profile.source)
    try:
        found = environment_proxy(endpoint, layers.environ)
    except BadHost as exc:
        layers.problems.append(Problem("environment HTTPS_PROXY", str(exc)))
        found = None
    if found is None:
        return SettingValue(None, Layer.DEFAULT, "default")
    return SettingValue(found[0], Layer.ENVIRONMENT, f"environment {found[1]}")


def output_format(overrides: Overrides, environ: Mapping[str, str]) -> str:
    """Return the output format of option, environment, profile or default, also where there is no host yet.

    Raises what `resolve` raises for the file and the environment.
    """
    layers = SettingLayers(overrides, environ)
    layers.read_profile(host_needed=False)
    if layers.problems:
        raise ConfigError(layers.problems)
    return str(layers.pick("output").value)
