"""How one run authenticates: with a given session, an access key, a stored session, or a login for this run.

If a session is given, zvol uses it and never logs in.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Final

from zvol.clock import CommandDeadline
from zvol.errors import UsageProblem, ZvolError
from zvol.files import UnreadableFile

if TYPE_CHECKING:
    from zvol.config.session_store import SessionStore, StoredSession
    from zvol.config.settings import Settings
    from zvol.secrets import Secret
    from zvol.zstack.auth import Authenticator, SessionAuth
    from zvol.zstack.login import Login
    from zvol.zstack.transport import Transport
    from zvol.zstack.zones import Zone

ACCESS_KEY: Final = "access key"
STORED: Final = "stored by zvol login"
LOGGED_IN: Final = "logged in for this run"

LOGOUT_SECONDS: Final = 5.0
"""Maximum wait for the logout at the end of a run; if it fails, the session expires on the server."""
LATE_LOGOUT_SECONDS: Final = 1.0
"""The same when the deadline of the command has passed."""


class SessionProvider:
    """Provides the session or access key of one run.

    `source` is where it comes from, `account` and `user` are its owner, as far as known; `auth` sets all three.
    `connect` returns the transport, which is opened when first needed. `stack` logs out at the end of the run,
    `delay_signals` delays signals while a session is opened, `warn` prints a warning.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Transport],
        deadline: CommandDeadline,
        *,
        stack: ExitStack,
        delay_signals: Callable[[], AbstractContextManager[None]],
        warn: Callable[[str], None],
    ) -> None:
        self._settings, self._connect, self._deadline = settings, connect, deadline
        self._stack, self._delay_signals, self._warn = stack, delay_signals, warn
        self.source = ""
        self.account: str | None = None
        self.user: str | None = None
        self._stored: StoredSession | None = None
        self._login: tuple[Login, float] | None = None
        self._lock = threading.Lock()
        self._renewed: bool | None = None

    @cached_property
    def auth(self) -> Authenticator:
        """Return the authenticator for each request; raises AuthError, ConfigError, UsageProblem or Untrusted.

        Logs in if there is only a password, and reads the server's clock if there is an access key.
        """
        return self._access_key_auth() or self.session

    @cached_property
    def session(self) -> SessionAuth:
        from zvol.config import credentials
        from zvol.zstack.auth import NEW_SESSION, SessionAuth

        secret = credentials.session(self._settings, more=[self._from_store, self._log_in])
        if self.source in (STORED, LOGGED_IN):
            return SessionAuth(secret, NEW_SESSION)
        self.source = self._settings.credential.session_from
        return SessionAuth(secret, _replacement_advice(self.source))

    @cached_property
    def account_id(self) -> str:
        """Return the account for the journal, without an extra request; raises as `auth` does.

        An account that is given together with a session is not checked. If none is given, a digest of the session
        stands for the account, because a session belongs to one account.
        """
        from zvol.journal.records import SESSION, named_account

        auth = self.auth
        credential = self._settings.credential
        if self.source == ACCESS_KEY:
            return f"access-key {credential.access_key_id}"
        if self.source in (STORED, LOGGED_IN):
            return named_account(self.account or "", self.user)
        if credential.account is not None:
            return named_account(credential.account, credential.user)
        assert auth is self.session
        digest = hashlib.sha256(b"zvol:" + self.session.secret.reveal().encode()).hexdigest()
        return SESSION + digest[:16]

    @property
    def uses_access_key(self) -> bool:
        """Tell whether requests are signed with an access key."""
        credential = self._settings.credential
        return credential.access_key_id is not None and not credential.gives_session

    @property
    def must_log_in(self) -> bool:
        """Tell whether this run needs a login, because there is only a password."""
        credential = self._settings.credential
        other = credential.gives_session or self.uses_access_key or not credential.gives_password
        return not other and self.stored() is None

    def _access_key_auth(self) -> Authenticator | None:
        from zvol.config import credentials

        key = credentials.access_key(self._settings) if self.uses_access_key else None
        if key is None:
            return None
        from zvol.zstack.access_key import AccessKeyAuth
        from zvol.zstack.server_clock import read_server_clock

        self.source = ACCESS_KEY
        wall = self._deadline.clock.wall
        return AccessKeyAuth(*key, read_server_clock(self._connect(), self._settings.timezone, wall()), wall)

    # ---- when the session ends in the middle of a run ------------------------------------------------------------
    def renew(self) -> bool:
        """Log in again if there is a password, at most once per run; tell whether there is a new session.

        Can be called from any thread, also by several threads whose requests failed with the same expired session.
        """
        with self._lock:
            if self._renewed is None:
                self._renewed = self._renew()
            return self._renewed

    def _renew(self) -> bool:
        if self.source not in (STORED, LOGGED_IN):
            return False
        ended = self._stored
        try:
            secret = self._log_in(self._settings)
        except ZvolError as exc:
            self._warn(f"the session has ended, and logging in again failed: {exc.full_text}. {exc.hint}")
            return False
        if secret is None:
            return False
        self.session.secret = secret
        if ended is not None:
            with contextlib.suppress(ZvolError):
                self.store.remove(ended)
        return True

    def zone(self, server_now: float | None) -> Zone:
        """Return the server's zone as shown by the login of this run or by the stored session."""
        from zvol.zstack.zones import Zone

        if self._login is None:
            return self._stored_zone()
        if server_now is None:
            return Zone()
        login, at = self._login
        return Zone.from_login(login.created, server_now - (self._deadline.clock.monotonic() - at))

    def _stored_zone(self) -> Zone:
        from zvol.zstack.zones import Zone

        if self._settings.credential.gives_session or self.uses_access_key:
            return Zone()
        stored = self._stored
        with contextlib.suppress(ZvolError):
            stored = stored or self.stored()
        return Zone() if stored is None or stored.zone is None else Zone.from_stored(*stored.zone)

    # ---- sources of a session ------------------------------------------------------------------------------------
    @cached_property
    def store(self) -> SessionStore:
        from zvol.config.paths import state_dir
        from zvol.config.session_store import SessionStore

        return SessionStore(state_dir(os.environ), self._settings.endpoint)

    def stored(self) -> StoredSession | None:
        """Return the session that `zvol login` stored for this server and, if the settings have one, this account."""
        credential = self._settings.credential
        try:
            store = self.store
        except UsageProblem:  # without HOME, nothing was stored
            return None
        return store.find(credential.account, credential.user)

    def _from_store(self, settings: Settings) -> Secret | None:
        try:
            found = self._stored = self.stored()
        except UnreadableFile:  # HOME of another user, as with `docker run --user`
            if not settings.credential.gives_password:
                raise
            return None
        if found is None:
            return None
        self.source, self.account, self.user = STORED, found.account, found.user
        return found.session

    def _log_in(self, settings: Settings) -> Secret | None:
        """Log in for this run only; the session ends with the run, also after a signal."""
        from zvol.config.credentials import password
        from zvol.zstack.login import log_in

        credential = settings.credential
        if not credential.gives_password:
            return None
        if credential.account is None:
            raise UsageProblem("a password is set, but no account", hint="Set ZSTACK_ACCOUNT_NAME.")
        secret = password(settings)
        assert secret is not None
        with self._delay_signals():
            login = log_in(self._connect(), credential.account, secret, credential.user)
            self._stack.callback(self._log_out, login.session)
        self._login = (login, self._deadline.clock.monotonic())
        self.source, self.account, self.user = LOGGED_IN, credential.account, credential.user
        return login.session

    def _log_out(self, session: Secret) -> None:
        from zvol.zstack.login import log_out

        seconds = LATE_LOGOUT_SECONDS if self._deadline.expired else LOGOUT_SECONDS
        self._deadline.lift()
        with contextlib.suppress(ZvolError):
            log_out(self._connect(), session, seconds)


def _replacement_advice(source: str) -> str:
    """Return how to replace the given session; zvol uses it as long as it is set."""
    if source == "sandbox":
        return "Run the command again: each brings a session of its own."
    kind, _, name = source.partition(" ")
    if kind == "environment":
        return f"The session is from {name}: unset it and run `zvol login`, or put a new one there."
    return f"The session is the {source}: put a new one there, or take it out and run `zvol login`."
