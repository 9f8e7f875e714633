"""Reads of volumes: how zvol finds out what has become of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import AuthError, Refused, Untrusted, Weather, ZvolError
from zvol.model import Outcome, Volume
from zvol.recovery import sightings, words
from zvol.recovery.asker import ENDED, Asker
from zvol.recovery.batch import Batch
from zvol.recovery.crew import Crew
from zvol.recovery.gate import Gate
from zvol.recovery.parts import READ_SECONDS, Read
from zvol.recovery.reader import LAST_READ, Reader
from zvol.recovery.states import Look, Phase, Sight
from zvol.recovery.track import LONGEST_LOOK, Seen, Track, deletion_of, sight_of

if TYPE_CHECKING:
    from zvol.zstack.client import Client

PATIENCE: Final = 10.0
"""Seconds for which a volume is read again after the server said done."""

PACE: Final = 0.2
"""Seconds between two reads of a large batch that are not full."""

FIRST_APART: Final = 0.5
LONGEST_APART: Final = 20.0
"""Seconds between two reads of a volume that cannot be read while others can, at first and later."""

AHEAD: Final = LONGEST_LOOK / 2
"""A read that is not full takes volumes along that are due within so many seconds."""

GRACE: Final = 3
"""Looks at the job of a volume that is back, so as to learn whether it was our own doing."""


class Watcher:
    """Reads volumes in batches; jobs are asked beside that, and only where the volume alone does not tell."""

    def __init__(
        self, batch: Batch, client: Client, crew: Crew, gate: Gate, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self.batch, self.crew, self.gate = batch, crew, gate
        self.clock, self.jitter = clock, jitter
        self.reader = Reader(client, crew, gate, clock, batch.time_left, self._seen)
        self._probe: list[Track] = []
        self._asker = Asker(batch, client, crew, gate, clock, self.reader.check)
        self._next_read = 0.0

    def tick(self, now: float, *, ahead: bool) -> None:
        """Start the looks that are due; while the gate is closed, one read goes first and everybody else waits.

        `ahead`: volumes of the queue are wanted soon, so their last read must be a new one.
        """
        self.reader.tick()
        if not self.gate.open:
            self._asker.release(now)
            if not self.gate.checking and now >= self.gate.until and not self._probe and self.crew.free:
                self.gate.until = now + PACE
                self._probe = self._one()
                self.reader.probe(self._probe, LAST_READ if self.gate.last_try(now) else READ_SECONDS)
            return
        if now >= self._next_read and self.reader.free:
            self._look_round(now)
        self._asker.tick()
        while self.batch.unread and self.reader.free:
            self.reader.read([*islice(self.batch.pop(self.batch.unread, Phase.START), self.reader.size)])
        if ahead and self.reader.free and not self.batch.queue[0].busy and not self.batch.queue[0].fresh(now):
            self.reader.read([track for track in islice(self.batch.queue, self.reader.size) if not track.busy])
        self.reader.tick()

    def due(self) -> float:
        """Return the monotonic time of the next look; infinity when something must come back first."""
        if not self.crew.free or self.gate.checking or (not self.reader.free if self.gate.open else self._probe):
            return math.inf
        return max(self.batch.agenda.next(), self._next_read) if self.gate.open else self.gate.until

    def _look_round(self, now: float) -> None:
        """Read the volumes that are due, or ask their jobs."""
        size = self.reader.size
        reads = self._due(now, now, size)
        if reads and not self.batch.small:
            reads += self._due(now + AHEAD, now, size - len(reads))
            self._next_read = now + PACE if len(reads) < size else 0.0
        self.reader.read(reads)

    def _due(self, until: float, now: float, most: int) -> list[Track]:
        """Take those whose next look is due by then; return those to read, the others' jobs are asked first."""
        reads = []
        for track in self.batch.agenda.take(until, most):
            if self._asker.wants(track, now):
                self._asker.want(track)
            else:
                reads.append(track)
        return reads

    def _one(self) -> list[Track]:
        """Return a volume whose read shows whether the server is back, another one each time."""
        batch = self.batch
        if not batch.agenda and not batch.unread and not batch.queue:
            batch.take_all_back()
        if batch.found:
            batch.found.append(batch.found.pop(0))
            return batch.found[-1:]
        taken = batch.agenda.take(math.inf, 1) or [*islice(batch.pop(batch.unread, Phase.START), 1)]
        if not taken and batch.head() is not None:
            batch.queue.rotate(-1)
            return [batch.queue[-1]]
        return taken

    # ---- the volume ----------------------------------------------------------------------------------------------
    def _seen(self, read: Read) -> None:
        """Take in a read: of volumes, or of what stood in its way."""
        self._probe = [] if read.tracks == self._probe else self._probe
        tracks = [track for track in read.tracks if track.uuid in self.batch.unsaid]
        now, error = self.clock.monotonic(), read.error
        if isinstance(error, Weather):
            self._weather(tracks, read, error, now)
        else:
            self._answered(tracks, read, error, now)
        for track in tracks:
            if read.last and track.final is not None:
                self.batch.end_now(track)

    def _answered(self, tracks: list[Track], read: Read, error: ZvolError | None, now: float) -> None:
        """The server said something; whether it was the volumes or not."""
        if isinstance(error, Untrusted) and not read.own:
            self.gate.bad(now, error.message, began=read.began)
        else:
            self.gate.good(now)
            self._heard(read)
        self.batch.denied = isinstance(error, AuthError)
        if error is not None and self._again_with_new_session(tracks, error):
            self._put_back(tracks, now)
            return
        found = read.volumes.found if read.volumes is not None else {}
        for track in tracks:
            self.batch.first.discard(track.uuid)
            if error is not None:
                self._unseen(track, error, now, quiet=track.uuid in read.quiet)
            else:
                self._look(track, found.get(track.uuid), read.began, now, quiet=track.uuid in read.quiet)

    def _heard(self, read: Read) -> None:
        for track in self.batch.agenda:
            if track.quiet is not None:
                track.quiet.note(read.began, read.ended)

    def _weather(self, tracks: list[Track], read: Read, error: Weather, now: float) -> None:
        """The server is away, or it cannot read just this volume."""
        for track in tracks:
            track.read_seen = Seen(error.message, self.clock.wall())
        if read.own:
            for track in tracks:
                self._ailing(track, now)
            return
        never = error.never_sent
        self.gate.bad(now, error.message, never, began=read.began)
        self._put_back(tracks, now)
        if never is not None and never.untrusted:
            self.batch.give_up_unsent(words.from_never_sent(never))

    def _ailing(self, track: Track, now: float) -> None:
        """Read a volume by itself from now on, and let nobody wait for it."""
        batch = self.batch
        track.apart, track.job_asked = True, False
        track.ailing = now if track.ailing is None else track.ailing
        batch.first.discard(track.uuid)
        if track.phase is Phase.START and track in batch.queue:
            batch.queue.remove(track)
        track.wait = min(LONGEST_APART, max(FIRST_APART, track.wait * 2))
        batch.agenda.put(track, now + track.wait * self.jitter())

    def _put_back(self, tracks: list[Track], now: float) -> None:
        """Nothing was learnt of these volumes."""
        for track in reversed(tracks):
            if track.phase is not Phase.START or track.apart:
                self._later(track, now)
            elif track.read_at is None and len(tracks) == 1:
                self.batch.unread.append(track)
            elif track.read_at is None:
                self.batch.unread.appendleft(track)

    def _later(self, track: Track, now: float) -> None:
        """Look again less and less often; so that the reads of very many volumes stay few, each less often still."""
        longest = max(LONGEST_LOOK, len(self.batch.agenda) / self.reader.size * PACE)
        track.wait = min(longest, track.wait * 1.6)
        self.batch.agenda.put(track, now + track.wait * self.jitter())

    def _again_with_new_session(self, tracks: list[Track], error: ZvolError) -> bool:
        """Before anything was sent, a session that is not accepted is renewed once and the volumes are read again."""
        unsent = all(track.phase is Phase.START for track in tracks)
        return unsent and isinstance(error, AuthError) and self.batch.renewable and self.batch.renew()

    def _unseen(self, track: Track, error: ZvolError, now: float, *, quiet: bool) -> None:
        """The server answered, and it was not the volume."""
        track.read_seen = Seen(error.message, self.clock.wall())
        if track.phase is Phase.START:
            outcome = Outcome.FAILED if isinstance(error, Refused) else Outcome.NOT_SENT
            self.batch.end(track, outcome, words.from_error(error))
            return
        track.job_asked = False
        self._later(track, now)
        if isinstance(error, AuthError) and track.watched:
            self.batch.feed(track, Look(Sight.DENIED, job=track.job_seen, quiet=quiet))

    def _look(self, track: Track, volume: Volume | None, began: float, now: float, *, quiet: bool) -> None:
        sight = sight_of(volume)
        if not track.watched and track.phase is not Phase.START:
            return
        apart, first = track.apart, track.read_at is None
        asked_at = volume.asked_at if volume is not None else None
        track.volume, track.read_at = volume or track.volume, began if asked_at is None else asked_at
        track.read_seen = Seen(sightings.volume(volume), self.clock.wall())
        track.apart, track.ailing = False, None
        if apart and track.phase is Phase.START:
            self.batch.agenda.drop(track)
        if track.phase is Phase.START and volume is not None and sight is Sight.DELETED:
            if self._decided(track, volume):
                return
            if first:
                meant = track.state.episode or deletion_of(volume)  # a list or an earlier run may tell which was meant
                track.state = replace(track.state, episode=meant)
                self.batch.found.append(track)
            elif apart:
                self.batch.queue.appendleft(track)
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
