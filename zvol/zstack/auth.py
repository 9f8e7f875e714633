"""How a request is authenticated; `access_key.py` has the signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from zvol.secrets import Secret

NEW_SESSION: Final = "Run `zvol login`, or get a new session: `zvol help environment` has the ways to give one."


class Revealable(Protocol):
    """A secret, whose value only `reveal` returns."""

    def reveal(self) -> str: ...


class Authenticator(Protocol):
    """Makes the headers of a request from its method and path (from /v1 on)."""

    def __call__(self, method: str, path: str) -> Mapping[str, str]: ...

    def hint(self, refusal: str) -> str:
        """Return what to do when the server does not accept the request; `refusal` is its text, if it sent any."""


class SessionAuth:
    """The current session; a new one may replace it during a run.

    `hint` is what to do when the server does not accept it.
    """

    def __init__(self, secret: Revealable, hint: str = NEW_SESSION) -> None:
        self.secret = secret
        self._hint = hint

    def __call__(self, method: str, path: str) -> Mapping[str, str]:
        del method, path
        return {"Authorization": f"OAuth {self.secret.reveal()}"}

    def hint(self, refusal: str) -> str:
        del refusal
        return self._hint


ANONYMOUS: Final = SessionAuth(Secret("nobody"))
"""Authenticates requests to paths that need an Authorization header and do not check its value."""
