"""From an account and its password to a session, and back."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from zvol.errors import AuthError, MaybeSent, NeverSent, Unreachable, Untrusted
from zvol.text import conceal
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.zstack.auth import Revealable
    from zvol.zstack.transport import Transport

SECONDS: Final = 15.0

ADVICE: Final = {
    "ID.1000": "The account name or the password is wrong.",
    "ID.1005": "The initial password must be changed first, in the web interface.",
    "ID.1006": "Too many sessions are open for this account; log out of some, or wait until they expire.",
    "ID.2001": "This account needs a second factor: log in in the web interface and use that session.",
    "LOGIN_CONTROL.1000": "The password is too old: change it in the web interface.",
    "LOGIN_CONTROL.1001": "The password was used before: choose another one in the web interface.",
    "LOGIN_CONTROL.1002": "The account is locked for a while after wrong passwords: wait, or ask the administrator.",
    "LOGIN_CONTROL.1003": "A captcha is asked for: log in in the web interface once, then try again.",
    "LOGIN_CONTROL.1004": "The server refuses logins from here: ask the administrator.",
    "LOGIN_CONTROL.1005": "A captcha is asked for: log in in the web interface once, then try again.",
}
"""What the codes of commercial builds mean for the person at the keyboard."""


def log_in(transport: Transport, account: str, password: Revealable, user: str | None = None) -> str:
    """Return the uuid of a new session.  ZStack takes the SHA-512 of a password, which therefore is a secret too.

    Raises AuthError when the server refuses, Untrusted or Unreachable when it could not be asked.
    """
    hashed = hashlib.sha512(password.reveal().encode()).hexdigest()
    conceal(hashed)
    path, body = "/v1/accounts/login", {"logInByAccount": {"accountName": account, "password": hashed}}
    if user is not None:
        path = "/v1/accounts/users/login"
        body = {"logInByUser": {"accountName": account, "userName": user, "password": hashed}}
    answer = _ask(transport, "PUT", path, body)
    inventory = (answers.document_of(answer) or {}).get("inventory")
    session = inventory.get("uuid") if isinstance(inventory, dict) else None
    if isinstance(session, str) and re.fullmatch(r"[0-9a-f]{32}", session):
        return session
    found = answers.classify_read(answer)
    if isinstance(found, answers.Failed):
        hint = ADVICE.get(found.fault.code) or "Ask the administrator of the cloud."
        raise AuthError("the server did not log in", fault=found.fault, hint=hint)
    if isinstance(found, answers.Redirected):
        raise Untrusted(f"the server redirects to {found.target}", kind="redirected")
    raise Unreachable(f"the login was not answered by a ZStack (HTTP {answer.status})")


def log_out(transport: Transport, session: Revealable) -> None:
    """End a session; the server says yes to any.  Raises Unreachable or Untrusted."""
    _ask(transport, "DELETE", f"/v1/accounts/sessions/{session.reveal()}", None)


def valid(transport: Transport, session: Revealable) -> bool | None:
    """Tell whether the server knows a session, without renewing it; None when it did not say."""
    answer = _ask(transport, "GET", f"/v1/accounts/sessions/{session.reveal()}/valid", None)
    said = (answers.document_of(answer) or {}).get("valid")
    return said if isinstance(said, bool) else None


def _ask(transport: Transport, method: str, path: str, body: object) -> answers.Answer:
    try:
        return transport.send(method, path, body=body, deadline=SECONDS)
    except NeverSent as never:
        if never.untrusted:
            raise Untrusted(never.message, hint="Set `ca_file` in the profile to the CA of this server.") from None
        raise Unreachable(never.message) from None
    except MaybeSent as maybe:
        raise Unreachable(maybe.message) from None
