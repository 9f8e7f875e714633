"""The paths of the configuration file and the state folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zvol.config.registry import SETTINGS
from zvol.errors import UsageProblem


def config_file(option: str | None, environ: Mapping[str, str]) -> tuple[Path | None, bool]:
    """Return the path of the configuration file, None without HOME, and whether it was named and so must exist."""
    named = next(filter(None, (option, *map(environ.get, SETTINGS["config"].variables))), None)
    if named:
        return expand(named, environ), True
    base = _base(environ, "XDG_CONFIG_HOME", ".config")
    return (base / "zvol" / "config.yaml" if base else None), False


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the journal and the sandbox; raises UsageProblem without HOME."""
    base = _base(environ, "XDG_STATE_HOME", ".local/state")
    if base is None:
        raise UsageProblem(f"there is no place for the journal: {no_home(environ)}", hint="Set HOME or XDG_STATE_HOME.")
    return base / "zvol"


def no_home(environ: Mapping[str, str]) -> str:
    """Return why there is no usable HOME."""
    return "HOME is not an absolute path" if environ.get("HOME") else "HOME is not set"


def expand(text: str, environ: Mapping[str, str]) -> Path:
    """Return a path with a leading `~/` replaced by HOME, if HOME is set."""
    home = environ.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        return Path(home) / text[2:]
    return Path(text)


def _base(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    """Return a base folder; a relative path is ignored, because it would depend on the working directory."""
    base = environ.get(variable)
    if base and Path(base).is_absolute():
        return Path(base)
    home = environ.get("HOME")
    return Path(home) / below_home if home and Path(home).is_absolute() else None
