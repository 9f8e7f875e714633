"""The files of zvol, and how private ones are read and written."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zvol.errors import ConfigError, LocalState, Problem, UsageProblem

_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""What a file system says that knows no hard links."""


# ---- where the files are -----------------------------------------------------------------------------------------
def config_file(option: str | None, environ: Mapping[str, str]) -> tuple[Path | None, bool]:
    """Return the configuration file and whether somebody named it (then it must exist); None when there can be none."""
    named = option or environ.get("ZVOL_CONFIG")
    if named:
        return expand(named, environ), True
    base = _base(environ, "XDG_CONFIG_HOME", ".config")
    return (base / "zvol" / "config.yaml" if base else None), False


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the journal and the sandbox.  Raises UsageProblem when there is no home for it."""
    base = _base(environ, "XDG_STATE_HOME", ".local/state")
    if base is None:
        raise UsageProblem("there is no place for the journal: HOME is not set", hint="Set HOME or XDG_STATE_HOME.")
    return base / "zvol"


def expand(text: str, environ: Mapping[str, str]) -> Path:
    """Return a path with its leading `~/` replaced by HOME, where there is one."""
    home = environ.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        return Path(home) / text[2:]
    return Path(text)


def _base(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    """Return a base folder; one that is relative would depend on the working directory and does not count."""
    own = environ.get(variable)
    if own and Path(own).is_absolute():
        return Path(own)
    home = environ.get("HOME")
    return Path(home) / below_home if home and Path(home).is_absolute() else None


# ---- reading -----------------------------------------------------------------------------------------------------
class UnreadableFile(Exception):
    """A file cannot be read; `text` says why, `reason` with its path, `code` is the errno, 0 where there is none."""

    def __init__(self, path: Path, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.reason = f"{path} {text}"
        self.code = code

    @property
    def missing(self) -> bool:
        return self.code in (errno.ENOENT, errno.ENOTDIR)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held, and who could read and write it at that moment; `link` is set when its path is a link."""

    path: Path
    data: bytes = field(repr=False)
    mode: int
    owner: int
    link: bool

    @property
    def foreign(self) -> bool:
        """Tell whether the file belongs to somebody who is neither this user nor root."""
        return self.owner not in (os.geteuid(), 0)

    def exposure(self) -> tuple[str, str] | None:
        """Return why this file must not hold a secret, without its path, and what repairs it; None when it may."""
        if self.link:
            return "is a symbolic link, and it holds a secret", "Name the file itself."
        if self.foreign:
            return "holds a secret and belongs to another user", "Make a copy that is your own."
        if self.mode & 0o077:
            text = f"holds a secret and others can use it (mode {self.mode:04o})"
            return text, f"Run: chmod 600 {shlex.quote(str(self.path))}"
        return None


def read_file(path: Path, limit: int) -> Content:
    """Return a regular file of at most `limit` bytes; raises Unreadable.

    What is judged later is the file that was read: its owner and mode are those of the open descriptor.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd, link = _open(path, flags)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableFile(path, "is not a file")
            with os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read(limit + 1)
        finally:
            os.close(fd)
    except OSError as exc:
        raise UnreadableFile(path, f"cannot be read: {exc.strerror}", exc.errno or 0) from None
    except ValueError:
        raise UnreadableFile(path, "holds a character that no path has") from None
    if len(data) > limit:
        raise UnreadableFile(path, f"has more than {limit} bytes")
    return Content(path, data, stat.S_IMODE(found.st_mode), found.st_uid, link)


def _open(path: Path, flags: int) -> tuple[int, bool]:
    try:
        return os.open(path, flags | os.O_NOFOLLOW), False
    except OSError as exc:
        if exc.errno not in (errno.ELOOP, errno.EMLINK):
            raise
    return os.open(path, flags), True


def open_private(path: Path, limit: int, where: str | None = None) -> bytes:
    """Return a file that only its owner can read.

    Raises ConfigError, naming `where` it was asked for, for a link, another's file, and one that others can read.
    """
    try:
        content = read_file(path, limit)
    except UnreadableFile as exc:
        raise ConfigError([Problem(where, exc.reason) if where else Problem(str(path), exc.text)]) from None
    exposed = content.exposure()
    if exposed:
        text, hint = exposed
        raise ConfigError([Problem(where, f"{path} {text}") if where else Problem(str(path), text)], hint=hint)
    return content.data


# ---- writing -----------------------------------------------------------------------------------------------------
def private_dir(path: Path) -> Path:
    """Make a folder that only its owner may enter, and return it; raises LocalState when that cannot be."""
    hint = "Set XDG_STATE_HOME to a folder of your own."
    try:
        _make_dirs(path)
        named, found = path.lstat(), path.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise LocalState(f"{path} is not a folder", hint=hint)
        if {named.st_uid, found.st_uid} != {os.geteuid()}:
            raise LocalState(f"{path} belongs to another user", hint=hint)
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as exc:
        raise LocalState(f"cannot use {path}: {exc.strerror}", hint=hint) from exc
    return path


def _make_dirs(path: Path) -> None:
    """Make a folder and those above it that are missing, all of them private and durable."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            _sync_dir(folder.parent)


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises FileExistsError when it is there and not to be replaced, LocalState when it cannot be written.
    """
    spare = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        _make_dirs(path.parent)
        try:
            _write_new(spare, data)
            if replace:
                os.replace(spare, path)
            else:
                _link(spare, path, data)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(spare)
        _sync_dir(path.parent)
    except FileExistsError:
        raise
    except OSError as exc:
        raise LocalState(f"cannot write {path}: {exc.strerror}") from exc


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(spare: Path, path: Path, data: bytes) -> None:
    """Give the finished file its name unless that is taken, also where there are no hard links."""
    try:
        os.link(spare, path)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        _write_new(path, data)


def _sync_dir(path: Path) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
