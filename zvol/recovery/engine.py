"""Drives the protocol of many volumes at once: one coordinator that decides, a crew that waits for the server.

Everything but the requests themselves runs in the caller's thread; what the crew brings back is taken from the inbox.
So there are no locks, and a signal handler may call `stop` at any time.
"""

from __future__ import annotations

import math
import queue
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import LocalState
from zvol.model import Outcome, Result
from zvol.recovery import words
from zvol.recovery.after import After
from zvol.recovery.batch import Batch
from zvol.recovery.crew import Crew, Done
from zvol.recovery.ending import LAST_WATCH, Ending
from zvol.recovery.gate import WEATHER_SECONDS, Gate
from zvol.recovery.protocol import resumed
from zvol.recovery.pulse import Observer, pulse
from zvol.recovery.records import Identity
from zvol.recovery.request import NOTHING_SPECIAL, Request
from zvol.recovery.sender import Sender
from zvol.recovery.states import Phase, State
from zvol.recovery.track import FIRST_LOOK, Options, Track, Wanted
from zvol.recovery.watcher import Watcher
from zvol.zstack.dates import comparable

if TYPE_CHECKING:
    from zvol.recovery.journal import Journal, Left
    from zvol.zstack.client import Client

HEARTBEAT: Final = 1.0
"""Seconds the coordinator sleeps at most."""


