"""Where recovering ends and follow-ups begin: which volumes have some, and what the journal knows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.errors import LocalState
from zvol.model import Outcome, Result
from zvol.recovery.changes import Change, Kind, Stand, wanted
from zvol.recovery.follow import Follow
from zvol.recovery.quiet import QuietTime
from zvol.recovery.track import Track

if TYPE_CHECKING:
    from zvol.recovery.batch import Batch
    from zvol.recovery.journal import Journal
    from zvol.recovery.records import FollowUp, Left


class Remembered:
    """The journal as the follow-ups see it; `open_run` begins the run of a volume that needed none so far."""

    def __init__(self, batch: Batch, open_run: Callable[[], tuple[Journal, str]]) -> None:
        self._batch, self._open_run = batch, open_run

    def before(self, follows: Sequence[Follow]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""
        if self._batch.local is not None:
            raise self._batch.local
        try:
            for follow in follows:
                if follow.run is None:
                    self._keep(follow)
                change = follow.head
                assert change is not None
                self.note(follow, change)
            if self._batch.journal is not None:
                self._batch.journal.flush()
        except LocalState as error:
            self._batch.local = error
            raise

    def _keep(self, follow: Follow) -> None:
        """Have the run remember a volume that was back already."""
        journal, follow.run = self._open_run()
        journal.keep(follow.run, follow.uuid, follow.result.asked, follow.result.outcome.value)
        journal.plan_followups(follow.run, follow.uuid, [(one.kind.value, one.value) for one in follow.changes])
        for change in follow.changes:
            self.note(follow, change)

    def note(self, follow: Follow, change: Change) -> None:
        """Note where a change stands now."""
        journal = self._batch.journal
        if journal is not None and follow.run is not None:
            journal.followup(follow.run, follow.uuid, change.kind.value, change.value, change.stand.value, change.job)

    def end(self, follow: Follow) -> bool:
        """Tell whether a resumed run knows of what is left."""
        return follow.run is not None and self._batch.local is None


def follow_of(track: Track, result: Result, deadline: float) -> Follow | None:
    """Return what is to be done for a volume that is back, None when that is nothing."""
    volume = result.volume
    if volume is None or result.outcome not in (Outcome.RECOVERED, Outcome.ALREADY):
        return None
    changes = [change_of(row) for row in track.followups] or wanted(track.request, track.first or volume)
    follow = Follow(result, changes, deadline, track.run if track.claimed else None)
    follow.read, follow.volume, follow.read_at = True, volume, track.read_at
    if result.outcome is Outcome.ALREADY and volume.text("vmInstanceUuid"):
        for change in changes:  # it is where somebody wants it
            change.stand = Stand.DONE if change.kind is Kind.ATTACH else change.stand
    return follow if changes else None


def change_of(row: FollowUp) -> Change:
    """Return a change as a dead run left it."""
    return Change(Kind(row.kind), row.value, Stand(row.state), row.job)


def resumed(left: Left, outcome: Outcome, quiet: Callable[[], QuietTime], deadline: float) -> Follow:
    """Return a volume that an earlier run brought back and had not done with; it is read before anything else."""
    back = outcome is Outcome.RECOVERED
    result = Result(left.asked, left.uuid, outcome, None if back else False, "unknown" if back else None)
    changes = [change_of(row) for row in left.followups]
    return Follow(result, changes, deadline, left.run)


def settle(follow: Follow, quiet: Callable[[], QuietTime], until: float) -> None:
    """A request that a dead run sent may act: it is asked after, and waited for, before it may be sent again."""
    for change in follow.changes:
        if change.stand is Stand.SENT and change.quiet is None:
            change.quiet, change.until = quiet(), until
