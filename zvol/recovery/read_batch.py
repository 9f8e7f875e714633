"""The volumes that are read in one request, and the result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zvol.errors import ZvolError
from zvol.recovery.batch_size import FailedBatch
from zvol.recovery.poll_limit import PollKind
from zvol.recovery.task import VolumeTask
from zvol.zstack.client import READ_SECONDS
from zvol.zstack.resource_kinds import DATA_VOLUME, ResourceKind
from zvol.zstack.volumes import Volumes

if TYPE_CHECKING:
    from zvol.zstack.client import Client


@dataclass(slots=True, eq=False)
class ReadBatch:
    """Volumes to be read in one request.

    `failed`: the batch that failed and that this is a part of.
    `of`: the batch whose failure (`error`) the one volume of this part is to explain; `again`: a second one that is
    read to see whether the server refuses all of them.  `own_fault`: the server is up, so a failure is the volume's
    own; `alone`: as it was before.  `last`: their time is up.  `began` is monotonic, `quiet` are the volumes whose
    quiet period was over then.
    """

    tasks: list[VolumeTask]
    failed: FailedBatch | None = None
    of: ReadBatch | None = None
    error: ZvolError | None = None
    again: bool = False
    own_fault: bool = False
    alone: bool = False
    last: bool = False
    seconds: float = READ_SECONDS
    quiet: frozenset[str] = frozenset()
    began: float = math.inf

    @property
    def kind(self) -> PollKind:
        return PollKind.LAST if self.last else PollKind.ALONE if self.alone else PollKind.READ

    def starts(self, now: float) -> None:
        self.began = now
        self.quiet = frozenset(one.uuid for one in self.tasks if one.quiet is not None and one.quiet.over)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of a read of volumes; `own`: it failed for them while the server answered others."""

    tasks: list[VolumeTask]
    quiet: frozenset[str]
    began: float
    ended: float
    volumes: Volumes | None = None
    error: ZvolError | None = None
    own: bool = False
    last: bool = False


def read_volumes(
    client: Client, uuids: Sequence[str], seconds: float = READ_SECONDS, kind: ResourceKind = DATA_VOLUME
) -> Volumes:
    """Read volumes in one request: one by its own path, several by a query; raises what the client raises."""
    if len(uuids) > 1:
        return client.read_volumes(uuids, seconds, kind)
    found = client.volume(uuids[0], seconds, kind)
    return Volumes({} if found is None else {found.uuid: found})
