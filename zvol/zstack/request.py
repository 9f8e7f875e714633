"""One request outside of a recovery, without retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zvol.errors import MaybeSent, NeverSent, Unreachable, Untrusted

if TYPE_CHECKING:
    from zvol.zstack.answers import Answer
    from zvol.zstack.transport import AuthHeaders, Transport

SECONDS: Final = 15.0


def request(
    transport: Transport,
    method: str,
    path: str,
    body: object = None,
    *,
    auth: AuthHeaders | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """Send one request and return its answer; raises Untrusted or Unreachable."""
    try:
        return transport.send(method, path, body=body, auth=auth, timeout=seconds)
    except NeverSent as never:
        if never.untrusted:
            raise Untrusted(never.message, hint=never.hint) from None
        raise Unreachable(never.message) from None
    except MaybeSent as maybe:
        raise Unreachable(maybe.message) from None
