"""The volumes that are read in one request, and the maximum number of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from zvol.errors import ZvolError
from zvol.recovery.poll_limit import PollKind
from zvol.recovery.task import VolumeTask
from zvol.resource import Resource
from zvol.zstack.client import MAX_BATCH, READ_SECONDS
from zvol.zstack.resource_kinds import ResourceKind
from zvol.zstack.resources import R, Resources

if TYPE_CHECKING:
    from zvol.zstack.client import Client


GROWTH: Final = 8
"""Full reads after which twice as many are tried; twice as many of them each time that this fails."""


@dataclass(slots=True, eq=False)
class FailedBatch:
    """A batch that failed, and its parts: how many are not read yet, and the size of the largest that was read.

    `inconclusive`: a volume was the cause, or the server was away meanwhile, so that this says nothing about the size.
    """

    size: int
    parts_left: int = 1
    largest_read: int = 0
    inconclusive: bool = False

    def split(self, parts: int) -> None:
        """Record that a part is read in several parts."""
        self.parts_left += parts - 1

    def part_read(self, number: int) -> None:
        self.largest_read = max(self.largest_read, number)

    def part_ended(self, *, inconclusive: bool) -> bool:
        """Record the end of a part; tell whether it was the last one, and the size may be the cause."""
        self.parts_left -= 1
        self.inconclusive = self.inconclusive or inconclusive
        return not self.parts_left and not self.inconclusive and self.largest_read > 0


@dataclass(slots=True)
class BatchSize:
    """`size` is how many volumes one request names; `proved` is the most that was answered.

    When a batch fails although one as large was answered before, that counts as chance, unless it happens twice in a
    row.
    """

    size: int = MAX_BATCH
    proved: int = 0
    _full: int = 0
    _enough: int = GROWTH
    _failed_by_chance: bool = False

    def answered(self, number: int, failed: FailedBatch | None) -> None:
        """Record that `number` volumes were read in one request, as a part of a failed batch or not."""
        if failed is not None:
            failed.part_read(number)
            self.ended(failed, inconclusive=False)
            return
        self.proved = max(self.proved, number)
        if number < self.size:
            return
        self._failed_by_chance = False
        self._full += 1
        if self.size < MAX_BATCH and self._full >= self._enough:
            self.size, self._full = min(MAX_BATCH, self.size * 2), 0

    def split(self, failed: FailedBatch | None, number: int, parts: int) -> FailedBatch:
        """Return the failed batch that is read in `parts` parts; a part of one that failed belongs to the same."""
        failed = failed or FailedBatch(number)
        failed.split(parts)
        return failed

    def ended(self, failed: FailedBatch, *, inconclusive: bool) -> None:
        """Record that a part was read, or failed by itself; after the last part the size may be the cause."""
        if not failed.part_ended(inconclusive=inconclusive):
            return
        if failed.size <= self.proved and not self._failed_by_chance:
            self._failed_by_chance = True
            return
        if failed.size > self.proved > 0:
            self._enough *= 2
        self.size = self.proved = failed.largest_read
        self._full, self._failed_by_chance = 0, False


@dataclass(slots=True, eq=False)
class ReadBatch:
    """Volumes to be read in one request.

    `failed`: the batch that failed and that this is a part of.
    `of`: the batch whose failure (`error`) the one volume of this part should explain; `again`: a second one that is
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


class ReadResult(NamedTuple):
    """The result of a read of volumes; `own`: it failed for them while the server answered others."""

    tasks: list[VolumeTask]
    quiet: frozenset[str]
    began: float
    ended: float
    resources: Resources[Resource] | None = None
    error: ZvolError | None = None
    own: bool = False
    last: bool = False


def read_resources(
    client: Client, uuids: Sequence[str], seconds: float = READ_SECONDS, *, kind: ResourceKind[R]
) -> Resources[R]:
    """Read resources of one kind in one request: one by its own path, several by a query; raises as the client."""
    if len(uuids) > 1:
        return client.read_resources(uuids, seconds, kind=kind)
    found = client.resource(uuids[0], seconds, kind=kind)
    return Resources({} if found is None else {found.uuid: found})
