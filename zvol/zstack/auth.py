"""How a request says who sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class Revealable(Protocol):
    """A secret that gives itself away only here."""

    def reveal(self) -> str: ...


class Current:
    """The session that counts now; another may take its place in the middle of a run."""

    def __init__(self, secret: Revealable) -> None:
        self.secret = secret

    def reveal(self) -> str:
        return self.secret.reveal()


def oauth(session: Revealable) -> Callable[[str, str], Mapping[str, str]]:
    """Authenticate with the uuid of a session."""
    return lambda _method, _path: {"Authorization": f"OAuth {session.reveal()}"}
