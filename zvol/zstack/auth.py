"""How a request says who sends it: with a session, or with a signature made with an access key.

A signature covers the method, the date and the path, and neither the body nor the job id: whoever can change a request
on its way can make another one of it.  So zvol signs nothing that travels as plain http beyond this machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote

if TYPE_CHECKING:
    from zvol.zstack.server_clock import ServerClock

NEW_SESSION: Final = "Run `zvol login`, or get a new session: `zvol help environment` has the ways to give one."
SKEWED: Final = "requestTimeTooSkewed"
NO_KEYS: Final = "was not registered by any RestAuthenticationBackend"


class Revealable(Protocol):
    """A secret that gives itself away only here."""

    def reveal(self) -> str: ...


class Auth(Protocol):
    """Makes the headers of a request from its method and path (from /v1), and knows what to do when it is refused."""

    def __call__(self, method: str, path: str) -> Mapping[str, str]: ...

    def advice(self, refusal: str) -> str: ...


class SessionAuth:
    """The session that counts now; another may take its place in the middle of a run.

    `advice` says what to do when the server does not accept it.
    """

    def __init__(self, secret: Revealable, advice: str = NEW_SESSION) -> None:
        self.secret = secret
        self._advice = advice

    def __call__(self, method: str, path: str) -> Mapping[str, str]:
        del method, path
        return {"Authorization": f"OAuth {self.secret.reveal()}"}

    def advice(self, refusal: str) -> str:
        del refusal
        return self._advice


class AccessKeyAuth:
    """An access key of the commercial edition; `now` is this machine's clock, seconds since 1970 UTC.

    Signed is METHOD, Date and the decoded path from /v1 on, without the query (contract 4.5; never tried on a real
    commercial server).
    """

    def __init__(self, key: str, secret: Revealable, clock: ServerClock, now: Callable[[], float]) -> None:
        self._key, self._secret = key, secret
        self._clock, self._now = clock, now

    def __call__(self, method: str, path: str) -> Mapping[str, str]:
        date = self._clock.date(self._now())
        return {"Authorization": f"ZStack {self._key}:{signature(self._secret, method, date, path)}", "Date": date}

    def advice(self, refusal: str) -> str:
        if SKEWED in refusal:
            return self._clock.explained(self._now())
        if NO_KEYS in refusal:
            return (
                "This server knows no access keys (they are the commercial edition's): use a session or `zvol login`."
            )
        return "Check the id and the secret of the access key, and that it is enabled."


def signature(secret: Revealable, method: str, date: str, path: str) -> str:
    """Return the Base64 of the HMAC-SHA1 that an access key's secret makes of a request."""
    text = f"{method}\n{date}\n{unquote(path)}"
    return base64.b64encode(hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha1).digest()).decode()
