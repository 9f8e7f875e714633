"""Logging in with an account and its password, checking a session, logging out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zvol.errors import AuthError, ErrorCode, Unreachable, ZvolError
from zvol.secrets import Secret, register_secret
from zvol.zstack import answers
from zvol.zstack.answer_errors import LOGIN_HINTS, error_of
from zvol.zstack.foreign import PATH
from zvol.zstack.request import SECONDS, request
from zvol.zstack.rest_errors import plain_text

if TYPE_CHECKING:
    from zvol.zstack.auth import Revealable
    from zvol.zstack.transport import Transport

ACCOUNT_LOGIN: Final = "/v1/accounts/login"
USER_LOGIN: Final = "/v1/accounts/users/login"
"""The path of a user's login; ZSphere 4.10 does not have it, nor users below accounts."""


@dataclass(frozen=True, slots=True)
class Login:
    """A new session; `created` is its createDate, text in the server's local time, None when the server sent none."""

    session: Secret
    created: str | None = None


def log_in(transport: Transport, account: str, password: Revealable, user: str | None = None) -> Login:
    """Log in as an account, or as a user of it.

    Raises AuthError when the server refuses, Untrusted or Unreachable when it cannot be reached.
    """
    path, body = ACCOUNT_LOGIN, {"logInByAccount": {"accountName": account, "password": hash_password(password)}}
    if user is not None:
        path = USER_LOGIN
        body = {"logInByUser": {"accountName": account, "userName": user, "password": hash_password(password)}}
    answer = request(transport, "PUT", path, body)
    inventory = (answers.document_of(answer) or {}).get("inventory")
    session = inventory.get("uuid") if isinstance(inventory, dict) else None
    if isinstance(inventory, dict) and isinstance(session, str) and re.fullmatch(r"[0-9a-f]{32}", session):
        return Login(Secret(session), _text(inventory, "createDate"))
    found = answers.classify_read(answer)
    if isinstance(found, answers.Failed | answers.Redirected):
        raise error_of(found, consequence="; the password was not sent there", refused=_not_logged_in, failed=_failed)
    if path == USER_LOGIN and answer.status == 404 and plain_text(answer.body) == f"no api mapping to {path}":
        hint = "Log in without a user (`--user`, `user` in the profile): there each person has an account."
        raise AuthError("this server has no users below accounts", hint=hint)
    seen = found if isinstance(found, answers.Unrecognized) else answers.Unrecognized(f"HTTP {answer.status}")
    raise Unreachable(f"the login was not answered by a ZStack: {seen.reason}", hint=seen.hint)


def _not_logged_in(fault: ErrorCode | None, _text: str = "") -> AuthError:
    hint = LOGIN_HINTS.get(fault.code if fault else "") or "Ask the administrator of the cloud."
    return AuthError("the server refused the login", fault=fault, hint=hint)


def _failed(fault: ErrorCode) -> ZvolError:
    """Return the error of a failed login; codes other than SYS.* are refusals of commercial builds."""
    if not fault.code.startswith("SYS."):
        return _not_logged_in(fault)
    return Unreachable("the server failed at the login", fault=fault, hint="Try again later.")


def hash_password(password: Revealable) -> str:
    """Return the SHA-512 that ZStack takes as a password; 128 hex digits are taken as one, and are as secret."""
    text = password.reveal()
    digest = text.lower() if re.fullmatch(r"[0-9A-Fa-f]{128}", text) else hashlib.sha512(text.encode()).hexdigest()
    register_secret(digest)
    return digest


def log_out(transport: Transport, session: Revealable, seconds: float = SECONDS) -> None:
    """End a session; the server accepts any, known or not.

    Before 3.2 the body of a success is empty.  Raises AuthError when the server refuses, Unreachable or Untrusted.
    """
    answer = request(transport, "DELETE", f"/v1/accounts/sessions/{session.reveal()}", seconds=seconds)
    if answers.document_of(answer) is not None or (answer.status == 200 and not answer.body):
        return
    match answers.classify_read(answer):
        case answers.Failed(session=True):
            return
        case answers.Failed() as found:
            raise error_of(found, refused=_not_logged_out, failed=_logout_failed)
        case _:
            raise Unreachable(f"the logout was not answered by a ZStack (HTTP {answer.status})")


def _not_logged_out(fault: ErrorCode | None, _text: str = "") -> AuthError:
    return AuthError("the server refused to end the session", fault=fault)


def _logout_failed(fault: ErrorCode) -> Unreachable:
    return Unreachable("the server failed at the logout", fault=fault)


def is_valid_session(transport: Transport, session: Revealable) -> bool | None:
    """Tell whether a session is valid, without renewing it; None when ZStack's answer does not tell.

    Raises Unreachable when something else answered or the error is transient; Untrusted for a redirect.
    """
    answer = request(transport, "GET", f"/v1/accounts/sessions/{session.reveal()}/valid")
    valid = (answers.document_of(answer) or {}).get("valid")
    if isinstance(valid, bool):
        return valid
    match answers.classify_read(answer):
        case answers.Failed(session=True):
            return False
        case answers.Failed(certain=True) | answers.Refusal() | answers.QueryResult():
            return None
        case answers.Failed() | answers.Redirected() as found:
            raise error_of(found, failed=_session_not_checked)
        case answers.Unrecognized(reason=reason, hint=hint):
            raise Unreachable(f"the session could not be checked: {reason}", hint=hint or PATH)


def _session_not_checked(fault: ErrorCode) -> Unreachable:
    return Unreachable("the server failed to check the session", fault=fault, hint="Try again later.")


def _text(inventory: dict[str, Any], name: str) -> str | None:
    value = inventory.get(name)
    return value if isinstance(value, str) else None
