"""Claims, intents and PUTs: everything that is done before a volume is watched."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import Exit, LocalState
from zvol.model import Outcome, Trouble
from zvol.recovery import words
from zvol.recovery.batch import Batch
from zvol.recovery.crew import Crew, Done
from zvol.recovery.gate import Gate
from zvol.recovery.quiet import MARGIN, QuietTime, after_accepted, after_silence
from zvol.recovery.states import Answered, Phase, Put, State, Written
from zvol.recovery.track import Track, fault_of, put_of
from zvol.zstack import answers
from zvol.zstack.client import NotSent
from zvol.zstack.dates import parse_server_date

if TYPE_CHECKING:
    from zvol.recovery.journal import Journal
    from zvol.zstack.client import Client

GROUP: Final = 64
"""Intents a commit."""

OPEN_LIMIT: Final = 256
"""Volumes that may be between their intent and their last word at the same time."""

DEFAULT_API_TIMEOUT: Final = 1800.0
"""Seconds a 5.2.1 allows a recovery when it does not honour the timeout that was asked for."""

TRIED_VERSIONS: Final = ("5.2.",)


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
        origin: str,
        stopped: Callable[[], bool],
    ) -> None:
        self.batch, self.client, self.crew, self.gate, self.clock = batch, client, crew, gate, clock
        self._open_journal = open_journal
        self._origin = origin
        self._stopped = stopped
        self._flying = 0
        self._granted = False
        self._asked_version = False
        self._unsure: list[QuietTime] = []

    @property
    def idle(self) -> bool:
        return not self._flying

    def tick(self, now: float) -> None:
        """Do what can be done now; nothing is sent before every volume was read once."""
        batch = self.batch
        if batch.starting or not self.gate.open or batch.stopping:
            return
        if batch.local is not None:  # a disk may have room again, but what was said is that nothing further is sent
            self.fail(batch.local)
        try:
            self._claim(now)
            self._intend()
        except LocalState as error:
            self.fail(error)
        while batch.outbox and self._flying < batch.options.concurrency and not self._stopped():
            self._put(batch.outbox.popleft(), now)

    def fail(self, error: LocalState) -> None:
        """The journal cannot be written: nothing further is sent, what is open is watched to its end."""
        self.batch.local = error
        self.batch.give_up_unsent(Trouble("local", error.message, error.hint, Exit.LOCAL))

    def _claim(self, now: float) -> None:
        batch = self.batch
        unclaimed = [track for track in batch.ready if not track.claimed]
        if not unclaimed:
            return
        unclaimed.sort(key=urgency)
        if batch.journal is None:
            batch.journal = self._open_journal()
        if batch.run is None:
            batch.run = batch.journal.begin(self._origin, batch.options.remembered(), self.clock.wall())
        wanted = [(track.uuid, track.wanted.asked, track.state.episode) for track in unclaimed]
        busy, prior = batch.journal.claim(batch.run, wanted)
        batch.ready = [track for track in batch.ready if track.claimed]
        for track in unclaimed:
            if track.uuid in busy:
                batch.end(track, Outcome.BUSY, words.busy(busy[track.uuid]))
                continue
            track.claimed = True
            if track.uuid in prior:
                self._settle_first(track, [intent.job for intent in prior[track.uuid]], now)
            else:
                batch.ready.append(track)

    def _settle_first(self, track: Track, jobs: list[str], now: float) -> None:
        track.state = State(phase=Phase.SETTLE, episode=track.state.episode)
        track.prior = jobs
        track.quiet = self.silence(now)
        track.deadline = now + self.batch.options.timeout
        self.batch.soon(track, now, 0.0)
        self.batch.watched[track.uuid] = track

    def _intend(self) -> None:
        """Make the next group of intents durable in one commit, once there is room for it."""
        from zvol.recovery.journal import Intent

        batch = self.batch
        room = OPEN_LIMIT - len(batch.watched) - len(batch.outbox) - self._flying
        if not batch.ready or len(batch.outbox) >= batch.options.concurrency or room <= 0:
            return
        if room < min(GROUP, len(batch.ready)) and self._flying:
            return
        group, batch.ready = batch.ready[: min(GROUP, room)], batch.ready[min(GROUP, room) :]
        jobs = [uuid.uuid4().hex for _ in group]
        assert batch.journal is not None
        assert batch.run is not None
        intents = [(t.uuid, Intent(job, t.state.episode)) for t, job in zip(group, jobs, strict=True)]
        try:
            batch.journal.intend(batch.run, intents, self.clock.wall())
        except LocalState:
            batch.ready = group + batch.ready
            raise
        for track, job in zip(group, jobs, strict=True):
            track.new_job(job)
            batch.feed(track, Written())

    def _put(self, track: Track, now: float) -> None:
        options = self.batch.options
        if track.deadline is None:
            track.deadline = now + options.timeout
        job = track.job
        assert job is not None
        self._flying += 1
        track.busy = True

        def send() -> object:
            return self.client.submit(track.uuid, job, options.api_timeout, options.system_tags, options.user_tags)

        self.crew.do(send, lambda done: self._answered(track, done))

    def _answered(self, track: Track, done: Done) -> None:
        """Take in what came of a PUT."""
        self._flying -= 1
        track.busy = False
        if done.error is not None:
            raise done.error
        answer, now = done.value, self.clock.monotonic()
        track.answered_at = now
        if isinstance(answer, NotSent):
            self._not_sent(track, answer, now)
            return
        assert isinstance(answer, answers.PUT_ANSWERS)
        put = put_of(answer, track.uuid)
        if put is Put.UNCLEAR:
            self.gate.bad(now, answer.reason if isinstance(answer, answers.Unclear) else "an unclear answer")
        else:
            self.gate.good()
        self._remember(track, answer, now)
        self.batch.soon(track, now, 0.0 if put in (Put.DONE, Put.REFUSED) else 0.1)
        self.batch.feed(track, Answered(put))

    def _not_sent(self, track: Track, answer: NotSent, now: float) -> None:
        """Not a byte has left: the same intent is good for another try, unless it is a matter of trust."""
        track.trouble = words.from_never_sent(answer.never_sent)
        if answer.never_sent.untrusted:
            self.batch.feed(track, Answered(Put.NEVER_SENT))
            return
        self.gate.bad(now, answer.never_sent.message, answer.never_sent)
        self.batch.outbox.appendleft(track)

    def _remember(self, track: Track, answer: answers.PutAnswer, now: float) -> None:
        """Keep the server's words, and begin the quiet time that this answer needs."""
        if isinstance(answer, answers.Accepted):
            granted = answer.api_timeout or DEFAULT_API_TIMEOUT
            if granted <= self.batch.options.api_timeout:
                self._grant()
            track.quiet = after_accepted(now, granted)
        else:
            track.quiet = self.silence(now)
        if isinstance(answer, answers.Done):
            track.claimed_at = now
        if isinstance(answer, answers.Failed | answers.Refusal | answers.Redirected):
            track.trouble = words.from_answer(answer, fault_of(answer))

    # ---- how long an unanswered PUT may act ----------------------------------------------------------------------
    def silence(self, now: float) -> QuietTime:
        """Return the quiet time of an unanswered PUT; the timeout asked for counts only where it is honoured."""
        options = self.batch.options
        quiet = after_silence(now, options.settle_wait, options.api_timeout if self._granted else DEFAULT_API_TIMEOUT)
        if not self._granted:
            self._unsure.append(quiet)
            self._ask_version()
        return quiet

    def _grant(self) -> None:
        """This server honours the timeout that is asked for."""
        self._granted = True
        for quiet in self._unsure:
            quiet.parts = (*quiet.parts[:-1], self.batch.options.api_timeout + MARGIN)
        self._unsure.clear()

    def _ask_version(self) -> None:
        if not self._asked_version:
            self._asked_version = True
            self.crew.do(self.client.version, self._versioned)

    def _versioned(self, done: Done) -> None:
        self._asked_version = done.value is not None
        if isinstance(done.value, str) and done.value.startswith(TRIED_VERSIONS):
            self._grant()

    def retry_version(self) -> None:
        """Ask again for the version that could not be had while the server was away."""
        if self._unsure:
            self._ask_version()


def urgency(track: Track) -> tuple[bool, str, int]:
    """Sort by deadline: the oldest deletion is destroyed first; an unreadable date counts as the oldest."""
    date = parse_server_date(track.state.episode or "")
    return (date is not None, date.isoformat() if date else "", track.wanted.order)
