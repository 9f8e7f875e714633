"""Reads, writes and creates private files; the only module that checks their modes, owners and links.

Configuration, credentials, stored sessions and the journal use it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from pathlib import Path
from typing import Final

from zvol.errors import ConfigError, Exit, LocalState, Problem, ZvolError
from zvol.permissions import OTHERS, Content, Place, Way, follow, opened_path, owner_of_root_folder, trusted
from zvol.pipes import READ, descriptor, inherited, read_pipe, read_start

PIPE_SECONDS: Final = 60.0
"""Maximum seconds to read a secret from a pipe; the user may have to type a passphrase."""

_NAME_A_FILE: Final = "Name the file that holds the secret, not the secret itself."
REPLACED: Final = "leads through a symbolic link that was replaced while it was read"
_TYPE: Final = "Use `zvol login` to type a password, or a pipe."
NOT_YOURS: Final = "Set HOME to a folder of your own (sudo -H), or XDG_STATE_HOME and XDG_CONFIG_HOME."
_ELSEWHERE: Final = "Set XDG_STATE_HOME to a folder of your own."
_REPLACE: Final = "Remove it, or set XDG_STATE_HOME to a folder of your own."
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""The errors of a file system without hard links."""


# ---- reading -----------------------------------------------------------------------------------------------------
class UnreadableFile(ZvolError):
    """A file cannot be read; `text` is the reason without the path, `code` the errno or 0."""

    kind = "local"
    exit = Exit.LOCAL

    def __init__(self, path: Path, text: str, code: int = 0, hint: str = "") -> None:
        super().__init__(f"{path} {text}", hint=hint)
        self.path, self.text, self.code = path, text, code

    @property
    def missing(self) -> bool:
        return self.code in (errno.ENOENT, errno.ENOTDIR)


def read_file(path: Path, limit: int, *, seconds: float = 0, line: bool = False) -> Content:
    """Return a regular file of at most `limit` bytes; raises UnreadableFile.

    With `seconds`, it may also be a pipe, which is read for at most that long and only once in this process; with
    `line`, only its first line is read. Owner and mode are those of the open descriptor, so the file that is checked is
    the file that was read.
    """
    try:
        number = descriptor(path)
        fd, way = _open(path) if number is None else (inherited(number), None)
        try:
            return _content(path, fd, way, limit, seconds, line=line)
        finally:
            os.close(fd)
    except OSError as exc:
        raise UnreadableFile(path, f"cannot be read: {exc.strerror}", exc.errno or 0) from None
    except ValueError:
        raise UnreadableFile(path, "holds a character that no path has") from None


def _open(path: Path) -> tuple[int, Way]:
    """Open a file, and return the way that its path leads there."""
    try:
        fd, link = os.open(path, READ | os.O_NOFOLLOW), False
    except OSError as exc:
        if exc.errno not in (errno.ELOOP, errno.EMLINK):
            raise
        fd, link = os.open(path, READ), True
    way = None
    try:
        way = follow(path)
        same = not link or os.path.samestat(os.fstat(fd), way.real.lstat())
    finally:
        if way is None:
            os.close(fd)
    return fd, way if same else way._replace(doubt=REPLACED)


def _content(path: Path, fd: int, way: Way | None, limit: int, seconds: float, *, line: bool) -> Content:
    """Return the content of an open file; a pipe that others can use is not read."""
    found = os.fstat(fd)
    pipe = stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
    if not (stat.S_ISREG(found.st_mode) or (pipe and seconds)):
        terminal = os.isatty(fd)
        raise UnreadableFile(path, "is a terminal" if terminal else "is not a file", hint=_TYPE * terminal)
    given = way is None and (pipe or not found.st_nlink)
    way = way or Way(opened_path(fd) or path)
    content = Content(
        path, b"", stat.S_IMODE(found.st_mode), found.st_uid, way.link, given, doubt=way.doubt, group=found.st_gid
    )
    if not given and (content.foreign or content.mode & OTHERS):
        place = Place.of(way, fd)
        content = content._replace(delivered=place.delivers(path, found), repair=place.repair(found, "600"))
    exposed = content.exposure() if pipe else None
    if exposed:
        raise UnreadableFile(path, exposed[0], hint=exposed[1])
    data = read_pipe(path, fd, limit, seconds, line=line) if pipe else read_start(fd, limit + 1)
    if len(data) > limit:
        raise UnreadableFile(path, f"has more than {limit} bytes")
    return content._replace(data=data)


