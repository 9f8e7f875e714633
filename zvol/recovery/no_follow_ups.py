"""The place of the follow-ups in a run that has none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zvol.journal.records import UnfinishedVolume
    from zvol.model import Result
    from zvol.recovery.follow_ups.task import FollowUpTask


class NoFollowUps:
    """A `FollowUpStage` to which nothing is handed over."""

    pending = 0
    reason = ""

    def slow(self, now: float, seconds: float) -> list[FollowUpTask]:
        del now, seconds
        return []

    def tick(self, now: float) -> None:
        pass

    def due(self) -> float:
        return math.inf

    def stop(self, now: float, seconds: float) -> None:
        pass

    def vm_concluded(self, result: Result) -> None:
        pass

    def resume(self, volume: UnfinishedVolume) -> None:
        raise AssertionError(f"{volume.uuid} has follow-ups")
