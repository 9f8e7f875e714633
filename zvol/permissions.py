"""Who else can read or change a file: its folders, links and mount, and the places where platforms deliver secrets.

docs/configuration.md has the rules as a table, with a test for each row.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import stat
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, Self

OTHERS: Final = 0o077
"""Mode bits that a private file or folder must not have."""

NAME_THE_FILE: Final = "Name the file itself."

MAX_LINKS: Final = 40
SECRETS: Final = (Path("/run/secrets"), Path("/var/run/secrets"))
"""Where Docker, Podman, Swarm and BuildKit put secrets; only root can put something there."""
NAMED_BY_MODE: Final = tuple(map(Path, ("/run/secrets.d", "/run/agenix", "/run/agenix.d", "/run/keys")))
"""Where sops-nix, agenix and others for NixOS put secrets, on machines with several users: for whom the mode names."""
CREDENTIALS: Final = Path("/run/credentials")
"""Where systemd creates the folder of each unit; sudo drops the variable that names it."""
STORES: Final = (Path("/nix/store"), Path("/gnu/store"))
"""Package stores, which everybody can read."""

_SHARED: Final = frozenset(map(Path, ("/", "/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var", "/nix", "/gnu")))
"""Mount points of a whole system, whose files are not for one program only."""
_IN_MEMORY: Final = frozenset(("tmpfs", "ramfs"))
_WITHOUT_MODES: Final = frozenset(("vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "9p", "drvfs", "cifs", "smb3"))
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def trusted(owner: int) -> bool:
    """Tell whether a user is the current user or root."""
    return owner in (os.geteuid(), 0)


@cache
def private_group(group: int) -> bool:
    """Tell whether a group is the current user's own and has no other member, as on systems with umask 002."""
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return (found.gr_gid, found.gr_name) == (user.pw_gid, user.pw_name) and set(found.gr_mem) <= {user.pw_name}


# ---- paths -------------------------------------------------------------------------------------------------------
class Way(NamedTuple):
    """The way that a path leads; `link`: its last part is a link.

    `open` is the first folder on the way in which others can replace the next part; `doubt` names the link or target
    that this concerns, without the path itself.
    """

    real: Path
    link: bool = False
    open: Path | None = None
    doubt: str = ""


def follow(path: Path) -> Way:
    """Return the way that a path leads, link by link; raises OSError."""
    todo = list(reversed(path.absolute().parts[1:]))
    at, loose, followed, link, doubt = Path("/"), None, 0, False, ""
    while todo:
        name = todo.pop()
        if name == "..":
            at = at.parent
            continue
        part = at / name
        found = part.lstat()
        loose = loose or (at if _replaceable(at, found) else None)
        if not stat.S_ISLNK(found.st_mode):
            at = part
            continue
        followed, link = followed + 1, link or not todo
        if followed > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not (trusted(found.st_uid) or (loose is None and found.st_uid == owner_of_root_folder())):
            doubt = doubt or f"leads through {part}, a symbolic link of another user"
        elif loose is not None:
            doubt = doubt or f"leads through {part}, a symbolic link, and others can change {loose}"
        target = _target(part)
        if target.is_absolute():
            at = Path("/")
            loose = None
        todo += reversed([one for one in target.parts if one != "/"])
    if link and loose is not None:
        doubt = doubt or f"is a symbolic link to {at}, and others can change {loose}"
    return Way(at, link, loose, doubt)


def _target(link: Path) -> Path:
    try:
        return link.readlink()
    except OSError as exc:
        if exc.errno != errno.EINVAL:
            raise
    raise OSError(errno.EINVAL, f"{link} was a symbolic link and has just been replaced")


def _replaceable(folder: Path, entry: os.stat_result) -> bool:
    """Tell whether another user can replace a folder's entry."""
    found = folder.stat()
    if not (trusted(found.st_uid) or found.st_uid == owner_of_root_folder()):
        return not read_only(folder)
    shared = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not private_group(found.st_gid))
    if not shared or (found.st_mode & stat.S_ISVTX and trusted(entry.st_uid)):
        return False
    return not read_only(folder)


@cache
def owner_of_root_folder() -> int:
    """Return the owner of `/`, which is root; a user namespace may show another number."""
    return os.stat("/").st_uid


