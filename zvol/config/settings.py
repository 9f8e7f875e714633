"""All settings of one run with their sources: option, then environment, then profile, then default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from zvol.config.credential_scope import Credential, scope_credential
from zvol.config.hosts import plain_http_warning
from zvol.config.layers import Layer, SettingLayers, SettingValue
from zvol.config.proxies import environment_proxy
from zvol.config.registry import PLAIN
from zvol.errors import InvalidValue
from zvol.model import Endpoint

__all__ = ["Credential", "SettingLayers", "Settings", "output_format", "resolve"]


class Settings(NamedTuple):
    """The settings of a run; durations in seconds.

    `proxy` is resolved: a URL, or None. `sources` has the source of each key: `option --host`, `environment ZVOL_HOST`,
    `file:line:column` or `default`. `credential` may be sent to this host; its files and programs have not been read.
    """

    endpoint: Endpoint
    profile: str | None
    config: Path | None
    ca_file: str | None
    insecure_http: bool
    proxy: str | None
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

    def __repr__(self) -> str:
        shown = self._asdict()
        del shown["proxy"]  # its URL may have a password
        return f"Settings({shown})"


def resolve(layers: SettingLayers) -> Settings:
    """Return the settings of a run; reads the configuration file unless it was already read, and sends nothing.

    Raises ConfigError or UsageProblem for mistakes, Untrusted for plain http that is not allowed.
    """
    layers.choose_profile(host_needed=not layers.host_is_given)
    host = layers.host
    credential = scope_credential(layers)
    proxy = _proxy(layers)
    layers.raise_problems()
    values = {setting.key: layers.pick(setting.key) for setting in PLAIN}
    found = values | {"host": host, "proxy": proxy}
    sources = {"profile": layers.profile_source} | {key: value.source for key, value in found.items()}
    return Settings(
        endpoint=host.value,
        profile=layers.profile,
        config=layers.path,
        proxy=proxy.value,
        warnings=(*layers.warnings, *_warnings(layers, insecure=values["insecure_http"].value)),
        credential=credential,
        sources=sources | dict(credential.sources),
        **{key: value.value for key, value in values.items()},
    )


def _warnings(layers: SettingLayers, *, insecure: bool) -> list[str]:
    """Return the warnings; raises Untrusted for plain http that is not allowed."""
    host = layers.host
    profile = host.layer is Layer.PROFILE
    repair = "`insecure_http: true` in the profile" if profile else "ZVOL_INSECURE_HTTP=1"
    plain = plain_http_warning(host.value, allowed=insecure, where=host.source, repair=repair)
    warnings = [plain] if plain else []
    chosen = layers.options.get("profile") and "host" in layers.profile_values
    if chosen and host.layer is Layer.ENVIRONMENT and not layers.own_host:
        warnings.append(f"the host is that of {host.source}, not that of profile {layers.profile}")
    return warnings


def _proxy(layers: SettingLayers) -> SettingValue:
    """Return the proxy of the profile for its own host, or else that of the environment for https."""
    of_profile = layers.pick("proxy")
    if of_profile.layer is Layer.PROFILE:
        value = None if of_profile.value == "none" else of_profile.value
        return SettingValue(value, Layer.PROFILE, of_profile.source)
    try:
        found = environment_proxy(layers.host.value, layers.environ)
    except InvalidValue as exc:
        without = f"correct it, or set NO_PROXY={layers.host.value.host} to go without a proxy"
        layers.add_problem("environment HTTPS_PROXY", f"{exc}; {without}")
        found = None
    if found is None:
        return of_profile
    return SettingValue(found[0], Layer.ENVIRONMENT, f"environment {found[1]}")


def output_format(layers: SettingLayers) -> str:
    """Return the output format of option, environment, profile or default, even if there is no host yet.

    Raises what `resolve` raises for the file and the environment.
    """
    layers.choose_profile(host_needed=False)
    layers.raise_problems()
    return str(layers.pick("output").value)
