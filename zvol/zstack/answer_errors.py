"""The one mapper from answers of the server to errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from zvol.errors import (
    AuthError,
    ErrorCode,
    MaybeSent,
    NeverSent,
    Refused,
    TransientError,
    Unreachable,
    Untrusted,
    ZvolError,
)
from zvol.zstack.answers import Failed, Redirected, Refusal, Unrecognized

HOST_HINT: Final = "Set `host` to the address of the management node itself."
_WEB: Final = "in the web interface"
_FACTOR: Final = f"This account needs a second factor: log in {_WEB}, and give zvol that session or an access key."
_CAPTCHA: Final = f"The server asks for a captcha: log in {_WEB} once, then try again; or use an access key."
LOGIN_HINTS: Final = {
    "ID.1000": "The account name or the password is wrong.",
    "ID.1005": f"The initial password must be changed first, {_WEB}.",
    "ID.1006": "Too many sessions are open for this account; log out of some, or wait until they expire.",
    "ID.1007": "The account is disabled: ask the administrator to enable it.",
    "ID.2000": _FACTOR,
    "ID.2001": _FACTOR,
    "ID.2002": _FACTOR,
    "ID.2003": _FACTOR,
    "LOGIN_CONTROL.1000": f"The password is too old: change it {_WEB}.",
    "LOGIN_CONTROL.1001": f"The password was used before: choose another one {_WEB}.",
    "LOGIN_CONTROL.1002": "The account is locked for a while after wrong passwords: wait, or ask the administrator.",
    "LOGIN_CONTROL.1003": _CAPTCHA,
    "LOGIN_CONTROL.1004": "The server refuses logins from here: ask the administrator.",
    "LOGIN_CONTROL.1005": _CAPTCHA,
}
"""What these codes mean for the user; those of commercial builds were never tried."""

HINTS: Final = {
    "ID.1002": "Ask the administrator for a policy that allows this request.",
    "ID.1003": "Free some of the account's quota, or ask the administrator for more.",
    "SYS.1018": "Ask the administrator to share the resource with this account.",
    "SYS.1019": "Ask the administrator for a role that permits this request.",
}
"""Hints for other certain codes; one in LOGIN_HINTS means that a session is not enough, exit code 4.

ID.1002 is how 2.3 refuses what a later Cloud refuses with SYS.1006, which has many meanings.
"""

NO_PERMISSION: Final = "this account has no permission for this request"
MEANINGS: Final = {
    "ID.1002": NO_PERMISSION,
    "ID.1003": "a quota of the account is full",
    "SYS.1018": "the resource is not shared with this account, or only for reading",
    "SYS.1019": "the role of this account does not permit this request",
}
"""What these codes mean, since a server says it in its own language."""

NOT_ALLOWED: Final = "SYS.1006"
NOT_ALLOWED_MEANINGS: Final = (
    ("不是资源.*的所有者|is not the owner of the resource", "this account does not own the resource"),
    ("拒绝操作|操作被策略.*拒绝|is denied by (?:default|the policy)", NO_PERMISSION),
    ("已经被删除.*不能执行此操作|is in status of deleted, can.?not do", "the volume is deleted"),
    ("已经被加载上云主机|has been attached to some vm", "the volume is attached to a VM already"),
)
"""What the words of SYS.1006 mean, for messages only: nothing depends on them (seen on a running 5.2.1)."""


def meaning(fault: ErrorCode) -> str:
    """Return in English what a refusal means, empty when that is not certain."""
    inner = fault.innermost
    if inner.code == NOT_ALLOWED:
        return next((text for words, text in NOT_ALLOWED_MEANINGS if re.search(words, inner.details or "")), "")
    return MEANINGS.get(fault.code, "")


def error_of(
    answer: Failed | Refusal | Redirected | Unrecognized,
    hint: Callable[[str], str] = lambda _text: "",
    action: str = "",
    consequence: str = "",
    *,
    refused: Callable[[ErrorCode | None, str], ZvolError] | None = None,
    failed: Callable[[ErrorCode], ZvolError] | None = None,
) -> ZvolError:
    """Return the error that an answer means.

    `hint` returns the hint for a refused session from the server's text; `action` names the request (`the query`) and
    `consequence` ends the message about a redirect.  Without a session `refused` and `failed` return the error instead.
    """
    of = f" {action}" if action else ""
    match answer:
        case Failed(fault=fault, certain=True) if refused is not None:
            return refused(fault, "")
        case Refusal(text=text) if refused is not None:
            return refused(None, text)
        case Failed(fault=fault, certain=False) if failed is not None:
            return failed(fault)
        case Failed(fault=fault, session=True):
            return AuthError("the server does not accept the session", fault=fault, hint=hint(""))
        case Failed(fault=fault) if fault.code in LOGIN_HINTS:
            return AuthError("the server does not accept this account", fault=fault, hint=LOGIN_HINTS[fault.code])
        case Failed(fault=fault, certain=True):
            why = f": {reason}" if (reason := meaning(fault)) else ""
            return Refused(f"the server refused{of}{why}", fault=fault, hint=HINTS.get(fault.code, ""))
        case Failed(fault=fault):
            return TransientError(f"the server failed{f' at {action}' if action else ''} ({fault.code})", fault=fault)
        case Refusal(text=text, auth=True):
            return AuthError(f"the server refused the request: {text}", hint=hint(text))
        case Refusal(status=status, text=text):
            return Refused(f"the server refused{of} (HTTP {status}): {text}")
        case Redirected(target=target):
            text = f"the server redirects to {target or 'another address'}{consequence}"
            return Untrusted(text, hint=HOST_HINT, kind="redirected")
        case Unrecognized(reason=reason, hint=remedy, retry_after=seconds):
            return TransientError(reason, hint=remedy, retry_after=seconds)


def unreachable_error(failure: NeverSent | MaybeSent) -> Untrusted | Unreachable:
    """Return the error of a request outside of a recovery that got no answer, which is not repeated."""
    if failure.untrusted:
        return Untrusted(failure.message, hint=failure.hint)
    return Unreachable(failure.message, hint=failure.hint)


def transient_error(failure: NeverSent | MaybeSent) -> TransientError:
    """Return the error of a read that got no answer."""
    if isinstance(failure, NeverSent):
        return TransientError(failure.message, failure)
    return TransientError(failure.message, maybe_sent=failure)


def with_hint(fault: ErrorCode) -> str:
    """Return what a refusal means, what the server says, and what to do, for a text without a separate hint."""
    words, known = fault.innermost.summary, meaning(fault)
    text = f"{known} (server: {words})" if known else words.rstrip(".。")
    hint = HINTS.get(fault.code, LOGIN_HINTS.get(fault.code, ""))
    return f"{text}. {hint}" if hint else text if known else words