class Engine:
    """Recovers volumes; a batch of one is a batch."""

    def __init__(
        self,
        client: Client,
        options: Options,
        open_journal: Callable[[], Journal],
        clock: Clock,
        *,
        identity: Identity,
        renew: Callable[[], bool] | None = None,
        elsewhere: Callable[[str], bool] | None = None,
        observer: Observer | None = None,
        began: float | None = None,
        crew: Callable[[int, queue.SimpleQueue[Done | None], Callable[[], float]], Crew] = Crew,
    ) -> None:
        self.client, self.options, self.clock = client, options, clock
        self.identity = identity
        self._began = began
        self.run_id: str | None = None
        self.left: list[Track] = []
        self.lost: LocalState | None = None
        self._open_journal = open_journal
        self._renew = renew
        self._elsewhere = elsewhere
        self._observer = observer
        self._crew = crew
        self._random = random.Random()  # noqa: S311  (jitter)
        self._stops = 0
        self._inbox: queue.SimpleQueue[Done | None] = queue.SimpleQueue()

    def recover(self, wanted: Sequence[Wanted], request: Request = NOTHING_SPECIAL) -> Iterator[Result]:
        """Bring volumes back; yield each one's result as soon as it is known."""
        tracks = [Track(want, request, state=State(episode=comparable(want.shown))) for want in wanted]
        return self._drive(Batch(tracks, self.options, self._renew))

    def resume(self, journal: Journal, left: Sequence[Left]) -> Iterator[Result]:
        """Settle and finish what interrupted runs left open, all together; `left` is what `Journal.adopt` returned."""
        now, mine = self.clock.monotonic(), [volume for volume in left if volume.holder is None]
        back = [volume for volume in mine if volume.state == "followups"]
        tracks = [self._resumed(volume, order, now) for order, volume in enumerate(mine) if volume not in back]
        batch = Batch(tracks, self.options, self._renew)
        batch.journal, batch.runs = journal, list(dict.fromkeys(volume.run for volume in left))
        for volume in left:
            if volume.holder is not None:
                trouble = words.busy(volume.holder, self.identity)
                batch.results.append(Result(volume.asked, volume.uuid, Outcome.BUSY, trouble=trouble))
        return self._drive(batch, back)

    def _resumed(self, volume: Left, order: int, now: float) -> Track:
        track = Track(
            Wanted(volume.asked, volume.uuid, order), volume.request, volume.run, held=volume.held, claimed=True
        )
        track.followups = volume.followups
        own = [intent for intent in volume.intents if not intent.inherited]
        track.state = State(episode=comparable(volume.last_op), foreign=volume.foreign)  # the deletion that was meant
        if own:
            track.state = replace(resumed(comparable(own[-1].last_op)), foreign=volume.foreign)
            track.new_job(own[-1].job)
            track.mute = volume.foreign or len(own) < len(volume.intents)
        elif volume.intents or volume.foreign:
            track.state = replace(track.state, phase=Phase.SETTLE)
            track.prior = [] if volume.foreign else [intent.job for intent in volume.intents]
        if track.phase is not Phase.START:
            track.deadline = now + self.options.timeout
            track.begin_looking(now, FIRST_LOOK)
        return track

    def stop(self) -> None:
        """Send nothing new, watch what is open for a little longer, then end; the second call ends it at once.

        May be called from a signal handler.
        """
        self._stops += 1
        self._inbox.put(None)

    # ---- the loop ------------------------------------------------------------------------------------------------
    def _drive(self, batch: Batch, back: Sequence[Left] = ()) -> Iterator[Result]:
        gate = Gate(self._jitter, WEATHER_SECONDS if self.options.timeout > WEATHER_SECONDS else math.inf)
        batch.clear_at = self.clock.monotonic() if self._began is None else self._began
        crew = self._crew(self.options.concurrency, self._inbox, self.clock.monotonic)
        stopped = lambda: self._stops > 0  # noqa: E731  (a signal may come while the journal is written)
        sender = Sender(batch, self.client, crew, gate, self.clock, self._open_journal, self.identity, stopped)
        if self._elsewhere is not None:
            batch.elsewhere = lambda uuid: self._sent_elsewhere(uuid, sender)
        watcher = Watcher(batch, self.client, crew, gate, self.clock, self._jitter)
        after = After(batch, self.client, crew, self.clock, self._jitter, sender)
        ending = Ending(batch, watcher.reader, gate, after, sender.land)
        for track in batch.agenda:
            track.quiet = sender.waits.silence(self.clock.monotonic())
        for volume in back:
            after.resume(volume)
        try:
            yield from self._say(batch)
            while batch.unsaid or after.open:
                self._tick(batch, gate, sender, watcher, ending)
                yield from self._say(batch)
                if batch.unsaid or after.open:
                    due = min(watcher.due(), after.due(), ending.due()) - self.clock.monotonic()
                    crew.wait(self.clock, min(HEARTBEAT, max(0.0, due)))
                yield from self._say(batch)  # what is known does not wait for the journal
        finally:
            crew.dismiss()
            self._close(batch)

    def _tick(self, batch: Batch, gate: Gate, sender: Sender, watcher: Watcher, ending: Ending) -> None:
        now = self.clock.monotonic()
        self.run_id = batch.run
        if self._stops:
            self._stop(batch, ending, now)
        ending.tick(now)
        if gate.hopeless() and sender.idle and not any(track.watched for track in batch.agenda):
            batch.give_up_unsent(words.unreachable(gate.reason, gate.never_sent))
        watcher.tick(now, ahead=sender.wants_more())
        ending.after.tick(now)
        sender.tick(now)
        self._tell_lost(batch)
        if self._observer is not None:
            self._observer.tick(lambda: pulse(batch, gate, self.clock.monotonic(), ending.after))

    def _stop(self, batch: Batch, ending: Ending, now: float) -> None:
        """After the first signal nothing new is sent, after the second nothing is waited for."""
        if not batch.stopping:
            batch.stopping = True
            batch.give_up_unsent(words.stopped(in_journal=bool(batch.runs)))
            ending.stop(now)
            if (batch.unsaid or ending.after.open) and self._stops == 1 and self._observer is not None:
                self._observer.stopping(LAST_WATCH)
        if self._stops > 1:
            for track in [*batch.unsaid.values()]:
                batch.give_up(track, words.stopped(in_journal=bool(batch.runs)))
            ending.after.stop(now, 0.0)

    def _say(self, batch: Batch) -> Iterator[Result]:
        while batch.results:
            yield batch.results.popleft()

    def _close(self, batch: Batch) -> None:
        """Write down what was said."""
        self.run_id, self.left = batch.run, batch.left
        if batch.journal is not None and batch.runs:
            try:
                batch.journal.finish(self.clock.wall(), *batch.runs)
            except LocalState as error:
                batch.local = batch.local or error
        self._tell_lost(batch)

    def _tell_lost(self, batch: Batch) -> None:
        """When the journal cannot be written, tell at once and once what is open, for nothing else may remember it."""
        if batch.local is None or self.lost is not None:
            return
        self.lost = batch.local
        if self._observer is not None:
            tracks = [*batch.unsaid.values(), *batch.unknown]
            jobs = [(track.uuid, track.job) for track in tracks if track.job is not None]
            unsent = sum(one.trouble is not None and one.trouble.kind == "local" for one in batch.results)
            self._observer.journal_lost(batch.local, jobs, unsent)

    def _sent_elsewhere(self, uuid: str, sender: Sender) -> bool:
        """Look into the journal; where that cannot be read, nothing further is sent."""
        assert self._elsewhere is not None
        try:
            return self._elsewhere(uuid)
        except LocalState as error:
            sender.fail(error)
            return False

    def _jitter(self) -> float:
        return self._random.uniform(0.75, 1.25)
