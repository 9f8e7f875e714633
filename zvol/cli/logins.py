"""Where the session of a run is from: given, kept by `zvol login`, or made for this run from a password."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING

from zvol.errors import ZvolError
from zvol.text import Secret

if TYPE_CHECKING:
    from zvol.cli.state import State
    from zvol.config.settings import Settings
    from zvol.zstack.auth import Current


class Logins:
    """The session of one run.  A session that was given is used as it is; zvol never logs in beside it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.source = "given"

    @cached_property
    def current(self) -> Current:
        """Return the session; raises AuthError, ConfigError or UsageProblem when there is none."""
        from zvol.config import credentials
        from zvol.zstack.auth import Current

        return Current(credentials.session(self._state.settings, more=[self._kept, self._made]))

    def renew(self) -> bool:
        """Log in again, where a password allows it; tell whether there is another session now."""
        if self.source == "given":
            return False
        with contextlib.suppress(ZvolError):
            session = self._made(self._state.settings)
            if session is not None:
                self.current.secret = session
                return True
        return False

    def _kept(self, settings: Settings) -> Secret | None:
        from zvol.config.stored import Stored

        for account in dict.fromkeys((settings.credential.account, None)):
            found = Stored(self._state.directory, settings.endpoint, account).read()
            if found is not None:
                self.source = "kept by zvol login"
                return found
        return None

    def _made(self, settings: Settings) -> Secret | None:
        """Log in for this run only; what was opened is closed at its end."""
        from zvol.config.credentials import password
        from zvol.zstack.login import log_in, log_out

        account = settings.credential.account
        secret = password(settings) if account is not None else None
        if account is None or secret is None:
            return None
        session = Secret(log_in(self._state.transport, account, secret, settings.credential.user))
        self.source = "logged in for this run"

        def end() -> None:
            with contextlib.suppress(ZvolError):
                log_out(self._state.transport, session)

        self._state.stack.callback(end)
        return session
