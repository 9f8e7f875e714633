"""What a read brought, or which error says why it brought nothing."""

from __future__ import annotations

from zvol.errors import AuthError, MaybeSent, NeverSent, Refused, TransientError, Untrusted
from zvol.zstack import answers
from zvol.zstack.answers import Answer, Found, Unclear
from zvol.zstack.auth import Auth
from zvol.zstack.login import ADVICE


def weather(failure: NeverSent | MaybeSent) -> TransientError:
    """Return what a read makes of a request that was not answered."""
    if isinstance(failure, NeverSent):
        return TransientError(failure.message, failure)
    return TransientError(failure.message, maybe_sent=failure)


def found_of(answer: Answer, auth: Auth) -> Found:
    """Return what a query brought; `auth` says what to do where the server does not accept who asks.

    Raises Weather, AuthError, Untrusted or Refused for all that is no answer to it.
    """
    match answers.classify_read(answer):
        case Found() as found:
            return found
        case answers.Failed(fault=fault, session=True):
            raise AuthError("the server does not accept the session", fault=fault, hint=auth.advice(""))
        case answers.Failed(fault=fault) if fault.code in ADVICE:
            raise AuthError("the server wants more than a session", fault=fault, hint=ADVICE[fault.code])
        case answers.Failed(fault=fault, certain=True):
            raise Refused("the server refused the query", fault=fault)
        case answers.Failed() as passing:
            raise TransientError(f"the server failed at the query ({passing.fault.code})", fault=passing.fault)
        case answers.Refusal(text=text, auth=True):
            raise AuthError(f"the server refused the request: {text}", hint=auth.advice(text))
        case answers.Refusal(status=status, text=text):
            raise Refused(f"the server refused the query (HTTP {status}): {text}")
        case answers.Redirected(target=target):
            raise Untrusted(
                f"the server redirects to {target or 'another address'}",
                hint="Set `host` to the address of the management node itself.",
                kind="redirected",
            )
        case Unclear(reason=reason):
            raise TransientError(reason)
