"""One request outside of a recovery, without retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zvol.errors import MaybeSent, NeverSent
from zvol.zstack.answer_errors import unreachable_error

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
    except (NeverSent, MaybeSent) as exc:
        raise unreachable_error(exc) from None
