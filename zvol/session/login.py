"""`zvol login` and `zvol logout`: who logs in, and a session that is kept for later commands, or forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zvol.errors import LocalState, Unreachable, UsageProblem
from zvol.text import has_control

if TYPE_CHECKING:
    from zvol.config.settings import Credential
    from zvol.secrets import Secret
    from zvol.session.server import Server


def who_logs_in(credential: Credential, account: str | None, user: str | None) -> tuple[str, str | None]:
    """Return the account and user to log in as: those that are given, else those of the settings.

    Settings that name an account log in as nobody else, for they would not find that session.  Raises UsageProblem.
    """
    for what, own, given in (("account", credential.account, account), ("user", credential.user, user)):
        if credential.account is not None and given is not None and given != own:
            raise UsageProblem(
                f"these settings are of {what} {own or '-'}, not of {given}",
                hint="Use a profile of its own for another account or user.",
            )
    name = account or credential.account
    if not name:
        raise UsageProblem("which account?", hint="Use --account NAME, or set `account` in the profile.")
    if has_control(name) or has_control(user or ""):
        raise UsageProblem("an account or user has no control character in its name")
    return name, user or credential.user


def keep_new_session(server: Server, account: str, user: str | None, password: Callable[[], Secret]) -> Path:
    """Log in, keep the session, and return the file that it is in; a session that cannot be kept is ended again.

    The `password` is read once it is known where the session is kept.  Signals are held back while the session is new.
    Raises what `zstack.login.log_in` raises, and LocalState.
    """
    from zvol.zstack.login import log_in, log_out

    store, secret = server.sessions.store, password()
    with server.held():
        login = log_in(server.transport, account, secret, user)
        try:
            return store.keep(login.session, account, user)
        except LocalState:
            log_out(server.transport, login.session)
            raise


def forget_session(server: Server) -> bool:
    """Forget the kept session here and end it on the server; tell whether there was one.

    Raises LocalState, Unreachable or Untrusted.
    """
    from zvol.zstack.login import log_out

    stored = server.sessions.stored()
    if stored is None:
        return False
    server.sessions.store.forget(stored)
    try:
        log_out(server.transport, stored.session)
    except Unreachable as exc:
        hint = "The session is forgotten here; on the server it lives until it has not been used for two hours."
        raise Unreachable(exc.message, hint=hint) from None
    return True
