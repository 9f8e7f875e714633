"""Reads, writes and creates private files; the only module that checks modes, owners and links.

Configuration, credentials, stored sessions and the journal use it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zvol.errors import ConfigError, Exit, LocalState, Problem, ZvolError

OTHERS: Final = 0o077
"""The mode bits that a private file or folder does not have."""

_ELSEWHERE: Final = "Set XDG_STATE_HOME to a folder of your own."
_REPLACE: Final = "Remove it, or set XDG_STATE_HOME to a folder of your own."
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""The errors of a file system without hard links."""


# ---- reading -----------------------------------------------------------------------------------------------------
class UnreadableFile(ZvolError):
    """A file cannot be read; `text` says why without its path, `code` is the errno or 0."""

    kind = "local"
    exit = Exit.LOCAL

    def __init__(self, path: Path, text: str, code: int = 0) -> None:
        super().__init__(f"{path} {text}")
        self.path, self.text, self.code = path, text, code

    @property
    def missing(self) -> bool:
        return self.code in (errno.ENOENT, errno.ENOTDIR)


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file, with its mode and owner when it was read; `link`: its path is a symbolic link."""

    path: Path
    data: bytes = field(repr=False)
    mode: int
    owner: int
    link: bool

    @property
    def foreign(self) -> bool:
        """Tell whether the file belongs to a user who is neither this one nor root."""
        return self.owner not in (os.geteuid(), 0)

    def exposure(self) -> tuple[str, str] | None:
        """Return why this file must not hold a secret, without its path, and what repairs it; None when it may."""
        if self.link:
            return "is a symbolic link, and it holds a secret", "Name the file itself."
        if self.foreign:
            return "holds a secret and belongs to another user", "Make a copy that is your own."
        if self.mode & OTHERS:
            text = f"holds a secret and others can use it (mode {self.mode:04o})"
            return text, f"Run: chmod 600 {shlex.quote(str(self.path))}"
        return None


def read_file(path: Path, limit: int) -> Content:
    """Return a regular file of at most `limit` bytes; raises UnreadableFile.

    Owner and mode are those of the open descriptor, so that they are checked for the same file that was read.
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
    """Open a file and tell whether its path is a symbolic link."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW), False
    except OSError as exc:
        if exc.errno not in (errno.ELOOP, errno.EMLINK):
            raise
    return os.open(path, flags), True


def read_private(path: Path, limit: int, where: str | None = None) -> bytes:
    """Return the bytes of a file that only its owner can read.

    Raises ConfigError for a link, another user's file and one that others can read; `where` is the setting that names
    the file.
    """
    try:
        content = read_file(path, limit)
    except UnreadableFile as exc:
        raise ConfigError([Problem(where, exc.message) if where else Problem(str(path), exc.text)]) from None
    exposed = content.exposure()
    if exposed:
        text, hint = exposed
        raise ConfigError([Problem(where, f"{path} {text}") if where else Problem(str(path), text)], hint=hint)
    return content.data


def exposure_on_disk(path: Path) -> tuple[str, str] | None:
    """Return why a file or folder of zvol's state is not private, and what repairs it; None when it is.

    A folder may be a link; raises OSError.
    """
    found = path.stat() if path.is_dir() else path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a symbolic link", "Put the file itself there."
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user", _REPLACE
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS:
        private = "700" if stat.S_ISDIR(found.st_mode) else "600"
        return f"others can use {path} (mode {mode:04o})", f"Run: chmod {private} {shlex.quote(str(path))}"
    return None


# ---- creating ---------------------------------------------------------------------------------------------------
def private_dir(path: Path) -> Path:
    """Make a folder that only its owner may enter, and return it; raises LocalState when that is not possible."""
    try:
        _make_dirs(path)
        named, found = path.lstat(), path.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise LocalState(f"{path} is not a folder", hint=_ELSEWHERE)
        if {named.st_uid, found.st_uid} != {os.geteuid()}:
            raise LocalState(f"{path} belongs to another user", hint=_ELSEWHERE)
        if stat.S_IMODE(found.st_mode) & OTHERS:
            path.chmod(0o700)
    except OSError as exc:
        raise LocalState(f"cannot use {path}: {exc.strerror}", hint=_ELSEWHERE) from exc
    return path


def _make_dirs(path: Path) -> None:
    """Make a folder and those above it that are missing, all of them private and durable."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            sync_dir(folder.parent)


def open_private(path: Path, flags: int) -> int:
    """Open a file without following a link, with mode 0600 where `flags` create it; raises OSError."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def create_private(path: Path) -> int:
    """Create an empty file of mode 0600 unless it exists, and return its inode; an existing one becomes private.

    Raises LocalState for a link and another user's file, UnreadableFile for what is not a file, and OSError.
    """
    if path.is_symlink():
        raise LocalState(f"{path} is a symbolic link", hint=_REPLACE)
    if path.exists() and not path.is_file():
        raise UnreadableFile(path, "is not a file")
    new = not path.exists()
    fd = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    if found.st_uid != os.geteuid():
        raise LocalState(f"{path} belongs to another user", hint=_REPLACE)
    if stat.S_IMODE(found.st_mode) & OTHERS:
        path.chmod(0o600)
    if new:
        sync_dir(path.parent)
    return found.st_ino


def sync_dir(path: Path) -> None:
    """Make the names in a folder durable, if the file system supports it."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


# ---- writing -----------------------------------------------------------------------------------------------------
def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises FileExistsError when it exists and is not to be replaced, LocalState when it cannot be written.
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
        sync_dir(path.parent)
    except FileExistsError:
        raise
    except OSError as exc:
        raise LocalState(f"cannot write {path}: {exc.strerror}") from exc


def _write_new(path: Path, data: bytes) -> None:
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
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
