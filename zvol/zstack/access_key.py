"""Signing requests with an access key of the commercial edition.

A signature covers the method, the date and the path, but neither the body nor the job id: whoever can change a request
in transit can turn it into another one.  So zvol signs nothing that travels as plain http beyond this machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from zvol.zstack.auth import Revealable
    from zvol.zstack.server_clock import ServerClock

SKEWED: Final = "requestTimeTooSkewed"
NO_KEYS: Final = (
    "was not registered by any RestAuthenticationBackend",
    "unable to find RestAuthenticationBackend",
    "Authorization type must be",  # before 3.2
)
UNREADABLE_DATE: Final = "'Date' format error"


class AccessKeyAuth:
    """An access key; `now` is this machine's clock, seconds since 1970 UTC.

    Signed are METHOD, Date and the decoded path from /v1 on, without the query (never tried on a real
    commercial server).
    """

    def __init__(self, key: str, secret: Revealable, clock: ServerClock, now: Callable[[], float]) -> None:
        self._key, self._secret = key, secret
        self._clock, self._now = clock, now

    def __call__(self, method: str, path: str) -> Mapping[str, str]:
        date = self._clock.date(self._now())
        return {"Authorization": f"ZStack {self._key}:{signature(self._secret, method, date, path)}", "Date": date}

    def hint(self, refusal: str) -> str:
        if SKEWED in refusal:
            return self._clock.explain_skew(self._now())
        if any(text in refusal for text in NO_KEYS):
            return (
                "This server knows no access keys (they are the commercial edition's, since 3.2): use a session or "
                "`zvol login`."
            )
        if UNREADABLE_DATE in refusal:
            return (
                "A signed request has its date in English; a ZStack before 3.10 reads it in the language of its own "
                "system, such as Chinese. The key is not at fault: use a session or `zvol login`."
            )
        return "Check the id and the secret of the access key, and that it is enabled."


def signature(secret: Revealable, method: str, date: str, path: str) -> str:
    """Return the Base64 of the HMAC-SHA1 of a request under an access key's secret."""
    text = f"{method}\n{date}\n{unquote(path)}"
    return base64.b64encode(hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha1).digest()).decode()
