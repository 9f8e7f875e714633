"""The kinds of deleted resources that ZStack can recover; everything specific to a kind is in one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from zvol.model import DELETED, VM, VOLUME, Volume
from zvol.resource import Resource
from zvol.vm_instance import DESTROYED, VmInstance
from zvol.zstack.dates import normalized_date

R_co = TypeVar("R_co", bound=Resource, covariant=True)

Guard = Callable[[Any], bool]
"""Tells whether a deleted resource must not be recovered although the server would do it."""


@dataclass(frozen=True, slots=True, eq=False)
class ResourceKind(Generic[R_co]):
    """One kind of resource, and the call that recovers it.

    `name`: in JSON and in the journal (its `target`).  `noun`, `removed`: what people call it, and what was done to it.
    `argument`: how `zvol recover` and `zvol show` take it.  `listing`: the command that shows those that are deleted.
    `resource`: how its inventories are read.  `path`: where it is queried.  `action`: the key of the recovery in the
    body of the PUT.  `state_field` has the value `deleted_state` while it is in the recycle bin.  `date_field`
    changes with each deletion, so its value identifies one.  `config_category`: the global configurations with its
    deletion policy.  `guards` are tried in order, by the reason that they stand for; the request can insist against
    those in `insistable`.

    `api_timeout`: the timeout in seconds that is requested for the recovery, None for the one of the settings.
    `messages`: how many messages of the server it takes one after the other, each with the whole of that timeout.
    """

    name: str
    noun: str
    removed: str
    argument: str
    listing: str
    resource: Callable[[str, Mapping[str, Any], float | None], R_co]
    path: str
    action: str
    state_field: str
    deleted_state: str
    date_field: str
    config_category: str
    guards: Mapping[str, Guard] = field(default_factory=dict)
    insistable: frozenset[str] = frozenset()
    api_timeout: float | None = None
    messages: int = 1

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

    def parse(self, inventory: object, asked_at: float | None = None) -> R_co | None:
        """Return the resource of an inventory; None when it has no uuid of 32 hex digits, no state or is incomplete."""
        if not isinstance(inventory, dict):
            return None
        uuid, state = inventory.get("uuid"), inventory.get(self.state_field)
        if isinstance(uuid, str) and re.fullmatch(r"[0-9a-f]{32}", uuid) and isinstance(state, str) and state:
            found = self.resource(uuid, inventory, asked_at)
            return found if found.complete else None
        return None

    def is_deleted(self, resource: Resource) -> bool:
        """Tell whether it is in the recycle bin; else it is back."""
        return resource.deleted

    def deletion_of(self, resource: Resource | None) -> str | None:
        """Return what identifies one deletion of it: its date in zvol's own spelling."""
        return None if resource is None else normalized_date(resource.text(self.date_field))

    def refusal(self, resource: Resource, *, insist: bool = False) -> str | None:
        """Return the reason why a deleted resource is not recovered; None if it may be recovered."""
        reasons = (reason for reason, guard in self.guards.items() if guard(resource))
        return next((reason for reason in reasons if not (insist and reason in self.insistable)), None)


def _half_expunged(resource: Resource) -> bool:
    return resource.half_expunged


# ---- data volumes ------------------------------------------------------------------------------------------------
def _root(volume: Volume) -> bool:
    """The server recovers a root volume too, but its VM stays destroyed (seen on a running 5.2.1)."""
    return volume.type != "Data"


DATA_VOLUME: Final = ResourceKind(
    name=VOLUME,
    noun="volume",
    removed="deleted",
    argument="VOLUME",
    listing="zvol list",
    resource=Volume,
    path="/v1/volumes",
    action="recoverDataVolume",
    state_field="status",
    deleted_state=DELETED,
    date_field="lastOpDate",
    config_category="volume",
    guards={"half-expunged": _half_expunged, "root": _root},
    insistable=frozenset({"root"}),
)

# ---- VMs ---------------------------------------------------------------------------------------------------------
VM_INSTANCE: Final = ResourceKind(
    name=VM,
    noun="VM",
    removed="destroyed",
    argument="--vm VM",
    listing="zvol list --vms",
    resource=VmInstance,
    path="/v1/vm-instances",
    action="recoverVmInstance",
    state_field="state",
    deleted_state=DESTROYED,
    date_field="lastOpDate",
    config_category="vm",
    guards={"half-expunged": _half_expunged},
    api_timeout=300.0,
    messages=2,
)
"""A destroyed VM, which comes back with its root volume (seen on a running 5.2.1).

The server recovers the root volume by a separate message, which gets the whole timeout again.  Where that is not
answered in time the recovery fails with SYS.1001, so that more time is requested than for a volume.
"""

AnyKind = ResourceKind[Resource]

KINDS: Final[Mapping[str, AnyKind]] = {kind.name: kind for kind in (DATA_VOLUME, VM_INSTANCE)}
"""The kinds by name."""


def kind_of(resource: Resource) -> AnyKind:
    """Return the kind of a resource."""
    return VM_INSTANCE if isinstance(resource, VmInstance) else DATA_VOLUME
