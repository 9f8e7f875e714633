"""Reads of volumes in batches, so that one volume's trouble is its own.

When a batch cannot be read, one volume of it is read.  If that is not answered either, the server is away.  If it is,
the rest is halved until only what fails is left: a volume, which is read by itself from then on; or no volume at all,
and then a request may only name as many of them as worked.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import Refused, Untrusted, Weather, ZvolError
from zvol.recovery.crew import Crew, Done
from zvol.recovery.gate import Gate
from zvol.recovery.parts import Part, Read, look
from zvol.recovery.sizes import Sizes
from zvol.recovery.track import Track
from zvol.zstack.volumes import Volumes

if TYPE_CHECKING:
    from zvol.zstack.client import Client

READS: Final = 4
"""Reads at the same time: one that hangs must not keep the others waiting."""

APART: Final = 2
"""Of these, reads of volumes that are read by themselves."""

LAST_READ: Final = 5.0
"""Seconds for the read after which no other comes."""

SHORTEST: Final = 0.5
"""Seconds that any read is given."""


class Reader:
    """Reads volumes and tells `deliver` what came of it; `left` says for how long a volume may be waited for."""

    def __init__(
        self,
        client: Client,
        crew: Crew,
        gate: Gate,
        clock: Clock,
        left: Callable[[Track, float], float],
        deliver: Callable[[Read], None],
    ) -> None:
        self.client, self.crew, self.gate, self.clock = client, crew, gate, clock
        self.sizes = Sizes()
        self._left, self._to = left, deliver
        self._busy = Counter[str]()
        self._turn = 0
        self._checks: deque[Part] = deque()
        self._waiting: dict[str, deque[Part]] = {"last": deque(), "parts": deque(), "apart": deque()}

    @property
    def size(self) -> int:
        """Return how many volumes one request may name."""
        return self.sizes.size

    @property
    def free(self) -> bool:
        """Tell whether a further read may begin."""
        return self._busy.total() < READS and self.crew.free > 0

    def tick(self) -> None:
        """Go on with the batches that could not be read: one volume of each first, then its parts."""
        while self._checks and (self.crew.free or (self._checks[0].last and self._may("last"))):
            self._start(self._checks.popleft())
        for kind, parts in self._waiting.items():
            open_ = self.gate.open or (kind == "last" and self.gate.closed_since is None)
            while parts and open_ and self._may(kind):
                self._start(parts.popleft())

    def read(self, tracks: Sequence[Track]) -> None:
        """Read these volumes now, those that failed by themselves one by one."""
        together = [track for track in tracks if not track.apart]
        if together:
            self._start(Part(together))
        for track in tracks:
            if track.apart:
                self._queue(Part([track], alone=True, apart=True))

    def probe(self, tracks: list[Track], seconds: float) -> None:
        """Read one volume, if there is one, so as to see whether the server is back."""
        if tracks:
            self._start(Part(tracks, seconds=seconds))

    def read_last(self, tracks: Sequence[Track]) -> None:
        """Read volumes whose time is up; where the server is away, one of them tells whether it still is."""
        if tracks and self.gate.closed_since is not None:
            self._suspect(Part(list(tracks), last=True, seconds=LAST_READ), None)
            return
        together, size = [track for track in tracks if not track.apart], self.sizes.size
        parts = [together[start : start + size] for start in range(0, len(together), size)]
        for part in parts:
            self._queue(Part(part, last=True, seconds=LAST_READ))
        for track in tracks:
            if track.apart:
                self._queue(Part([track], alone=True, last=True, seconds=LAST_READ))

    def check(self, track: Track) -> None:
        """Find out by a read of this volume whether the server is away, after something else about it failed."""
        self._suspect(Part([track]), None)

    def _pick(self, number: int) -> int:
        """Return a number below `number`, another one each time: the one that was picked may itself be what fails."""
        self._turn += 1
        return self._turn % number

    def _may(self, kind: str) -> bool:
        """Tell whether such a read may begin: the last ones wait for nobody, those that are apart not for all."""
        if kind == "last":
            return self._busy["last"] < READS and (self.crew.free > 0 or not self._busy["last"])
        return self.free and (kind != "apart" or self._busy["apart"] < APART)

    def _queue(self, part: Part) -> None:
        self._waiting[part.kind].append(part)
        for track in part.tracks:
            track.busy = True

    # ---- one request ---------------------------------------------------------------------------------------------
    def _start(self, part: Part) -> None:
        self._busy[part.kind] += 1
        now = part.began = self.clock.monotonic()
        part.quiet = frozenset(one.uuid for one in part.tracks if one.quiet is not None and one.quiet.over)
        uuids = [track.uuid for track in part.tracks]
        for track in part.tracks:
            track.busy, track.looked_at = True, now
        longest = max(self._left(track, now) for track in part.tracks)
        seconds = part.seconds if part.last else max(SHORTEST, min(part.seconds, longest))
        read = partial(look, self.client, uuids, seconds)
        self.crew.do(read, lambda done: self._ended(part, done), beyond=part.last)

    def _ended(self, part: Part, done: Done) -> None:
        self._busy[part.kind] -= 1
        for track in part.tracks:
            track.busy = False
        error = done.error
        if error is not None and not isinstance(error, Weather | ZvolError):
            raise error
        self._blame(part, error)
        if part.of is not None:
            self._checked(part, part.of, done)
        elif error is not None and len(part.tracks) > 1 and _may_be_the_batch(error):
            self._suspect(part, error)
        else:
            self._tell(part, done)

    def _blame(self, part: Part, error: BaseException | None) -> None:
        """Remember of a volume that it could not be read by itself: the next time it is not the server, if that was up
        meanwhile.
        """
        if error is None:
            for track in part.tracks:
                track.blamed_at = None
        elif len(part.tracks) == 1 and _may_be_the_batch(error):
            [track] = part.tracks
            if track.blamed_at is None:
                track.blamed_at = self.clock.monotonic()
            elif track.blamed_at < self.gate.opened_at:
                part.alone = True

    def _tell(self, part: Part, done: Done) -> None:
        """Pass on what came of a part; volumes of which a good answer does not tell are read one by one."""
        volumes, error = _volumes(done), _error(done)
        unclear = [track for track in part.tracks if volumes is not None and track.uuid in volumes.unclear]
        if error is None:
            self.sizes.answered(len(part.tracks), part.case)
        elif part.case is not None:
            self.sizes.ended(part.case, spoilt=True)
        for track in unclear:
            self._queue(Part([track], alone=True, last=part.last, seconds=part.seconds))
        tracks = [track for track in part.tracks if track not in unclear]
        if tracks:
            self._deliver(part, tracks, done, own=part.alone and error is not None and _may_be_the_batch(error))

    def _deliver(self, part: Part, tracks: list[Track], done: Done, *, own: bool = False) -> None:
        began = min(part.began, done.began)
        self._to(Read(tracks, part.quiet, began, done.ended, _volumes(done), _error(done), own=own, last=part.last))

    # ---- a batch that could not be read --------------------------------------------------------------------------
    def _suspect(self, part: Part, error: Weather | ZvolError | None, *, but: Track | None = None) -> None:
        """Have one volume of a batch read by itself, and everything else wait for that."""
        for track in part.tracks:
            track.busy = True
        tracks = [track for track in part.tracks if track is not but]
        tracks = [track for track in tracks if track.blamed_at is None] or tracks
        one = tracks[self._pick(len(tracks))]
        self.gate.checking += 1
        check = Part([one], of=part, error=error, again=but is not None, last=part.last, seconds=part.seconds)
        self._checks.append(check)

    def _checked(self, check: Part, part: Part, done: Done) -> None:
        """One volume of a batch was read: is the server away, or is it the batch?"""
        self.gate.checking -= 1
        error = _error(done)
        match _verdict(check, part, error):
            case Verdict.AGAIN:
                self._suspect(part, check.error, but=check.tracks[0])
            case Verdict.AWAY:
                self._away(part, done)
            case Verdict.ALL:
                if part.case is not None:
                    self.sizes.ended(part.case, spoilt=True)
                self._deliver(part, part.tracks, done)
            case Verdict.BATCH:
                others = [track for track in part.tracks if track not in check.tracks]
                if check.error is not None:
                    self._halve(part, others)
                self._deliver(check, check.tracks, done, own=error is not None)
                if check.error is None:
                    self.read_last(others)

    def _halve(self, part: Part, others: list[Track]) -> None:
        """Read what is left of a batch that failed."""
        half = (len(others) + 1) // 2
        halves = [tracks for tracks in (others[:half], others[half:]) if tracks]
        case = self.sizes.split(part.case, len(part.tracks), len(halves))
        for tracks in halves:
            smaller = Part(tracks, case, alone=len(tracks) == 1, last=part.last, seconds=part.seconds)
            self._queue(smaller)

    def _away(self, part: Part, done: Done) -> None:
        """The server is away: whoever waits in this room goes back to where it came from."""
        waiting = [part, *(check.of for check in self._checks if check.of is not None)]
        self.gate.checking -= len(self._checks)
        self._checks.clear()
        for parts in self._waiting.values():
            waiting += parts
            parts.clear()
        for one in waiting:
            if one.case is not None:
                self.sizes.ended(one.case, spoilt=True)
            for track in one.tracks:
                track.busy = False
            self._deliver(one, one.tracks, done)


class Verdict(Enum):
    """What the read of one volume says about the batch that it is of, which could not be read."""

    AGAIN = auto()  # nothing yet: another one is read
    AWAY = auto()  # the server is away
    ALL = auto()  # it is the same with all of them
    BATCH = auto()  # it is the batch: its size, or one of the others


def _verdict(check: Part, part: Part, error: Weather | ZvolError | None) -> Verdict:
    if error is None or check.alone:
        return Verdict.BATCH
    if not _may_be_the_batch(error):
        return Verdict.AWAY if isinstance(error, Weather) else Verdict.ALL
    another = not check.again and len(part.tracks) > 1
    if isinstance(error, Weather):  # the one may itself be what fails, where a moment ago others did not
        return Verdict.AGAIN if another and (part.case is not None or part.last) else Verdict.AWAY
    if type(error) is not type(check.error):
        return Verdict.BATCH
    return Verdict.AGAIN if another else Verdict.ALL


def _may_be_the_batch(error: BaseException) -> bool:
    """Tell whether an error may concern this very request; what never left, or has no session, does not."""
    if isinstance(error, Weather):
        return error.never_sent is None
    return isinstance(error, Refused | Untrusted)


def _error(done: Done) -> Weather | ZvolError | None:
    return done.error if isinstance(done.error, Weather | ZvolError) else None


def _volumes(done: Done) -> Volumes | None:
    return done.value if isinstance(done.value, Volumes) else None
