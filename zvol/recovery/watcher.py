"""Reads of volumes and looks at jobs: how zvol finds out what has become of a volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import AuthError, Refused, Untrusted, Weather, ZvolError
from zvol.model import Outcome, Volume
from zvol.recovery import words
from zvol.recovery.batch import Batch
from zvol.recovery.crew import Crew, Done
from zvol.recovery.gate import Gate
from zvol.recovery.states import Job, Look, Phase, Sight
from zvol.recovery.track import Track, fault_of, job_of, sight_of
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.zstack.client import Client

BATCH: Final = 100
"""Volumes a read."""

PATIENCE: Final = 10.0
"""Seconds for which a volume is read again after the server said done."""

SLOW: Final = 5.0
"""Seconds after which a job of a large batch is asked."""

PACE: Final = 0.2
"""Seconds between two reads of a large batch."""

GRACE: Final = 3
"""Looks at the job of a volume that is back, so as to learn whether it was our own doing."""

ENDED: Final = (Job.DONE, Job.REFUSED, Job.SESSION)


class Watcher:
    """One read at a time; jobs are asked beside it."""

    def __init__(
        self, batch: Batch, client: Client, crew: Crew, gate: Gate, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self.batch, self.client, self.crew, self.gate = batch, client, crew, gate
        self.clock, self.jitter = clock, jitter
        self._reading = False
        self._denied = False
        self._next_read = 0.0

    def tick(self, now: float) -> None:
        """Start the looks that are due; while the gate is closed, one read goes first and everybody else waits."""
        if not self.gate.open:
            if now >= self.gate.until and not self.crew.busy:
                self._probe(now)
            return
        due = [t for t in self.batch.watched.values() if not t.busy and t.next_look <= now]
        reads = []
        for track in due:
            if self._wants_job(track, now):
                self._ask(track)
            else:
                reads.append(track)
        if not self._reading and now >= self._next_read:
            self._read((reads or list(self.batch.starting))[:BATCH], now)

    def due(self) -> float:
        """Return the monotonic time of the next look; infinity when there is none."""
        if self._reading or (self.crew.busy and not self.gate.open):
            return float("inf")
        if not self.gate.open:
            return self.gate.until
        times = [track.next_look for track in self.batch.watched.values() if not track.busy]
        if self.batch.starting:
            times.append(0.0)
        return max(min(times, default=float("inf")), self._next_read)

    def _probe(self, now: float) -> None:
        waiting = sorted((t for t in self.batch.watched.values() if not t.busy), key=lambda t: t.next_look)
        candidates = waiting or [*self.batch.starting] or [*self.batch.outbox] or self.batch.ready
        self._read(candidates[:BATCH], now)

    # ---- the job -------------------------------------------------------------------------------------------------
    def _wants_job(self, track: Track, now: float) -> bool:
        if track.job_asked or track.job_seen in ENDED:
            return False
        if track.phase is Phase.SETTLE:
            return bool(track.prior)
        if track.phase is not Phase.WATCH:
            return False
        slow = track.answered_at is not None and now - track.answered_at > SLOW
        return self.batch.small or self._denied or slow

    def _ask(self, track: Track) -> None:
        job = track.prior[0] if track.phase is Phase.SETTLE else track.job
        assert job is not None
        track.busy = True
        self.crew.do(lambda: self.client.job(job), lambda done: self._asked(track, job, done))

    def _asked(self, track: Track, job: str, done: Done) -> None:
        """Take in what the job said; the volume is read after that."""
        if done.error is not None:
            raise done.error
        track.busy = False
        track.job_asked = True
        track.next_look = self.clock.monotonic()
        answer = done.value
        if isinstance(answer, answers.Unclear):
            self.gate.bad(track.next_look, answer.reason)
            return
        self.gate.good()
        assert isinstance(answer, answers.JOB_ANSWERS)
        seen = job_of(answer, track.uuid)
        if track.phase is Phase.SETTLE:
            self._settled(track, job, seen)
            return
        track.job_seen = seen
        if seen is Job.DONE and track.claimed_at is None:
            track.claimed_at = done.ended
        if isinstance(answer, answers.Failed):
            track.trouble = words.from_answer(answer, fault_of(answer))

    def _settled(self, track: Track, job: str, seen: Job) -> None:
        """One of the intents that an earlier run left open has ended; when all have, this run may begin."""
        if seen not in ENDED:
            return
        track.prior.remove(job)
        if self.batch.journal is not None:
            self.batch.journal.settle(job)
        track.job_asked = bool(not track.prior)
        track.job_seen = Job.NOT_ASKED if track.prior else Job.DONE

    # ---- the volume ----------------------------------------------------------------------------------------------
    def _read(self, tracks: list[Track], now: float) -> None:
        if not tracks:
            return
        self._reading = True
        if not self.batch.small:
            waits = tracks[0].watched and len(tracks) < BATCH  # a full batch is worth its request at any time
            self._next_read = now + PACE if waits else 0.0
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

    def _seen(self, tracks: list[Track], quiet: set[str], done: Done) -> None:
        """Take in a read: of volumes, or of what stood in its way."""
        self._reading = False
        for track in tracks:
            track.busy = False
        now = self.clock.monotonic()
        error = done.error
        if isinstance(error, Weather):
            self._weather(tracks, error, now)
            return
        if error is not None and not isinstance(error, ZvolError):
            raise error
        if isinstance(error, Untrusted):
            self.gate.bad(now, error.message)
        else:
            self.gate.good()
            self._heard(done)
        self._denied = isinstance(error, AuthError)
        if error is not None and self._again_with_new_session(tracks, error):
            return
        found = done.value if isinstance(done.value, Mapping) else {}
        for track in tracks:
            if track.uuid not in self.batch.unsaid:
                continue
            if error is not None:
                self._unseen(track, error, now, quiet=track.uuid in quiet)
            else:
                self._look(track, found.get(track.uuid), done.began, now, quiet=track.uuid in quiet)

    def _heard(self, done: Done) -> None:
        for track in self.batch.watched.values():
            if track.quiet is not None:
                track.quiet.note(done.began, done.ended)

    def _weather(self, tracks: list[Track], error: Weather, now: float) -> None:
        never = error.never_sent
        self.gate.bad(now, error.message, never)
        if never is not None and never.untrusted:
            self.batch.give_up_unsent(words.from_never_sent(never))
        for track in tracks:
            track.look_later(now, self.jitter())

    def _again_with_new_session(self, tracks: list[Track], error: ZvolError) -> bool:
        """Before anything was sent, a session that is not accepted is renewed once and the volumes are read again."""
        unsent = all(track.phase is Phase.START for track in tracks)
        return unsent and isinstance(error, AuthError) and self.batch.renewable and self.batch.renew()

    def _unseen(self, track: Track, error: ZvolError, now: float, *, quiet: bool) -> None:
        """The server answered, and it was not the volume."""
        if track.phase is Phase.START:
            self._leave_start(track)
            outcome = Outcome.FAILED if isinstance(error, Refused) else Outcome.NOT_SENT
            self.batch.end(track, outcome, words.from_error(error))
            return
        track.job_asked = False
        track.look_later(now, self.jitter())
        if isinstance(error, AuthError) and track.watched:
            self.batch.feed(track, Look(Sight.DENIED, job=track.job_seen, quiet=quiet))

    def _look(self, track: Track, volume: Volume | None, began: float, now: float, *, quiet: bool) -> None:
        sight = sight_of(volume)
        track.volume = volume or track.volume
        if track.phase is Phase.START:
            self._leave_start(track)
            if volume is not None and sight is Sight.DELETED and self._decided(track, volume):
                return
        elif not track.watched:
            return
        if sight is Sight.BACK and self._wait_for_job(track, now):
            return
        patience = track.claimed_at is not None and began - track.claimed_at >= PATIENCE
        track.look_later(now, self.jitter())
        track.job_asked = False
        last_op = volume.last_op_date if volume is not None else None
        self.batch.feed(track, Look(sight, last_op, track.job_seen, quiet, patience))

    def _leave_start(self, track: Track) -> None:
        if self.batch.starting and self.batch.starting[0] is track:
            self.batch.starting.popleft()
        else:
            self.batch.starting.remove(track)

    def _decided(self, track: Track, volume: Volume) -> bool:
        """Some deleted volumes are not to be recovered although the server would do it; and a dry run ends here."""
        trouble = words.guard(volume, allow_root=self.batch.options.allow_root)
        if track.meant not in (None, volume.last_op_date):
            trouble = words.CHANGED
        if trouble is not None:
            self.batch.end(track, Outcome.FAILED, trouble)
        elif self.batch.options.dry_run:
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
        track.next_look = now + 0.04 * track.grace
        return True
