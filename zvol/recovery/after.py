"""Where recovering ends and follow-ups begin: which volumes have some, and what the journal knows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.errors import Exit, LocalState
from zvol.model import Outcome, Result
from zvol.recovery import words
from zvol.recovery.changes import Change, Kind, Stand, from_journal, wanted
from zvol.recovery.crew import Crew
from zvol.recovery.follow import Follow
from zvol.recovery.followups import FollowUps
from zvol.recovery.track import Track

if TYPE_CHECKING:
    from zvol.recovery.batch import Batch
    from zvol.recovery.records import Left
    from zvol.recovery.sender import Sender
    from zvol.zstack.client import Client

BACK = (Outcome.RECOVERED, Outcome.ALREADY)


class After:
    """The follow-ups of a batch: they get the places that reads leave, at most half of all while volumes come back."""

    def __init__(
        self, batch: Batch, client: Client, crew: Crew, clock: Clock, jitter: Callable[[], float], sender: Sender
    ) -> None:
        self._batch, self._clock, self._waits = batch, clock, sender.waits
        self._followups = FollowUps(
            client,
            crew,
            clock,
            jitter,
            Remembered(batch, sender),
            batch.results.append,
            small=batch.small,
            api_timeout=batch.options.api_timeout,
            renew=batch.renew,
        )
        batch.follow = self._take

    @property
    def open(self) -> int:
        """How many volumes have follow-ups that have not ended."""
        return len(self._followups.open)

    @property
    def reason(self) -> str:
        """Say what is in their way, if anything is."""
        return "" if self._followups.gate.open else self._followups.gate.reason

    def slow(self, now: float, seconds: float) -> list[Follow]:
        """Return the volumes that have been at it for so long."""
        return [one for one in self._followups.open.values() if now - one.began >= seconds]

    def tick(self, now: float) -> None:
        most = self._batch.options.concurrency
        self._followups.tick(now, max(1, most // 2) if self._batch.unsaid else most)

    def due(self) -> float:
        return self._followups.due()

    def stop(self, now: float, seconds: float) -> None:
        self._followups.stop(now, seconds)

    def resume(self, left: Left) -> None:
        """Take in a volume that an earlier run brought back and had not done with; it is read before anything else."""
        outcome = Outcome.ALREADY if left.outcome == Outcome.ALREADY else Outcome.RECOVERED
        back = outcome is Outcome.RECOVERED
        result = Result(left.asked, left.uuid, outcome, None if back else False, "unknown" if back else None)
        if left.request.strict and not back:
            result = replace(result, warnings=(words.STRICT,), extra_exit=Exit.FAILED)
        self._begin(Follow(result, from_journal(left.followups, left.request), self._deadline(None), left.run))

    def _take(self, track: Track, result: Result) -> bool:
        """Take a volume in whose word was said, if it is back and there is something to do for it."""
        volume = result.volume
        if volume is None or result.outcome not in BACK:
            return False
        changes = from_journal(track.followups, track.request) or wanted(track.request, volume)
        if result.outcome is Outcome.ALREADY and volume.text("vmInstanceUuid"):
            for change in changes:  # it is where somebody wants it
                change.stand = Stand.DONE if change.kind is Kind.ATTACH else change.stand
        if not changes:
            return False
        run = track.run if track.claimed else None
        self._begin(Follow(result, changes, self._deadline(track), run, True, volume, track.read_at, track.request))
        return True

    def _deadline(self, track: Track | None) -> float:
        given = track.deadline if track is not None else None
        return self._clock.monotonic() + self._batch.options.timeout if given is None else given

    def _begin(self, follow: Follow) -> None:
        """A request that a dead run sent may act: it is asked after, and waited for, before it may be sent again."""
        now = follow.began = self._clock.monotonic()
        for change in follow.changes:
            if change.stand is Stand.SENT:
                change.quiet, change.until = self._waits.silence(now), follow.deadline
        self._followups.begin(follow)


class Remembered:
    """The journal as the follow-ups see it; the run of a volume that was back already begins with its first change."""

    def __init__(self, batch: Batch, sender: Sender) -> None:
        self._batch, self._sender = batch, sender

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
            self._sender.fail(error)
            raise

    def _keep(self, follow: Follow) -> None:
        """Have the run remember a volume that was back already."""
        journal, follow.run = self._sender.open_run(follow.request)
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
        """Note what was not looked at as not wanted any more; tell whether a resumed run knows of what is left."""
        for change in follow.changes:
            if change.stand is Stand.FAILED:
                self.note(follow, change)
        return follow.run is not None and self._batch.local is None
