"""The files of zvol, and how private ones are read and written."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from zvol.errors import ConfigError, LocalState, Problem, UsageProblem


def config_file(option: str | None, environ: Mapping[str, str]) -> tuple[Path | None, bool]:
    """Return the configuration file and whether somebody named it (then it must exist); None when there can be none."""
    named = option or environ.get("ZVOL_CONFIG")
    if named:
        return Path(named).expanduser(), True
    base = _base(environ, "XDG_CONFIG_HOME", ".config")
    return (base / "zvol" / "config.yaml" if base else None), False


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the journal and the sandbox.  Raises UsageProblem when there is no home for it."""
    base = _base(environ, "XDG_STATE_HOME", ".local/state")
    if base is None:
        raise UsageProblem("there is no place for the journal: HOME is not set", hint="Set HOME or XDG_STATE_HOME.")
    return base / "zvol"


def _base(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    own = environ.get(variable)
    if own and Path(own).is_absolute():
        return Path(own)
    home = environ.get("HOME")
    return Path(home) / below_home if home and Path(home).is_absolute() else None


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner may enter, and return it; raises LocalState when that cannot be."""
    hint = "Set XDG_STATE_HOME to a folder of your own."
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if found.st_uid != os.geteuid():
            raise LocalState(f"{path} belongs to another user", hint=hint)
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as exc:
        raise LocalState(
            f"cannot use {path}: {exc.strerror}", hint="Set XDG_STATE_HOME to a folder of your own."
        ) from exc
    return path


def read_file(path: Path, where: str, limit: int) -> tuple[bytes, int]:
    """Return a file's bytes and its permission bits.  Raises ConfigError, naming `where` it was asked for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise ConfigError([Problem(where, f"cannot read {path}: {exc.strerror}")]) from exc
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError([Problem(where, f"{path} is not a file")])
        try:
            data = file.read(limit + 1)
        except OSError as exc:
            raise ConfigError([Problem(where, f"cannot read {path}: {exc.strerror}")]) from exc
    if len(data) > limit:
        raise ConfigError([Problem(where, f"{path} has more than {limit} bytes")])
    return data, stat.S_IMODE(found.st_mode)


def refuse_readable(path: Path, mode: int, where: str) -> None:
    """Refuse a file with a secret that others can read, naming the repair."""
    if mode & 0o077:
        text = f"{path} holds a secret and others can read it (mode {mode:04o})"
        raise ConfigError([Problem(where, text)], hint=f"Run: chmod 600 {path}")


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises FileExistsError when it is there and not to be replaced, LocalState when it cannot be written.
    """
    private_parent(path)
    spare = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        fd = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
            if replace:
                os.replace(spare, path)
            else:
                os.link(spare, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(spare)
    except FileExistsError:
        raise
    except OSError as exc:
        raise LocalState(f"cannot write {path}: {exc.strerror}") from exc


def private_parent(path: Path) -> None:
    """Make the folder of a private file, for its owner only, when it is not there."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise LocalState(f"cannot make {path.parent}: {exc.strerror}") from exc
