"""Reads of volumes: how zvol finds out what has become of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import AuthError, Refused, Untrusted, Weather, ZvolError
from zvol.model import Outcome, Volume
from zvol.recovery import words
from zvol.recovery.asker import ENDED, Asker
from zvol.recovery.batch import Batch
from zvol.recovery.crew import Crew, Done
from zvol.recovery.gate import Gate
from zvol.recovery.states import Look, Phase, Sight
from zvol.recovery.track import LONGEST_LOOK, Track, deletion_of, sight_of

if TYPE_CHECKING:
    from zvol.zstack.client import Client

BATCH: Final = 100
"""Volumes a read."""

PATIENCE: Final = 10.0
"""Seconds for which a volume is read again after the server said done."""

PACE: Final = 0.2
"""Seconds between two reads of a large batch that are not full."""

READS: Final = 4
"""Reads at the same time: one that hangs must not keep the others waiting."""

AHEAD: Final = LONGEST_LOOK / 2
"""A read that is not full takes volumes along that are due within so many seconds."""

GRACE: Final = 3
"""Looks at the job of a volume that is back, so as to learn whether it was our own doing."""


class Watcher:
    """Reads volumes in batches; jobs are asked beside that, and only where the volume alone does not tell."""

    def __init__(
        self, batch: Batch, client: Client, crew: Crew, gate: Gate, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self.batch, self.client, self.crew, self.gate = batch, client, crew, gate
        self.clock, self.jitter = clock, jitter
        self._reading = 0
        self._probe: list[Track] = []
        self._reread: list[Track] = []
        self._asker = Asker(batch, client, crew, gate, clock)
        self._next_read = 0.0

    def tick(self, now: float, *, ahead: bool) -> None:
        """Start the looks that are due; while the gate is closed, one read goes first and everybody else waits.

        `ahead`: volumes of the queue are wanted soon, so their last read must be a new one.
        """
        if not self.gate.open:
            self._asker.release(now)
            if now >= self.gate.until and not self._probe and self.crew.free:
                self.gate.until = now + PACE
                self._probe = self._read(self._probes())
            return
        if now >= self._next_read and self._may_read:
            self._look_round(now)
        self._asker.tick()
        while self.batch.unread and self._may_read:
            self._read(self._first())
        if ahead and self._may_read and not self._reread and not self.batch.queue[0].fresh(now):
            self._reread = self._read([*islice(self.batch.queue, BATCH)])

    def due(self) -> float:
        """Return the monotonic time of the next look; infinity when something must come back first."""
        if not self.crew.free or (self._reading >= READS if self.gate.open else self._probe):
            return math.inf
        return max(self.batch.agenda.next(), self._next_read) if self.gate.open else self.gate.until

    @property
    def _may_read(self) -> bool:
        return self._reading < READS and self.crew.free > 0

    def _look_round(self, now: float) -> None:
        """Read the volumes that are due, or ask their jobs."""
        reads = self._due(now, now, BATCH)
        if reads and not self.batch.small:
            reads += self._due(now + AHEAD, now, BATCH - len(reads))
            self._next_read = now + PACE if len(reads) < BATCH else 0.0
        self._read(reads)

    def _due(self, until: float, now: float, most: int) -> list[Track]:
        """Take those whose next look is due by then; return those to read, the others' jobs are asked first."""
        reads = []
        for track in self.batch.agenda.take(until, most):
            if self._asker.wants(track, now):
                self._asker.want(track)
            else:
                reads.append(track)
        return reads

    def _probes(self) -> list[Track]:
        """Return volumes whose read shows whether the server is back."""
        batch = self.batch
        if not batch.agenda and not batch.unread and not batch.queue:
            batch.take_all_back()
        return (
            batch.found[:BATCH] or batch.agenda.take(math.inf, BATCH) or self._first() or [*islice(batch.queue, BATCH)]
        )

    def _first(self) -> list[Track]:
        return [*islice(self.batch.pop(self.batch.unread, Phase.START), BATCH)]

    # ---- the volume ----------------------------------------------------------------------------------------------
    def _read(self, tracks: list[Track]) -> list[Track]:
        """Read these volumes, if there are any."""
        if not tracks:
            return tracks
        self._reading += 1
        quiet = {track.uuid for track in tracks if track.quiet is not None and track.quiet.over}
        uuids = [track.uuid for track in tracks]
        for track in tracks:
            track.busy = True

        def read() -> Mapping[str, Volume]:
            if len(uuids) == 1:
                found = self.client.volume(uuids[0])
                return {} if found is None else {found.uuid: found}
            return self.client.volumes(uuids)

        self.crew.do(read, lambda done: self._seen(tracks, quiet, done))
        return tracks

    def _seen(self, tracks: list[Track], quiet: set[str], done: Done) -> None:
        """Take in a read: of volumes, or of what stood in its way."""
        self._reading -= 1
        self._probe = [] if tracks is self._probe else self._probe
        self._reread = [] if tracks is self._reread else self._reread
        for track in tracks:
            track.busy = False
        tracks = [track for track in tracks if track.uuid in self.batch.unsaid]
        now, error = self.clock.monotonic(), done.error
        if isinstance(error, Weather):
            self._weather(tracks, error, done.began, now)
            return
        if error is not None and not isinstance(error, ZvolError):
            raise error
        if isinstance(error, Untrusted):
            self.gate.bad(now, error.message, began=done.began)
        else:
            self.gate.good(now)
            self._heard(done)
        self.batch.denied = isinstance(error, AuthError)
        if error is not None and self._again_with_new_session(tracks, error):
            self._put_back(tracks, now)
            return
        found = done.value if isinstance(done.value, Mapping) else {}
        for track in tracks:
            self.batch.first_reads -= track.phase is Phase.START and track.read_at is None
            if error is not None:
                self._unseen(track, error, now, quiet=track.uuid in quiet)
            else:
                self._look(track, found.get(track.uuid), done.began, now, quiet=track.uuid in quiet)

    def _heard(self, done: Done) -> None:
        for track in self.batch.agenda:
            if track.quiet is not None:
                track.quiet.note(done.began, done.ended)

    def _weather(self, tracks: list[Track], error: Weather, began: float, now: float) -> None:
        never = error.never_sent
        self.gate.bad(now, error.message, never, began=began)
        self._put_back(tracks, now)
        if never is not None and never.untrusted:
            self.batch.give_up_unsent(words.from_never_sent(never))

    def _put_back(self, tracks: list[Track], now: float) -> None:
        """Nothing was learnt of these volumes."""
        for track in reversed(tracks):
            if track.phase is not Phase.START:
                self._later(track, now)
            elif track.read_at is None:
                self.batch.unread.appendleft(track)

    def _later(self, track: Track, now: float) -> None:
        """Look again less and less often; so that the reads of very many volumes stay few, each less often still."""
        longest = max(LONGEST_LOOK, len(self.batch.agenda) / BATCH * PACE)
        track.wait = min(longest, track.wait * 1.6)
        self.batch.agenda.put(track, now + track.wait * self.jitter())

    def _again_with_new_session(self, tracks: list[Track], error: ZvolError) -> bool:
        """Before anything was sent, a session that is not accepted is renewed once and the volumes are read again."""
        unsent = all(track.phase is Phase.START for track in tracks)
        return unsent and isinstance(error, AuthError) and self.batch.renewable and self.batch.renew()

    def _unseen(self, track: Track, error: ZvolError, now: float, *, quiet: bool) -> None:
        """The server answered, and it was not the volume."""
        if track.phase is Phase.START:
            outcome = Outcome.FAILED if isinstance(error, Refused) else Outcome.NOT_SENT
            self.batch.end(track, outcome, words.from_error(error))
            return
        track.job_asked = False
        self._later(track, now)
        if isinstance(error, AuthError) and track.watched:
            self.batch.feed(track, Look(Sight.DENIED, job=track.job_seen, quiet=quiet))

    def _look(self, track: Track, volume: Volume | None, began: float, now: float, *, quiet: bool) -> None:
        sight, first = sight_of(volume), track.read_at is None
        if not track.watched and track.phase is not Phase.START:
            return
        asked_at = volume.asked_at if volume is not None else None
        track.volume, track.read_at = volume or track.volume, began if asked_at is None else asked_at
        if track.phase is Phase.START and volume is not None and sight is Sight.DELETED:
            if not self._decided(track, volume) and first:
                meant = track.state.episode or deletion_of(volume)  # a list or an earlier run may tell which was meant
                track.state = replace(track.state, episode=meant)
                self.batch.found.append(track)
            return
        if sight is Sight.BACK and self._wait_for_job(track, now):
            return
        if sight is Sight.ABSENT and not track.claimed and self.batch.elsewhere(track.uuid):
            track.state = replace(track.state, foreign=True)
        patience = track.claimed_at is not None and began - track.claimed_at >= PATIENCE
        if track.phase is not Phase.START:
            self._later(track, now)
        track.job_asked = False
        self.batch.feed(track, Look(sight, deletion_of(volume), track.job_seen, quiet, patience))

    def _decided(self, track: Track, volume: Volume) -> bool:
        """Some deleted volumes are not to be recovered although the server would do it; and a dry run ends here."""
        trouble = words.guard(volume, allow_root=track.request.allow_root)
        if trouble is not None:
            self.batch.end(track, Outcome.FAILED, trouble)
        elif track.request.dry_run and track.state.episode not in (None, deletion_of(volume)):
            self.batch.end(track, Outcome.FAILED, words.CHANGED)
        elif track.request.dry_run:
            self.batch.end(track, Outcome.WOULD_RECOVER)
        else:
            return False
        return True

    def _wait_for_job(self, track: Track, now: float) -> bool:
        """The volume is back and its job has not said so yet: ask it a few times more, to know whether it was ours."""
        if track.phase is not Phase.WATCH or track.job_seen in ENDED or not self.batch.small or track.grace >= GRACE:
            return False
        track.grace += 1
        track.job_asked = False
        self.batch.agenda.put(track, now + 0.04 * track.grace)
        return True
