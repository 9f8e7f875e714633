"""Which of the requested volumes an answer contains: an answer may be usable for some of them only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zvol.errors import TransientError
from zvol.model import Volume
from zvol.zstack.answers import QueryResult
from zvol.zstack.resource_kinds import ResourceKind


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes that were `found`, and those about which the answer says nothing reliable (`unclear`).

    A requested volume that is in neither does not exist, or is not visible to this account.
    """

    found: Mapping[str, Volume]
    unclear: frozenset[str] = frozenset()


def match_volumes(uuids: Sequence[str], found: QueryResult, *, kind: ResourceKind, counted: bool = False) -> Volumes:
    """Match an answer with the requested volumes; raises TransientError when it contains any other volume.

    A missing volume is gone only when the answer is otherwise faultless: no malformed or duplicate inventory, and with
    `counted` as many of them as the server counted.
    """
    read = [kind.parse(inventory, found.sent_at) for inventory in found.inventories]
    known = [volume for volume in read if volume is not None]
    if not {volume.uuid for volume in known} <= set(uuids):
        raise TransientError("the answer contains volumes that were not requested")
    times = Counter(volume.uuid for volume in known)
    volumes = {volume.uuid: volume for volume in known if times[volume.uuid] == 1}
    short = counted and len(read) < len(uuids) and found.total != len(read)
    if len(volumes) == len(read) and not short:
        return Volumes(volumes)
    return Volumes(volumes, frozenset(uuid for uuid in uuids if uuid not in volumes))
