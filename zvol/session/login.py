"""`zvol login` and `zvol logout`: stores a new session for later commands, and removes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zvol.errors import AuthError, LocalState, Unreachable, UsageProblem, ZvolError
from zvol.text import has_control

if TYPE_CHECKING:
    from zvol.config.session_store import ShownZone
    from zvol.config.settings import Credential
    from zvol.secrets import Secret
    from zvol.session.server import Server


def choose_account(credential: Credential, account: str | None, user: str | None) -> tuple[str, str | None]:
    """Return the account and user to log in as: the given ones, or else those of the settings.

    Raises UsageProblem if the settings have another account, because later commands would not find the session.
    """
    for what, own, given in (("account", credential.account, account), ("user", credential.user, user)):
        if credential.account is not None and given is not None and given != own:
            raise UsageProblem(
                f"these settings are of {what} {own or '-'}, not of {given}",
                hint="Use a profile of its own for another account or user.",
            )
    name = account or credential.account
    if not name:
        raise UsageProblem("no account was named", hint="Use --account NAME, or set `account` in the profile.")
    if has_control(name) or has_control(user or ""):
        raise UsageProblem("an account or a user must not hold a control character")
    return name, user or credential.user


def store_new_session(server: Server, account: str, user: str | None, password: Callable[[], Secret]) -> Path:
    """Log in, store the session, and return its file; if it cannot be stored, the session is ended.

    The store is found before `password` prompts. Signals are delayed until the session is stored. The server's zone is
    stored with it if the login shows it and the server tells its clock. Raises what `zstack.login.log_in` raises, and
    LocalState.
    """
    from zvol.zstack.login import log_in, log_out

    store, secret = server.sessions.store, password()
    with server.delay_signals():
        login = log_in(server.transport, account, secret, user)
        at = server.deadline.clock.monotonic()
        try:
            path = store.save(login.session, account, user)
        except LocalState:
            with suppress(ZvolError):
                log_out(server.transport, login.session)
            raise
    with suppress(ZvolError):
        store.save(login.session, account, user, _shown_zone(server, login.created, at))
    return path


def _shown_zone(server: Server, created: str | None, at: float) -> ShownZone | None:
    """Return the zone that a login's date shows by the server's clock; `at` (monotonic) is the time of the login."""
    from zvol.config.session_store import ShownZone
    from zvol.zstack.auth import ANONYMOUS
    from zvol.zstack.client import Client
    from zvol.zstack.zones import Zone

    now = Client(server.transport, ANONYMOUS).server_time()
    zone = Zone.from_login(created, now - (server.deadline.clock.monotonic() - at))
    if zone.offset is None or zone.moment is None:
        return None
    return ShownZone(zone.offset.total_seconds(), zone.moment)


def remove_session(server: Server) -> bool:
    """Remove the stored session, end it on the server, and tell whether there was one.

    Raises LocalState, and what `zstack.login.log_out` raises.
    """
    from zvol.zstack.login import log_out

    stored = server.sessions.stored()
    if stored is None:
        return False
    server.sessions.store.remove(stored)
    try:
        log_out(server.transport, stored.session)
    except (AuthError, Unreachable) as exc:
        hint = "The session is forgotten here; on the server it ends by itself, after two hours by default."
        raise exc.copy(hint=hint) from None
    return True
