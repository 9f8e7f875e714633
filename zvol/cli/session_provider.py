"""Who sends the requests of one run: a session that was given, an access key, a kept session, or a login for this run.

A session that was given is used as it is, and zvol never logs in beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from zvol.errors import UsageProblem, ZvolError
from zvol.secrets import Secret

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext
    from zvol.config.session_store import SessionStore, StoredSession
    from zvol.config.settings import Settings
    from zvol.zstack.auth import Auth, SessionAuth
    from zvol.zstack.login import Login
    from zvol.zstack.zones import Zone

KEY = "access key"
KEPT = "kept by zvol login"
MADE = "logged in for this run"
GOODBYE_SECONDS = 5.0
"""How long the end of a run may wait for its logout; without it the session ends by itself."""
LATE_GOODBYE_SECONDS = 1.0
"""The same, when the time of the command is over."""


class SessionProvider:
    """The way of one run to authenticate; `source` says which it is, `account` and `user` who that is, if known."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self.source = ""
        self.account: str | None = None
        self.user: str | None = None
        self._kept_session: StoredSession | None = None
        self._login: tuple[Login, float] | None = None
        self._lock = threading.Lock()
        self._renewed: bool | None = None

    @cached_property
    def auth(self) -> Auth:
        """Return what authenticates each request; raises AuthError, ConfigError, UsageProblem or Untrusted.

        Logs in when there is only a password, and asks for the server's clock when there is an access key.
        """
        return self._signer() or self.session

    @cached_property
    def session(self) -> SessionAuth:
        from zvol.config import credentials
        from zvol.zstack.auth import NEW_SESSION, SessionAuth

        secret = credentials.session(self._context.settings, more=[self._kept, self._made])
        if self.source in (KEPT, MADE):
            return SessionAuth(secret, NEW_SESSION)
        self.source = self._context.settings.credential.session_from
        return SessionAuth(secret, _another(self.source))

    @cached_property
    def identity(self) -> str:
        """Return who this is for the journal, as far as that can be told without asking; raises what `auth` raises.

        An account that is named beside a session is believed.  A session belongs to one account: where nothing names
        that, a digest of the session does.
        """
        from zvol.journal.records import SESSION, named_account

        auth = self.auth
        given = self._context.settings.credential
        if self.source == KEY:
            return f"access-key {given.access_key_id}"
        if self.source in (KEPT, MADE):
            return named_account(self.account or "", self.user)
        if given.account is not None:
            return named_account(given.account, given.user)
        assert auth is self.session
        digest = hashlib.sha256(b"zvol:" + self.session.secret.reveal().encode()).hexdigest()
        return SESSION + digest[:16]

    @property
    def uses_key(self) -> bool:
        """Tell whether requests are signed with an access key."""
        given = self._context.settings.credential
        return given.access_key_id is not None and not given.gives_session

    def _signer(self) -> Auth | None:
        from zvol.config import credentials

        settings = self._context.settings
        key = credentials.access_key(settings) if self.uses_key else None
        if key is None:
            return None
        from zvol.zstack.auth import AccessKeyAuth
        from zvol.zstack.server_clock import learn

        self.source = KEY
        clock = learn(self._context.transport, settings.timezone, self._context.clock.wall())
        return AccessKeyAuth(*key, clock, self._context.clock.wall)

    # ---- when the session ends in the middle of a run ------------------------------------------------------------
    def renew(self) -> bool:
        """Log in again, where a password allows it, once a run; tell whether there is another session now.

        May be called from any thread, and by several that found the same session ended.
        """
        with self._lock:
            if self._renewed is None:
                self._renewed = self._renew()
            return self._renewed

    def _renew(self) -> bool:
        if self.source not in (KEPT, MADE):
            return False
        kept = self._kept_session
        try:
            secret = self._made(self._context.settings)
        except ZvolError as exc:
            self._context.output.warn(f"the session has ended, and logging in again failed: {exc.message}. {exc.hint}")
            return False
        if secret is None:
            return False
        self.session.secret = secret
        if kept is not None:
            with contextlib.suppress(ZvolError):
                self.store.forget(kept)
        return True

    def zone(self, server_now: float | None) -> Zone:
        """Return the server's zone as the login of this run shows it; unknown when there was none."""
        from zvol.zstack.zones import Zone

        if self._login is None or server_now is None:
            return Zone()
        login, at = self._login
        return Zone.from_login(login.created, server_now - (self._context.clock.monotonic() - at))

    # ---- sources of a session ------------------------------------------------------------------------------------
    @cached_property
    def store(self) -> SessionStore:
        from zvol.config.session_store import SessionStore

        return SessionStore(self._context.directory, self._context.settings.endpoint)

    def kept(self) -> StoredSession | None:
        """Return the session that `zvol login` kept for this server and, where one is named, this account."""
        credential = self._context.settings.credential
        try:
            store = self.store
        except UsageProblem:  # no HOME: then nothing was kept
            return None
        return store.find(credential.account, credential.user)

    def _kept(self, settings: Settings) -> Secret | None:
        del settings
        found = self._kept_session = self.kept()
        if found is None:
            return None
        self.source, self.account, self.user = KEPT, found.account, found.user
        return found.session

    def _made(self, settings: Settings) -> Secret | None:
        """Log in for this run only; what was opened is closed at its end, also when a signal ends it."""
        from zvol.config.credentials import password
        from zvol.zstack.login import log_in

        given = settings.credential
        if not given.gives_password:
            return None
        if given.account is None:
            raise UsageProblem("there is a password and no account", hint="Set ZSTACK_ACCOUNT_NAME.")
        secret = password(settings)
        assert secret is not None
        with self._context.signals.held():
            login = log_in(self._context.transport, given.account, secret, given.user)
            self._context.stack.callback(self._end, login.session)
        self._login = (login, self._context.clock.monotonic())
        self.source, self.account, self.user = MADE, given.account, given.user
        return login.session

    def _end(self, session: Secret) -> None:
        from zvol.zstack.login import log_out

        seconds = LATE_GOODBYE_SECONDS if self._context.limit.over else GOODBYE_SECONDS
        self._context.limit.lift()
        with contextlib.suppress(ZvolError):
            log_out(self._context.transport, session, seconds)


def _another(source: str) -> str:
    """Say how to use another session than the one that was given: as long as it is there, it is the one that counts."""
    if source == "sandbox":
        return "Run the command again: each brings a session of its own."
    kind, _, name = source.partition(" ")
    if kind == "environment":
        return f"The session is from {name}: unset it and run `zvol login`, or put a new one there."
    return f"The session is the {source}: put a new one there, or take it out and run `zvol login`."
