"""Finds the requested resources in an answer, which may be usable for some of them only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from zvol.errors import TransientError
from zvol.resource import Resource
from zvol.zstack.answers import QueryResult
from zvol.zstack.compact import RowCompactor
from zvol.zstack.resource_kinds import R_co, ResourceKind

R = TypeVar("R", bound=Resource)


class Resources(NamedTuple, Generic[R_co]):
    """The resources that were `found`, and those about which the answer says nothing reliable (`unclear`).

    A requested resource that is in neither does not exist, or is not visible to this account.
    """

    found: Mapping[str, R_co]
    unclear: frozenset[str] = frozenset()

    def compacted(self, uuids: Sequence[str], compactor: RowCompactor) -> Resources[R_co]:
        """Return the same resources in little memory, each with its UUID from `uuids`: a run keeps all of them."""
        found: dict[str, R_co] = {}
        for uuid in uuids:
            if (one := self.found.get(uuid)) is not None:
                found[uuid] = replace(one, uuid=uuid, fields=compactor.compact({**one.fields, "uuid": uuid}))
        return Resources(found, self.unclear)


def match_resources(
    uuids: Sequence[str], found: QueryResult, *, kind: ResourceKind[R], counted: bool = False
) -> Resources[R]:
    """Match an answer with the requested resources; raises TransientError when it contains any other one.

    A missing resource is gone only if the answer has no other fault: no malformed or duplicate inventory, and
    with `counted` as many of them as the server counted.
    """
    read = [kind.parse(inventory, found.sent_at) for inventory in found.inventories]
    known = [resource for resource in read if resource is not None]
    if not {resource.uuid for resource in known} <= set(uuids):
        raise TransientError(f"the answer contains {kind.noun}s that were not requested")
    times = Counter(resource.uuid for resource in known)
    resources = {resource.uuid: resource for resource in known if times[resource.uuid] == 1}
    short = counted and len(read) < len(uuids) and found.total != len(read)
    if len(resources) == len(read) and not short:
        return Resources(resources)
    return Resources(resources, frozenset(uuid for uuid in uuids if uuid not in resources))
