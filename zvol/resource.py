"""The part that the inventories of all kinds of resources share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource(ABC):
    """An inventory as the server sent it; `fields` also has fields unknown to zvol, and whole doubles are integers.

    `asked_at`: monotonic seconds when the first byte of the request for it was sent, None if unknown.
    """

    uuid: str
    fields: Mapping[str, Any] = field(repr=False)
    asked_at: float | None = field(default=None, compare=False, repr=False)

    def text(self, name: str) -> str | None:
        """Return a text field, None if it is absent or not a text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """Return a whole-number field, None if it is absent or not a whole number."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def name(self) -> str:
        return self.text("name") or ""

    @property
    def last_op_date(self) -> str | None:
        return self.text("lastOpDate")

    @property
    def complete(self) -> bool:
        """Whether the inventory has all fields that `deleted` and `gone` depend on."""
        return True

    @property
    @abstractmethod
    def deleted(self) -> bool:
        """Whether it is in the recycle bin, or not fully recovered from it."""

    @property
    def gone(self) -> bool:
        """Whether it cannot be recovered, although the server still has it."""
        return False

    @property
    def parts(self) -> tuple[str, ...]:
        """The UUIDs of the other resources that are recovered with it."""
        return ()

    @property
    @abstractmethod
    def shown(self) -> str:
        """Its state as a short phrase."""

    @property
    @abstractmethod
    def half_expunged(self) -> bool:
        """Whether its destruction was interrupted."""

    @abstractmethod
    def inventory(self) -> dict[str, Any]:
        """Return the inventory for JSON: the documented fields in their order, then all other fields of the server."""

    def _inventory(self, documented: Sequence[str]) -> dict[str, Any]:
        known = {name: self.fields.get(name) for name in documented}
        return known | {name: value for name, value in self.fields.items() if name not in known}
