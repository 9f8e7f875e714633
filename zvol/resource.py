"""What the inventories of all kinds of resources have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from zvol.dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource(ABC):
    """An inventory as the server sent it; `fields` keeps what zvol does not know, whole doubles are integers.

    `asked_at`: monotonic seconds when the first byte of the request that showed it left, where that is known.
    """

    uuid: str
    fields: Mapping[str, Any] = field(repr=False)
    asked_at: float | None = field(default=None, compare=False, repr=False)

    def text(self, name: str) -> str | None:
        """Return a field that is text, None when it is absent or something else."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """Return a field that is a whole number, None when it is absent or something else."""
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
        """Whether the inventory has all that `deleted` and `gone` depend on."""
        return True

    @property
    @abstractmethod
    def deleted(self) -> bool:
        """Whether it is in the recycle bin, or not wholly back from there."""

    @property
    def gone(self) -> bool:
        """Whether it cannot come back, although the server still has it."""
        return False

    @property
    def parts(self) -> tuple[str, ...]:
        """The UUIDs of the other resources that its recovery brings back."""
        return ()

    @property
    @abstractmethod
    def shown(self) -> str:
        """Its state in a few words, for people."""

    @property
    @abstractmethod
    def half_expunged(self) -> bool:
        """Whether its destruction was interrupted."""

    @abstractmethod
    def inventory(self) -> dict[str, Any]:
        """Return the inventory for JSON: the documented fields in their order, then everything else the server sent."""

    def _inventory(self, documented: Sequence[str]) -> dict[str, Any]:
        known = {name: self.fields.get(name) for name in documented}
        return known | {name: value for name, value in self.fields.items() if name not in known}
