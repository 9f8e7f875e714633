"""The sessions that `zvol login` stores: one private file per server, account and user."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from zvol.config import kinds
from zvol.errors import ConfigError, InvalidValue, LocalState, Problem
from zvol.files import NOT_YOURS, UnreadableFile, private_dir, read_file, write_private
from zvol.model import Endpoint
from zvol.permissions import Content
from zvol.secrets import Secret

MAX_BYTES: Final = 4096
"""Maximum size of a file in bytes."""

LINKED: Final = "is a symbolic link, and it holds a secret", "Remove it, and run `zvol login` again."
"""The problem with a link: zvol stores only files, so someone else created it."""

MAX_FILES: Final = 200
"""Maximum number of files read if no account is given."""


class ShownZone(NamedTuple):
    """The server's zone as shown by a login: its offset in seconds, at one moment in seconds since 1970 UTC."""

    offset: float
    moment: float


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A stored session and its owner; `zone` is None if the login did not show it."""

    session: Secret
    account: str
    user: str | None
    path: Path
    zone: ShownZone | None = None


class SessionStore:
    """The stored sessions of one server: scheme, host, port and prefix."""

    def __init__(self, directory: Path, endpoint: Endpoint) -> None:
        self.folder = directory / "sessions"
        self._base = endpoint.base

    def find(self, account: str | None, user: str | None) -> StoredSession | None:
        """Return the session of an account and user, or of the latest login without an account; None if there is none.

        Raises ConfigError for a file that others can read, UnreadableFile for one that this user cannot.
        """
        if account is not None:
            return self._read(self._path(account, user))
        sessions = (self._read(path) for path in self._newest_first())
        return next((stored for stored in sessions if stored is not None), None)

    def save(self, session: Secret, account: str, user: str | None, zone: ShownZone | None = None) -> Path:
        """Store a session in place of an earlier one; raises LocalState if it cannot be written."""
        path = self._path(account, user)
        private_dir(self.folder)
        record: dict[str, Any] = {"base": self._base, "account": account, "user": user, "session": session.reveal()}
        if zone is not None:
            record["zone"] = zone
        write_private(path, json.dumps(record).encode())
        return path

    def remove(self, stored: StoredSession) -> None:
        """Remove a stored session; raises LocalState if that fails."""
        try:
            stored.path.unlink(missing_ok=True)
        except OSError as exc:
            raise LocalState(f"cannot remove {stored.path}: {exc.strerror}") from None

    def _path(self, account: str, user: str | None) -> Path:
        bound = json.dumps([self._base, account, user])
        return self.folder / hashlib.sha256(bound.encode()).hexdigest()[:32]

    def _newest_first(self) -> Iterator[Path]:
        try:
            dated = [(path.lstat().st_mtime_ns, path) for path in self.folder.iterdir() if len(path.name) == 32]
        except (FileNotFoundError, NotADirectoryError):
            return iter(())
        except OSError as exc:
            raise UnreadableFile(self.folder, f"cannot be read: {exc.strerror}", exc.errno or 0, NOT_YOURS) from None
        return iter([path for _, path in sorted(dated, reverse=True)][:MAX_FILES])

    def _read(self, path: Path) -> StoredSession | None:
        """Return the session of a file; None if it is of another server, or its name does not match its account."""
        try:
            content = read_file(path, MAX_BYTES)
        except UnreadableFile as exc:
            if exc.missing:
                return None
            if exc.code == errno.EACCES:
                raise UnreadableFile(path, exc.text, exc.code, NOT_YOURS) from None
            raise ConfigError([Problem(str(path), exc.text)]) from None
        record = _record(content)
        stored = _stored(record, path) if record.get("base") == self._base else None
        if stored is None or self._path(stored.account, stored.user) != path:
            return None
        exposed = LINKED if content.link else content.exposure()
        if exposed and content.foreign:
            exposed = exposed[0], NOT_YOURS
        if exposed:
            raise ConfigError([Problem(str(path), exposed[0])], hint=exposed[1])
        return stored


def _record(content: Content) -> dict[str, Any]:
    try:
        record = json.loads(content.data)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _stored(record: dict[str, Any], path: Path) -> StoredSession | None:
    session, account, user = record.get("session"), record.get("account"), record.get("user")
    if not isinstance(session, str) or not isinstance(account, str) or not (user is None or isinstance(user, str)):
        return None
    try:
        return StoredSession(kinds.session(session), account, user, path, _zone(record.get("zone")))
    except InvalidValue:
        return None


def _zone(value: object) -> ShownZone | None:
    """Return a stored zone; None for any other value, and for files of older versions of zvol."""
    if not isinstance(value, list) or [type(one) for one in value] != [float, float]:
        return None
    return ShownZone(*value)
