"""What one management node is made of, and what a call to it carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zvol.sandbox import wire
from zvol.sandbox.inventory_reader import InventoryReader
from zvol.sandbox.routes import Api
from zvol.sandbox.switches import Switches
from zvol.sandbox.texts import Fault, Texts

if TYPE_CHECKING:
    from zvol.sandbox.store import Store


@dataclass(slots=True)
class Call:
    """One API call that the HTTP layer let through; `account` is known once the session was looked at.

    `oddity` is what the server is to do wrong with it, see `zvol.sandbox.faults`.
    """

    api: Api
    params: dict[str, Any]
    token: str = ""
    job: str = ""
    timeout: int = 0
    system_tags: list[Any] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    account: str = ""
    oddity: str = ""

    def text(self, name: str) -> str:
        """Return a parameter as text, empty when it is absent."""
        value = self.params.get(name)
        return "" if value is None else str(value).strip()


class Node:
    """One management node: the database, the switches, and how it says things."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.texts = Texts(switches.locale)
        self.librarian = InventoryReader(switches, self.texts)

    def success(self, body: dict[str, Any]) -> bytes:
        return wire.dumps(body, doubles=self.switches.doubles or self.switches.synchronous)

    def failure(self, fault: Fault, *, job: bool) -> bytes:
        """Return an error body; the ones of jobs are escaped and carry an empty list of `causes`."""
        causes: dict[str, Any] = {"causes": []} if job and "cost" in fault.fields else {}
        return wire.dumps({"error": causes | fault.fields}, html=job)
