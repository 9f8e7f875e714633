"""Sends one request outside of a recovery; repeats it only if the answer says when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zvol.errors import MaybeSent, NeverSent, Unreachable
from zvol.zstack.answer_errors import unreachable_error
from zvol.zstack.answers import Answer, Unrecognized, classify_read
from zvol.zstack.load_shedding import PATIENCE, REPEATS

if TYPE_CHECKING:
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
    """Send one request and return its answer; raises Untrusted or Unreachable.

    While a 429, or a 503 that is not ZStack's, says for how many seconds to wait, it is repeated after them.
    """
    for _ in range(REPEATS):
        answer = _request(transport, method, path, body, auth, seconds)
        asked = _asked_to_wait(answer)
        if not asked or asked > min(PATIENCE, transport.deadline.remaining()):
            break
        transport.deadline.sleep(asked)
    else:
        answer = _request(transport, method, path, body, auth, seconds)
        asked = _asked_to_wait(answer)
    if asked:
        what = f"the server, or a gateway before it, asks for fewer requests (HTTP {answer.status})"
        raise Unreachable(what, hint=f"Try again in {math.ceil(asked)} s.")
    return answer


def _request(
    transport: Transport, method: str, path: str, body: object, auth: AuthHeaders | None, seconds: float
) -> Answer:
    try:
        return transport.send(method, path, body=body, auth=auth, timeout=seconds)
    except (NeverSent, MaybeSent) as exc:
        raise unreachable_error(exc) from None


def _asked_to_wait(answer: Answer) -> float:
    """Return the seconds that an answer asks to wait before the next request; 0 if it does not ask."""
    found = classify_read(answer) if answer.status in (429, 503) else None
    return (found.retry_after or 0.0) if isinstance(found, Unrecognized) else 0.0
