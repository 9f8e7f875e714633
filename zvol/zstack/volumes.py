"""What one read told of the volumes that were asked for: some answers tell of some of them only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zvol.errors import TransientError
from zvol.model import Volume
from zvol.zstack import answers
from zvol.zstack.answers import Found
from zvol.zstack.dates import normalized_date


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes that were `found`, and those of which the answer does not tell (`unclear`).

    A volume that is in neither of them does not exist, or is not visible to this account.
    """

    found: Mapping[str, Volume]
    unclear: frozenset[str] = frozenset()


def asked_for(uuids: Sequence[str], found: Found, *, counted: bool = False) -> Volumes:
    """Return what an answer tells of the volumes asked for; raises TransientError for one about any other volume.

    What is missing is gone only where nothing else can be hidden in the answer: no inventory that is odd or there
    twice, and with `counted` as many as the server counted.
    """
    read = [answers.volume_of(inventory, found.sent_at) for inventory in found.inventories]
    known = [volume for volume in read if volume is not None]
    if not {volume.uuid for volume in known} <= set(uuids):
        raise TransientError("an answer about other volumes than those asked for")
    times = Counter(volume.uuid for volume in known)
    volumes = {volume.uuid: volume for volume in known if times[volume.uuid] == 1}
    short = counted and len(read) < len(uuids) and found.total != len(read)
    if len(volumes) == len(read) and not short:
        return Volumes(volumes)
    return Volumes(volumes, frozenset(uuid for uuid in uuids if uuid not in volumes))


def last_op_date_of(volume: Volume | None) -> str | None:
    """Return a volume's lastOpDate, which identifies one deletion of it, in zvol's own spelling."""
    return None if volume is None else normalized_date(volume.last_op_date)
