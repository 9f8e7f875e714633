"""The objects that the modules of one management node share."""

from __future__ import annotations

from typing import Any

from zvol.sandbox import wire
from zvol.sandbox.inventory_reader import InventoryReader
from zvol.sandbox.store import Store
from zvol.sandbox.switches import Switches
from zvol.sandbox.texts import Fault, Texts
from zvol.sandbox.versions import behaviour


class Node:
    """The database, the switches, what the release does, and how answers are written."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.release = behaviour(switches.version)
        self.texts = Texts(switches.locale, self.release)
        self.reader = InventoryReader(switches, self.texts, self.release)

    @property
    def nothing(self) -> bytes:
        """Return the body of an answer without content."""
        return b"" if self.release.empty_bodies else b"{}"

    def success(self, body: dict[str, Any]) -> bytes:
        return wire.dumps(body) if body else self.nothing

    def failure(self, fault: Fault, *, job: bool) -> bytes:
        """Return an error body; the ones of jobs are escaped and, since 5.0, carry an empty list of `causes`."""
        known = job and "causes" in self.release.error_fields
        return wire.dumps({"error": _with_causes(fault.fields) if known else fault.fields}, html=job)


def _with_causes(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a registered error, and the one that it is due to, with their `causes`."""
    if "cause" in fields:
        return {"causes": []} | fields | {"cause": _with_causes(fields["cause"])}
    return {"causes": []} | fields if "cost" in fields else fields
