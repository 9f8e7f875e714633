"""Sessions that `zvol login` keeps: one private file for each server and account, bound to both."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Final

from zvol.config import schema
from zvol.config.paths import open_private, private_dir, write_private
from zvol.errors import ConfigError
from zvol.model import Endpoint
from zvol.text import Secret

LIMIT: Final = 4096


class Stored:
    """The stored sessions below zvol's state folder."""

    def __init__(self, directory: Path, endpoint: Endpoint, account: str | None) -> None:
        self._folder = directory / "sessions"
        self._bound = {"base": endpoint.base, "account": account or ""}
        name = hashlib.sha256(json.dumps(self._bound, sort_keys=True).encode()).hexdigest()[:32]
        self.path = self._folder / name

    def read(self) -> Secret | None:
        """Return the session, None when there is none for this server and account; raises ConfigError."""
        if not self.path.exists():
            return None
        try:
            found = json.loads(open_private(self.path, LIMIT, str(self.path)))
            bound = {key: found[key] for key in self._bound}
            session = schema.session(found["session"])
        except (ValueError, KeyError, TypeError, ConfigError) as exc:
            if isinstance(exc, ConfigError):
                raise
            return None
        return session if bound == self._bound else None

    def write(self, session: Secret) -> None:
        """Keep a session; raises LocalState when it cannot be written."""
        private_dir(self._folder)
        write_private(self.path, json.dumps(self._bound | {"session": session.reveal()}).encode())

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
