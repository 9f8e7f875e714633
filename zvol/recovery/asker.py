"""Looks at jobs, where the volume alone does not tell what has become of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.recovery import sightings, words
from zvol.recovery.batch import Batch
from zvol.recovery.crew import Crew, Done
from zvol.recovery.gate import Gate
from zvol.recovery.parts import READ_SECONDS
from zvol.recovery.reader import SHORTEST
from zvol.recovery.states import Job, Phase
from zvol.recovery.track import Seen, Track, fault_of, job_of
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.zstack.client import Client

ASKS: Final = 8
"""Jobs of a large batch that are asked at the same time."""

LONGEST_ASK: Final = 60.0
"""Seconds between two looks at the job of a volume that does not come back."""

NO_NEWS: Final = 1.0
"""Seconds for which no further job of a large batch is asked when one was still running: the others will be, too."""

ENDED: Final = (Job.DONE, Job.REFUSED, Job.SESSION)


class Asker:
    """In a small batch each job is asked before each read; in a large one, when its volume does not come back, and
    some at first: what they say tells whether it is worth while to ask the others.
    """

    def __init__(
        self, batch: Batch, client: Client, crew: Crew, gate: Gate, clock: Clock, check: Callable[[Track], None]
    ) -> None:
        self.batch, self.client, self.crew, self.gate, self.clock = batch, client, crew, gate, clock
        self._check = check
        self._hurried = False
        self._asking = 0
        self._paused = 0.0
        self._waiting: deque[Track] = deque()

    def wants(self, track: Track, now: float) -> bool:
        """Tell whether the job is to be asked before the volume is read."""
        if track.job_asked or track.job_seen in ENDED or track.mute:
            return False
        if track.phase is not Phase.WATCH and not (track.phase is Phase.SETTLE and track.prior):
            return False
        if self.batch.small:
            return True
        never = track.job_seen is Job.NOT_ASKED
        return now >= self._paused and (now >= track.next_ask or (self.batch.denied and never))

    def want(self, track: Track) -> None:
        """Ask the job of a volume as soon as there is a place."""
        self._waiting.append(track)

    def tick(self) -> None:
        """Ask those that wait, while there are places."""
        places = self.batch.options.concurrency if self.batch.small else ASKS
        while self._waiting and self.crew.free and self._asking < places:
            track = self._waiting.popleft()
            if track.uuid in self.batch.unsaid:
                self._ask(track)

    def release(self, now: float) -> None:
        """Ask nobody now; those that waited are looked at like all others."""
        while self._waiting:
            track = self._waiting.popleft()
            if track.uuid in self.batch.unsaid:
                self.batch.agenda.put(track, now)

    def _ask(self, track: Track) -> None:
        """Ask the job of the last PUT, or of one that an earlier run left open."""
        job = track.prior[0] if track.phase is Phase.SETTLE else track.job
        assert job is not None
        track.busy = True
        self._asking += 1
        seconds = max(SHORTEST, min(READ_SECONDS, self.batch.time_left(track, self.clock.monotonic())))
        self.crew.do(lambda: self.client.job(job, seconds), lambda done: self._asked(track, job, done))

    def _asked(self, track: Track, job: str, done: Done) -> None:
        """Take in what the job said; the volume is read after that."""
        self._asking -= 1
        if done.error is not None:
            raise done.error
        now = self.clock.monotonic()
        track.busy, track.job_asked = False, True
        track.next_ask, track.ask_wait = now + track.ask_wait, min(LONGEST_ASK, track.ask_wait * 2)
        if track.uuid not in self.batch.unsaid:
            return
        answer = done.value
        track.job_last_seen = Seen(sightings.answer(answer), self.clock.wall())
        if isinstance(answer, answers.Unclear):
            self._unclear(track, now)
            return
        self.batch.agenda.put(track, now)
        self.gate.good(now)
        assert isinstance(answer, answers.JOB_ANSWERS)
        seen = job_of(answer, track.uuid)
        if track.phase is Phase.SETTLE:
            self._settled(track, job, seen, now)
            return
        track.job_seen = seen
        if seen not in ENDED and not self.batch.small:
            self._paused = now + NO_NEWS
            self.release(now)
        if seen is Job.SESSION:
            self._hurry(now)
        if seen in ENDED:
            self.batch.clear_at = max(self.batch.clear_at, now)
        if seen is Job.DONE and track.claimed_at is None:
            track.claimed_at = done.ended
        if isinstance(answer, answers.Failed):
            track.trouble = words.from_answer(answer, fault_of(answer))

    def _unclear(self, track: Track, now: float) -> None:
        """Whether the server is away, or only cannot tell of this job, a read of the volume shows."""
        if not self.batch.small:
            self._paused = now + NO_NEWS
            self.release(now)
        if track.apart or not self.gate.open:
            self.batch.agenda.put(track, now)
        else:
            self._check(track)

    def _hurry(self, now: float) -> None:
        """Ask all other jobs now, once a run: those sent before the session ended have found none either."""
        if self._hurried:
            return
        self._hurried = True
        for track in list(self.batch.agenda):
            if track.phase is Phase.WATCH and track.job_seen is Job.NOT_ASKED:
                track.next_ask = now
                if not track.busy and track not in self._waiting:
                    self.batch.agenda.put(track, now)

    def _settled(self, track: Track, job: str, seen: Job, now: float) -> None:
        """One of the intents that an earlier run left open has ended; when all have, this run may begin."""
        if seen not in ENDED:
            return
        track.prior.remove(job)
        if self.batch.journal is not None:
            self.batch.journal.settle(job)
        track.job_asked = not track.prior
        track.job_seen = Job.NOT_ASKED if track.prior else Job.DONE
        track.next_ask = now
