"""A scenario: what a user does, written once for all versions of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.matrix.site import Site


@dataclass(frozen=True, slots=True)
class Scenario:
    """`options` are those of `zvol sandbox serve`; `perform` is what happens at a request that the proxy names."""

    run: Callable[[Site], None]
    options: tuple[str, ...] = ()
    perform: Callable[[Site, str], None] = lambda _site, _act: None

    @property
    def name(self) -> str:
        return self.run.__name__.replace("_", "-").strip("-")
