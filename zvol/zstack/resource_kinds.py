"""What kinds of deleted resources ZStack can recover: all that is specific to one of them is in one value.

The next one is RecoverVmInstance: `/v1/vm-instances`, `recoverVmInstance`, `state` Destroyed, category `vm`, no guard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from zvol.model import DELETED, VOLUME, Volume
from zvol.zstack.dates import normalized_date

Guard = Callable[[Volume], bool]
"""Tells whether a deleted resource must not be recovered although the server would do it."""


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One kind of resource, and the call that recovers it.

    `name`: in messages and in the journal (its `target`).  `path`: where it is queried.  `action`: the key of the
    recovery in the body of the PUT.  `state_field` has the value `deleted_state` while it is in the recycle bin, and
    any other once it is back.  `date_field` changes with each deletion, so its value identifies one.
    `config_category`: the global configurations with its deletion policy.  `guards` are tried in order, by the
    reason that they stand for; the request can insist against those in `insistable`.
    """

    name: str
    path: str
    action: str
    state_field: str
    deleted_state: str
    date_field: str
    config_category: str
    guards: Mapping[str, Guard] = field(default_factory=dict)
    insistable: frozenset[str] = frozenset()

    def path_of(self, uuid: str) -> str:
        return f"{self.path}/{uuid}"

    def actions_of(self, uuid: str) -> str:
        return f"{self.path}/{uuid}/actions"

    @property
    def configs(self) -> str:
        """The condition that finds its global configurations."""
        return f"category={self.config_category}"

    def recovery(self, system_tags: Sequence[str] = (), user_tags: Sequence[str] = ()) -> dict[str, Any]:
        """Return the body of the PUT that recovers it."""
        body: dict[str, Any] = {self.action: {}}
        if system_tags:
            body["systemTags"] = list(system_tags)
        if user_tags:
            body["userTags"] = list(user_tags)
        return body

    def parse(self, inventory: object, asked_at: float | None = None) -> Volume | None:
        """Return the resource of an inventory; None when it has no uuid of 32 hex digits or no state."""
        if not isinstance(inventory, dict):
            return None
        uuid, state = inventory.get("uuid"), inventory.get(self.state_field)
        if isinstance(uuid, str) and re.fullmatch(r"[0-9a-f]{32}", uuid) and isinstance(state, str) and state:
            return Volume(uuid, inventory, asked_at)
        return None

    def is_deleted(self, resource: Volume) -> bool:
        """Tell whether it is in the recycle bin; else it is back."""
        return resource.text(self.state_field) == self.deleted_state

    def deletion_of(self, resource: Volume | None) -> str | None:
        """Return what identifies one deletion of it: its date in zvol's own spelling."""
        return None if resource is None else normalized_date(resource.text(self.date_field))

    def refusal(self, resource: Volume, *, insist: bool = False) -> str | None:
        """Return the reason why a deleted resource is not recovered; None when nothing speaks against it."""
        reasons = (reason for reason, guard in self.guards.items() if guard(resource))
        return next((reason for reason in reasons if not (insist and reason in self.insistable)), None)


# ---- data volumes ------------------------------------------------------------------------------------------------
def _half_expunged(volume: Volume) -> bool:
    return volume.half_expunged


def _root(volume: Volume) -> bool:
    """The server recovers a root volume too, but its VM stays destroyed (contract, checked part 9)."""
    return volume.type != "Data"


DATA_VOLUME: Final = ResourceKind(
    name=VOLUME,
    path="/v1/volumes",
    action="recoverDataVolume",
    state_field="status",
    deleted_state=DELETED,
    date_field="lastOpDate",
    config_category="volume",
    guards={"half-expunged": _half_expunged, "root": _root},
    insistable=frozenset({"root"}),
)