def opened_path(fd: int) -> Path | None:
    """Return the path with which a descriptor was opened; None if unknown, as on macOS."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/self/fd/{fd}").readlink()
    return None


# ---- mounts ------------------------------------------------------------------------------------------------------
class Mount(NamedTuple):
    """A mount on Linux: its mount point and its file system type."""

    point: Path
    kind: str


def read_only(place: Path | int) -> bool:
    """Tell whether a path or a descriptor is on a read-only mount."""
    try:
        return bool(os.statvfs(place).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def mount_of(fd: int) -> Mount | None:
    """Return the mount of an open file; None if unknown, as on macOS."""
    with contextlib.suppress(OSError, ValueError):
        info = Path(f"/proc/self/fdinfo/{fd}").read_text()
        number = next(line.split()[1] for line in info.splitlines() if line.startswith("mnt_id:"))
        for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
            fields = line.split(" ")
            if fields[0] == number:
                point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
                return Mount(Path(point), fields[fields.index("-") + 1])
    return None


# ---- where platforms deliver secrets -----------------------------------------------------------------------------
class Place(NamedTuple):
    """The place of an open file: its way, whether its mount is read-only, and the mount if known."""

    way: Way
    read_only: bool
    mount: Mount | None

    @classmethod
    def of(cls, way: Way, fd: int) -> Self:
        return cls(way, read_only(fd), mount_of(fd))

    @property
    def real(self) -> Path:
        return self.way.real

    @property
    def in_store(self) -> bool:
        """Tell whether the file is in a package store, which all users can read."""
        return any(store in self.real.parents for store in STORES)

    def repair(self, found: os.stat_result, mode: str) -> str:
        """Return how to give the file a mode, or what to do if this user cannot."""
        path = shlex.quote(str(self.real))
        copy = f"Make a copy that only you can read (`install -m 600 {path} COPY`), and name that."
        if self.in_store:
            return "Everybody can read this store: keep the secret elsewhere, and use session_file or session_command."
        if self.read_only:
            return f"It is mounted read-only here: set its mode where it comes from (defaultMode: 0400). Or: {copy}"
        if self.mount is not None and self.mount.kind in _WITHOUT_MODES:
            return f"Its file system ({self.mount.kind}) has no modes of its own. {copy}"
        if found.st_uid != os.geteuid():
            return copy
        return f"Run: chmod {mode} {path}"

    def delivers(self, named: Path, found: os.stat_result) -> bool:
        """Tell whether a platform delivers a file here, for this program and no one else."""
        return self._credential(found) or self._container_secret(named, found) or self._own_mount(found)

    def _credential(self, found: os.stat_result) -> bool:
        """systemd: a file of root in a closed folder, which an access control list lets the user of the unit read."""
        own = self.real.parent if self.real.parent.parent == CREDENTIALS else ""
        directory = os.environ.get("CREDENTIALS_DIRECTORY") or own
        if not directory or (found.st_uid, found.st_gid) != (0, 0) or found.st_mode & 0o037:
            return False
        with contextlib.suppress(OSError):
            folder = self.real.parent.stat()
            same = os.path.samestat(folder, os.stat(directory))
            return same and trusted(folder.st_uid) and not folder.st_mode & 0o027
        return False

    def _container_secret(self, named: Path, found: os.stat_result) -> bool:
        """Containers: a file of root in /run/secrets is for the program in the container, whatever its mode."""
        parents = {*named.parents, *self.real.parents}
        if self.way.open is not None or parents.isdisjoint((*SECRETS, *NAMED_BY_MODE)):
            return False
        if parents.isdisjoint(SECRETS):
            return trusted(found.st_uid) and not found.st_mode & 0o027
        return self.read_only or (trusted(found.st_uid) and not found.st_mode & 0o022)

    def _own_mount(self, found: os.stat_result) -> bool:
        """Kubernetes, or a container's volume: a file of root on a read-only mount that is not part of the system."""
        if not self.read_only or found.st_uid != 0 or self.mount is None:
            return False
        if self.mount.point in _SHARED or self.in_store:
            return False
        return self.mount.kind in _IN_MEMORY or not found.st_mode & 0o022


# ---- content -----------------------------------------------------------------------------------------------------
class Content(NamedTuple):
    """The content of a file, with its mode and owner when it was read; `link`: its path is a symbolic link.

    `given`: only an open descriptor leads to it, so no one else can reach it. `delivered`: it is in a place where a
    platform delivers secrets. `doubt`: the link on the way that others can change; `repair` is how to correct its mode,
    `group` its group.
    """

    path: Path
    data: bytes
    mode: int
    owner: int
    link: bool
    given: bool = False
    delivered: bool = False
    doubt: str = ""
    repair: str = ""
    group: int = -1

    def __repr__(self) -> str:
        return f"Content({self.path})"  # it may be a secret

    @property
    def foreign(self) -> bool:
        """Tell whether the file belongs to a user other than the current one and root."""
        return not trusted(self.owner)

    def exposure(self) -> tuple[str, str] | None:
        """Return why this file must not have a secret, without its path, and how to repair it; None if it may."""
        if self.given:
            return None
        if self.doubt:
            return f"{self.doubt}, and it holds a secret", NAME_THE_FILE
        if self.delivered:
            return None
        if self.foreign:
            return "holds a secret and belongs to another user", own_copy()
        if self.mode & OTHERS:
            return f"holds a secret and others can use it (mode {self.mode:04o})", self.repair
        return None

    def changeable(self, what: str) -> tuple[str, str] | None:
        """Return why others can change this file, and how to repair it, or None; `what` says what the file does."""
        if self.given or self.delivered:
            return None
        if self.doubt:
            return f"{self.doubt}, and it {what}", NAME_THE_FILE
        if self.foreign:
            return f"{what} and belongs to another user", own_copy()
        others = self.mode & stat.S_IWOTH
        if others or (self.mode & stat.S_IWGRP and not private_group(self.group)):
            who = "everybody" if others else "its group"
            return f"{what} and {who} can write it (mode {self.mode:04o})", self.repair.replace(" 600 ", " go-w ")
        return None


def own_copy() -> str:
    """Return what to do about a file of another user."""
    sudo = os.geteuid() == 0 and "SUDO_UID" in os.environ
    return ("Run zvol without sudo, or make" if sudo else "Make") + " a copy that is your own."
