"""Claims, intents and PUTs: everything that is done before a volume is watched."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import Exit, LocalState
from zvol.model import Trouble
from zvol.recovery import sightings, words
from zvol.recovery.batch import Batch
from zvol.recovery.claimant import Claimant
from zvol.recovery.crew import Crew, Done
from zvol.recovery.gate import Gate
from zvol.recovery.records import Identity, Intent
from zvol.recovery.states import Answered, Look, Phase, Put, Sight, Written
from zvol.recovery.track import FIRST_ASK, FIRST_LOOK, FRESH, Seen, Track, deletion_of, fault_of, put_of
from zvol.recovery.waits import Waits
from zvol.zstack import answers
from zvol.zstack.client import PUT_SECONDS, NotSent

if TYPE_CHECKING:
    from zvol.recovery.journal import Journal
    from zvol.zstack.client import Client

GROUP: Final = 64
"""Intents a commit."""

OPEN_LIMIT: Final = 256
"""Volumes that may keep the server busy at the same time.

Those whose PUT was not answered, or was on its way when the server went down, only wait: they are not counted.
"""

LATE_TRIES: Final = 3
"""Tries in a row to send a PUT that took too long, after which it is not tried again."""

LONG: Final = 1.0
"""Seconds that a commit, or opening a connection, must take at least to be such a try."""

COMMIT_PACE: Final = 1.0
"""Seconds for which a group of intents that is not full may be held back."""


class Sender:
    """Sends each PUT once, with a durable intent before it."""

    def __init__(
        self,
        batch: Batch,
        client: Client,
        crew: Crew,
        gate: Gate,
        clock: Clock,
        open_journal: Callable[[], Journal],
        identity: Identity,
        stopped: Callable[[], bool],
    ) -> None:
        self.batch, self.client, self.crew, self.gate, self.clock = batch, client, crew, gate, clock
        self.waits = Waits(batch.options, client, crew)
        self._claimant = Claimant(batch, self.waits, clock, open_journal, identity)
        self.open_run = self._claimant.open_run
        self._stopped = stopped
        self._flying = 0
        self._outages = 0
        self._committed = -COMMIT_PACE

    @property
    def idle(self) -> bool:
        return not self._flying

    def tick(self, now: float) -> None:
        """Do what can be done now; nothing is sent before every volume was read once."""
        batch, gate = self.batch, self.gate
        if gate.open:
            self.waits.tick(now)
        if batch.first or not gate.open or batch.closing is not None:
            return
        if self._outages != gate.outages:
            self._outages = gate.outages
            batch.open.clear()
        try:
            self._claimant.claim()
            self._prepare()
            self._intend()
        except LocalState as error:
            self.fail(error)
        self._send()

    def _fresh(self, track: Track) -> bool:
        """Tell whether a PUT may leave on the last read as of this moment: the journal may have taken long."""
        return track.fresh(self.clock.monotonic())

    def _send(self) -> None:
        """Let PUTs leave while there are free places."""
        batch = self.batch
        places = self.gate.places(self.clock.monotonic(), batch.options.concurrency)
        while batch.outbox and self.crew.free and self._flying < places and not self._stopped():
            for track in batch.pop(batch.outbox, Phase.SENDING):
                if self._fresh(track):
                    self._put(track)
                    break
                batch.take_back(track)

    def fail(self, error: LocalState) -> None:
        """The journal cannot be written: nothing further is sent, what is open is watched to its end."""
        self.batch.local = error
        self.batch.give_up_unsent(Trouble("local", error.message, error.hint, Exit.LOCAL))

    def wants_more(self) -> bool:
        """Tell whether the next of the queue are to be sent soon."""
        batch = self.batch
        room = len(batch.ready) < GROUP and len(batch.open) < OPEN_LIMIT
        return room and batch.closing is None and batch.head() is not None

    # ---- intents -------------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        """Let those of the queue become ready that were read a moment ago."""
        batch = self.batch
        while self.wants_more() and self._fresh(batch.queue[0]) and not batch.queue[0].busy:
            track = batch.queue.popleft()
            batch.feed(track, Look(Sight.DELETED, deletion_of(track.volume)))

    def _intend(self) -> None:
        """Make the next group of intents durable in one commit, once it is worth it."""
        batch, began = self.batch, self.clock.monotonic()
        enough = max(1, min(GROUP, 4 * batch.options.concurrency))
        room = OPEN_LIMIT - len(batch.open)
        full = min(enough, len(batch.ready) + len(batch.queue))
        if not batch.ready or len(batch.outbox) > batch.options.concurrency:
            return
        if min(room, len(batch.ready)) < full and began - self._committed < COMMIT_PACE:
            return
        group = self._group(min(enough, room), enough)
        if not group:
            return
        intents = [(t.run or "", t.uuid, Intent(uuid.uuid4().hex, t.state.episode)) for t in group]
        assert batch.journal is not None
        self._committed = began
        try:
            batch.journal.intend(intents, self.clock.wall())
        except LocalState:
            batch.ready.extendleft(reversed(group))
            raise
        took = self.clock.monotonic() - began
        for track, (_, _, intent) in zip(group, intents, strict=True):
            if self._fresh(track):
                track.new_job(intent.job)
                batch.feed(track, Written())
            else:
                batch.journal.settle(intent.job)
                self._too_late(track, took, f"it took {took:.1f} s to write the journal")

    def _group(self, room: int, most: int) -> list[Track]:
        """Take the next of those that are ready; who has sent before had a place already."""
        batch, group = self.batch, list[Track]()
        for track in batch.pop(batch.ready, Phase.INTENT):
            if not self._fresh(track):
                batch.take_back(track)
                continue
            if len(group) >= (most if track.state.sends else room):
                batch.ready.appendleft(track)
                break
            group.append(track)
        return group

    # ---- PUTs ----------------------------------------------------------------------------------------------------
    def _put(self, track: Track) -> None:
        options, request, job = self.batch.options, track.request, track.job
        read_at, now = track.read_at, self.clock.monotonic()
        if track.deadline is None:
            track.deadline = now + options.timeout
        assert job is not None
        assert read_at is not None
        self._flying += 1
        track.flying, track.since = True, now
        tags, seconds = (request.system_tags, request.user_tags), min(PUT_SECONDS, track.deadline - now)

        def send() -> object:
            return self.client.submit(
                track.uuid, job, options.api_timeout, *tags, fresh_until=read_at + FRESH, seconds=seconds
            )

        self.crew.do(send, lambda done: self._answered(track, job, done))

    def land(self, track: Track, now: float) -> None:
        """Wait no longer for the answer to a PUT, which may act all the same."""
        self._take_in(track, answers.Unclear("no answer yet"), now)

    def _answered(self, track: Track, job: str, done: Done) -> None:
        """Take in what came of a PUT."""
        self._flying -= 1
        if done.error is not None:
            raise done.error
        if track.uuid not in self.batch.unsaid or not track.flying or track.job != job:
            return  # it was given up: "not known" was said, and stays true
        track.flying = False
        answer, now = done.value, self.clock.monotonic()
        if isinstance(answer, NotSent):
            self._not_sent(track, answer, done, now)
            return
        assert isinstance(answer, answers.PUT_ANSWERS)
        if put_of(answer, track.uuid) is Put.UNCLEAR:
            self.gate.bad(now, sightings.answer(answer), began=done.began, put=True)
        else:
            self.gate.good(now, put=True)
            self.batch.clear_at = max(self.batch.clear_at, now)
        self._take_in(track, answer, now)

    def _take_in(self, track: Track, answer: answers.PutAnswer, now: float) -> None:
        """Watch what a PUT does that has ended."""
        put = put_of(answer, track.uuid)
        track.flying = False
        track.put_seen = Seen(sightings.answer(answer), self.clock.wall())
        if put is Put.UNCLEAR:
            self.batch.open.pop(track.uuid, None)
        self._remember(track, answer, now)
        track.late = 0
        track.begin_looking(now, 0.0 if self.batch.small else FIRST_ASK)
        self.batch.agenda.put(track, now + (0.0 if put in (Put.DONE, Put.REFUSED) else FIRST_LOOK))
        self.batch.feed(track, Answered(put))

    def _not_sent(self, track: Track, answer: NotSent, done: Done, now: float) -> None:
        """Not a byte has left: the same intent is good for another try, unless it is a matter of trust."""
        never = answer.never_sent
        track.put_seen = Seen(never.message, self.clock.wall())
        if track.state.sends == 1:
            track.deadline = None
        track.trouble = words.from_never_sent(never)
        if never.untrusted:
            self.batch.feed(track, Answered(Put.NEVER_SENT))
            return
        if self.batch.closing is not None:
            self.batch.give_up(track, self.batch.closing)
            return
        if never.reason == "stale":
            self._too_late(track, done.ended - done.began, never.message)
            return
        self.gate.bad(now, never.message, never, began=done.began, put=True)
        self.batch.outbox.appendleft(track)

    def _too_late(self, track: Track, took: float, why: str) -> None:
        """The PUT could only leave when its read was too old: the volume is read again, but not without end.

        Where nothing took long, the read was nearly too old before: in a large batch that means nothing.
        """
        assert track.read_at is not None
        age = self.clock.monotonic() - track.read_at
        self.batch.take_back(track)
        track.late += took >= LONG
        if track.late >= LATE_TRIES:
            self.batch.give_up(track, words.too_late(LATE_TRIES, age, why))

    def _remember(self, track: Track, answer: answers.PutAnswer, now: float) -> None:
        """Keep the server's words, and begin the quiet time that this answer needs."""
        if isinstance(answer, answers.Accepted):
            track.quiet = self.waits.accepted(now, answer)
        else:
            track.quiet = self.waits.silence(now)
        if isinstance(answer, answers.Done):
            track.claimed_at = now
        if isinstance(answer, answers.Failed | answers.Refusal | answers.Redirected):
            track.trouble = words.from_answer(answer, fault_of(answer))