def read_private(path: Path, limit: int, where: str | None = None, *, seconds: float = PIPE_SECONDS) -> bytes:
    """Return the bytes of a file that only its owner can read, or of a pipe up to its first line.

    Raises ConfigError if others can read or change it; `where` is the setting that names the file.
    """
    try:
        content = read_file(path, limit, seconds=seconds, line=True)
        data, exposed = content.data, content.exposure()
    except UnreadableFile as exc:
        data, exposed = b"", (exc.text, _name_a_file(str(path)) if exc.missing else exc.hint)
    if exposed is not None:
        text, hint = exposed
        raise ConfigError([Problem(where, f"{path} {text}") if where else Problem(str(path), text)], hint=hint)
    return data


def _name_a_file(name: str) -> str:
    if "$" in name or name.startswith("%"):
        return "Nothing expands a variable in it: write the whole path."
    return "The quotes around it are a part of it." if name[0] == name[-1] and name[0] in "\"'" else _NAME_A_FILE


def is_pipe(path: Path) -> bool:
    """Tell whether a path is a pipe or an inherited descriptor, which can be read only once."""
    return descriptor(path) is not None or path.is_fifo()


def exposure_on_disk(path: Path) -> tuple[str, str] | None:
    """Return why a file or folder of zvol's state is not private, and how to repair it; None if it is private.

    A folder may be a link; raises OSError.
    """
    found = path.stat() if path.is_dir() else path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a symbolic link", "Put the file itself there."
    if found.st_uid != os.geteuid():
        return _belongs(path, found.st_uid, _REPLACE)
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS:
        private = "700" if stat.S_ISDIR(found.st_mode) else "600"
        return f"others can use {path} (mode {mode:04o})", f"Run: chmod {private} {shlex.quote(str(path))}"
    return None


# ---- creating ---------------------------------------------------------------------------------------------------
def private_dir(path: Path) -> Path:
    """Create a folder that only its owner may enter, and return it; raises LocalState if that fails."""
    try:
        _make_dirs(path)
        named, found = path.lstat(), path.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise LocalState(f"{path} is not a folder", hint=_ELSEWHERE)
        _refuse_owner(path, named.st_uid, _ELSEWHERE)
        _refuse_owner(path, found.st_uid, _ELSEWHERE)
        if stat.S_IMODE(found.st_mode) & OTHERS:
            path.chmod(0o700)
    except OSError as exc:
        raise LocalState(f"cannot use {path}: {exc.strerror}", hint=_ELSEWHERE) from exc
    return path


def _make_dirs(path: Path) -> None:
    """Create a folder and its missing parents, all private and durable."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            refuse_others(folder.parent)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            sync_dir(folder.parent)


def refuse_others(folder: Path) -> None:
    """Raise LocalState for a folder of another user, who could not use or remove files that root creates there."""
    owner = folder.stat().st_uid
    if not trusted(owner) and owner != owner_of_root_folder():
        raise LocalState(f"{folder} belongs to another user", hint=NOT_YOURS)


def refuse_owner(path: Path) -> None:
    """Raise LocalState for a file of another user, unless it does not exist; raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        _refuse_owner(path, path.stat().st_uid, _REPLACE)


def _refuse_owner(path: Path, owner: int, hint: str) -> None:
    if owner != os.geteuid():
        text, hint = _belongs(path, owner, hint)
        raise LocalState(text, hint=hint)


def _belongs(path: Path, owner: int, hint: str) -> tuple[str, str]:
    """Return who owns a file or folder, and what to do; root's is usually left from a run with sudo."""
    if owner != 0:
        return f"{path} belongs to another user", hint
    return f"{path} belongs to root", f"Run: sudo chown -R {os.geteuid()} {shlex.quote(str(path))}"


def open_private(path: Path, flags: int) -> int:
    """Open a file without following links, with mode 0600 if `flags` create it; raises OSError."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def create_private(path: Path) -> int:
    """Create an empty file of mode 0600 unless it exists, and return its inode; an existing file becomes private.

    Raises LocalState for a link or a file of another user, UnreadableFile for anything but a file, and OSError.
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
    _refuse_owner(path, found.st_uid, _REPLACE)
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
    """Write a file that only its owner may read, atomically.

    Raises FileExistsError if it exists and must not be replaced, LocalState if it cannot be written.
    """
    spare = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        _make_dirs(path.parent)
        refuse_others(path.parent)
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
        hint = NOT_YOURS if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else ""
        raise LocalState(f"cannot write {path}: {exc.strerror}", hint=hint) from exc


def _write_new(path: Path, data: bytes) -> None:
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(spare: Path, path: Path, data: bytes) -> None:
    """Give the complete file its name unless that is taken, even on file systems without hard links."""
    try:
        os.link(spare, path)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        _write_new(path, data)
