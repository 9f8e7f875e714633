"""Claims: which volumes this run is on, and what earlier runs have sent that may still act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.model import Outcome
from zvol.recovery import words
from zvol.recovery.batch import Batch
from zvol.recovery.records import Claims, Identity
from zvol.recovery.request import Request
from zvol.recovery.states import Phase
from zvol.recovery.track import FIRST_LOOK, Track
from zvol.recovery.waits import Waits
from zvol.zstack.dates import parse_server_date

if TYPE_CHECKING:
    from zvol.recovery.journal import Journal


class Claimant:
    """Claims volumes before anything is sent for them, in a run of the journal that begins with the first."""

    def __init__(
        self, batch: Batch, waits: Waits, clock: Clock, open_journal: Callable[[], Journal], identity: Identity
    ) -> None:
        self.batch, self.clock = batch, clock
        self._waits = waits
        self._open_journal = open_journal
        self._identity = identity

    def claim(self) -> None:
        """Claim all that was found, once, and sort it."""
        batch = self.batch
        if not batch.found:
            return
        found = sorted((track for track in batch.found if track.uuid in batch.unsaid and not track.final), key=urgency)
        batch.found = []
        batch.urgent.extend(found)
        unclaimed = [track for track in found if not track.claimed]
        claims = self._claimed(unclaimed) if unclaimed else Claims({}, {}, frozenset())
        spent = self._since_set_aside()
        for track in found:
            if track.held:
                batch.leave(track)
                continue
            if track.uuid in claims.busy:
                batch.end(track, Outcome.BUSY, words.busy(claims.busy[track.uuid], self._identity))
                continue
            track.claimed = True
            track.run = track.run or batch.run
            batch.plan(track)
            jobs = [intent.job for intent in claims.prior.get(track.uuid, ())]
            if track.uuid in claims.foreign:
                track.state = replace(track.state, foreign=True)
                self._settle_first(track, [])
            elif spent is not None:
                self._settle_first(track, [], 0.0 if jobs else spent)
            elif jobs:
                self._settle_first(track, jobs)
            else:
                batch.queue.append(track)

    def _since_set_aside(self) -> float | None:
        """Return how long ago a damaged journal was set aside; None when nothing that it knew of can act any more."""
        at = self.batch.journal.set_aside_at if self.batch.journal is not None else None
        if at is None:
            return None
        spent = self.clock.wall() - at  # less than nothing where a clock was set back: then all of it is waited for
        return spent if spent < self._waits.longest else None

    def _claimed(self, tracks: list[Track]) -> Claims:
        """Claim volumes for the run of this batch, which begins with the first of them."""
        journal, run = self.open_run(tracks[0].request)
        return journal.claim(run, [(one.uuid, one.wanted.asked, one.state.episode) for one in tracks])

    def open_run(self, request: Request) -> tuple[Journal, str]:
        """Return the journal and our run in it, which begins when it is needed first; raises LocalState."""
        batch = self.batch
        if batch.journal is None:
            batch.journal = self._open_journal()
        if batch.run is None:
            batch.run = batch.journal.begin(self._identity, request, self.clock.wall())
            batch.runs.append(batch.run)
        return batch.journal, batch.run

    def _settle_first(self, track: Track, jobs: list[str], spent: float = 0.0) -> None:
        """Earlier intents are open: a volume of a large batch is read first, and its jobs are asked later.

        Without jobs that may be asked only time tells; `spent` seconds of it are over.
        """
        now = self.clock.monotonic()
        track.state = replace(track.state, phase=Phase.SETTLE)
        track.prior = jobs
        track.quiet = self._waits.silence(now, spent)
        track.deadline = now + self.batch.options.timeout
        track.begin_looking(now, 0.0 if self.batch.small else FIRST_LOOK)
        self.batch.agenda.put(track, now)


def urgency(track: Track) -> tuple[bool, str, int]:
    """Sort by deadline: the oldest deletion is destroyed first; an unreadable date counts as the oldest."""
    date = parse_server_date(track.state.episode or "")
    return (date is not None, date.isoformat() if date else "", track.wanted.order)
