"""Reads of volumes in batches, so that one volume's error is its own.

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
from zvol.errors import Refused, TransientError, Untrusted, ZvolError
from zvol.recovery.batch_size import BatchSize
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.read_batch import ReadBatch, ReadResult, look
from zvol.recovery.task import VolumeTask
from zvol.recovery.worker_pool import Done, WorkerPool
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


class VolumeReader:
    """Reads volumes and tells `deliver` what came of it; `left` says for how long a volume may be waited for."""

    def __init__(
        self,
        client: Client,
        pool: WorkerPool,
        breaker: CircuitBreaker,
        clock: Clock,
        left: Callable[[VolumeTask, float], float],
        deliver: Callable[[ReadResult], None],
    ) -> None:
        self.client, self.pool, self.breaker, self.clock = client, pool, breaker, clock
        self.sizes = BatchSize()
        self._left, self._to = left, deliver
        self._busy = Counter[str]()
        self._turn = 0
        self._checks: deque[ReadBatch] = deque()
        self._waiting: dict[str, deque[ReadBatch]] = {"last": deque(), "parts": deque(), "apart": deque()}

    @property
    def size(self) -> int:
        """Return how many volumes one request may name."""
        return self.sizes.size

    @property
    def free(self) -> bool:
        """Tell whether a further read may begin."""
        return self._busy.total() < READS and self.pool.free > 0

    def tick(self) -> None:
        """Go on with the batches that could not be read: one volume of each first, then its parts."""
        while self._checks and (self.pool.free or (self._checks[0].last and self._may("last"))):
            self._start(self._checks.popleft())
        for kind, parts in self._waiting.items():
            open_ = self.breaker.closed or (kind == "last" and self.breaker.open_since is None)
            while parts and open_ and self._may(kind):
                self._start(parts.popleft())

    def read(self, tasks: Sequence[VolumeTask]) -> None:
        """Read these volumes now, those that failed by themselves one by one."""
        together = [task for task in tasks if not task.apart]
        if together:
            self._start(ReadBatch(together))
        for task in tasks:
            if task.apart:
                self._queue(ReadBatch([task], alone=True, apart=True))

    def probe(self, tasks: list[VolumeTask], seconds: float) -> None:
        """Read one volume, if there is one, so as to see whether the server is back."""
        if tasks:
            self._start(ReadBatch(tasks, seconds=seconds))

    def read_last(self, tasks: Sequence[VolumeTask]) -> None:
        """Read volumes whose time is up; where the server is away, one of them tells whether it still is."""
        if tasks and self.breaker.open_since is not None:
            self._suspect(ReadBatch(list(tasks), last=True, seconds=LAST_READ), None)
            return
        together, size = [task for task in tasks if not task.apart], self.sizes.size
        parts = [together[start : start + size] for start in range(0, len(together), size)]
        for part in parts:
            self._queue(ReadBatch(part, last=True, seconds=LAST_READ))
        for task in tasks:
            if task.apart:
                self._queue(ReadBatch([task], alone=True, last=True, seconds=LAST_READ))

    def check(self, task: VolumeTask) -> None:
        """Find out by a read of this volume whether the server is away, after something else about it failed."""
        self._suspect(ReadBatch([task]), None)

    def _pick(self, number: int) -> int:
        """Return a number below `number`, another one each time: the one that was picked may itself be what fails."""
        self._turn += 1
        return self._turn % number

    def _may(self, kind: str) -> bool:
        """Tell whether such a read may begin: the last ones wait for nobody, those that are apart not for all."""
        if kind == "last":
            return self._busy["last"] < READS and (self.pool.free > 0 or not self._busy["last"])
        return self.free and (kind != "apart" or self._busy["apart"] < APART)

    def _queue(self, part: ReadBatch) -> None:
        self._waiting[part.kind].append(part)
        for task in part.tasks:
            task.busy = True

    # ---- one request ---------------------------------------------------------------------------------------------
    def _start(self, part: ReadBatch) -> None:
        self._busy[part.kind] += 1
        now = part.began = self.clock.monotonic()
        part.quiet = frozenset(one.uuid for one in part.tasks if one.quiet is not None and one.quiet.over)
        uuids = [task.uuid for task in part.tasks]
        for task in part.tasks:
            task.busy, task.looked_at = True, now
        longest = max(self._left(task, now) for task in part.tasks)
        seconds = part.seconds if part.last else max(SHORTEST, min(part.seconds, longest))
        read = partial(look, self.client, uuids, seconds)
        self.pool.submit(read, lambda done: self._ended(part, done), beyond=part.last)

    def _ended(self, part: ReadBatch, done: Done) -> None:
        self._busy[part.kind] -= 1
        for task in part.tasks:
            task.busy = False
        error = done.error
        if error is not None and not isinstance(error, ZvolError):
            raise error
        self._blame(part, error)
        if part.of is not None:
            self._checked(part, part.of, done)
        elif error is not None and len(part.tasks) > 1 and _may_be_the_batch(error):
            self._suspect(part, error)
        else:
            self._tell(part, done)

    def _blame(self, part: ReadBatch, error: BaseException | None) -> None:
        """Remember of a volume that it could not be read by itself: the next time it is not the server, if that was up
        meanwhile.
        """
        if error is None:
            for task in part.tasks:
                task.blamed_at = None
        elif len(part.tasks) == 1 and _may_be_the_batch(error):
            [task] = part.tasks
            if task.blamed_at is None:
                task.blamed_at = self.clock.monotonic()
            elif task.blamed_at < self.breaker.closed_at:
                part.alone = True

    def _tell(self, part: ReadBatch, done: Done) -> None:
        """Pass on what came of a part; volumes of which a good answer does not tell are read one by one."""
        volumes, error = _volumes(done), _error(done)
        unclear = [task for task in part.tasks if volumes is not None and task.uuid in volumes.unclear]
        if error is None:
            self.sizes.answered(len(part.tasks), part.case)
        elif part.case is not None:
            self.sizes.ended(part.case, spoilt=True)
        for task in unclear:
            self._queue(ReadBatch([task], alone=True, last=part.last, seconds=part.seconds))
        tasks = [task for task in part.tasks if task not in unclear]
        if tasks:
            self._deliver(part, tasks, done, own=part.alone and error is not None and _may_be_the_batch(error))

    def _deliver(self, part: ReadBatch, tasks: list[VolumeTask], done: Done, *, own: bool = False) -> None:
        began = min(part.began, done.began)
        self._to(
            ReadResult(tasks, part.quiet, began, done.ended, _volumes(done), _error(done), own=own, last=part.last)
        )

    # ---- a batch that could not be read --------------------------------------------------------------------------
    def _suspect(self, part: ReadBatch, error: ZvolError | None, *, but: VolumeTask | None = None) -> None:
        """Have one volume of a batch read by itself, and everything else wait for that."""
        for task in part.tasks:
            task.busy = True
        tasks = [task for task in part.tasks if task is not but]
        tasks = [task for task in tasks if task.blamed_at is None] or tasks
        one = tasks[self._pick(len(tasks))]
        self.breaker.checking += 1
        check = ReadBatch([one], of=part, error=error, again=but is not None, last=part.last, seconds=part.seconds)
        self._checks.append(check)

    def _checked(self, check: ReadBatch, part: ReadBatch, done: Done) -> None:
        """One volume of a batch was read: is the server away, or is it the batch?"""
        self.breaker.checking -= 1
        error = _error(done)
        match _verdict(check, part, error):
            case Verdict.AGAIN:
                self._suspect(part, check.error, but=check.tasks[0])
            case Verdict.AWAY:
                self._away(part, done)
            case Verdict.ALL:
                if part.case is not None:
                    self.sizes.ended(part.case, spoilt=True)
                self._deliver(part, part.tasks, done)
            case Verdict.BATCH:
                others = [task for task in part.tasks if task not in check.tasks]
                if check.error is not None:
                    self._halve(part, others)
                self._deliver(check, check.tasks, done, own=error is not None)
                if check.error is None:
                    self.read_last(others)

    def _halve(self, part: ReadBatch, others: list[VolumeTask]) -> None:
        """Read what is left of a batch that failed."""
        half = (len(others) + 1) // 2
        halves = [tasks for tasks in (others[:half], others[half:]) if tasks]
        case = self.sizes.split(part.case, len(part.tasks), len(halves))
        for tasks in halves:
            smaller = ReadBatch(tasks, case, alone=len(tasks) == 1, last=part.last, seconds=part.seconds)
            self._queue(smaller)

    def _away(self, part: ReadBatch, done: Done) -> None:
        """The server is away: whoever waits in this room goes back to where it came from."""
        waiting = [part, *(check.of for check in self._checks if check.of is not None)]
        self.breaker.checking -= len(self._checks)
        self._checks.clear()
        for parts in self._waiting.values():
            waiting += parts
            parts.clear()
        for one in waiting:
            if one.case is not None:
                self.sizes.ended(one.case, spoilt=True)
            for task in one.tasks:
                task.busy = False
            self._deliver(one, one.tasks, done)


class Verdict(Enum):
    """What the read of one volume says about the batch that it is of, which could not be read."""

    AGAIN = auto()  # nothing yet: another one is read
    AWAY = auto()  # the server is away
    ALL = auto()  # it is the same with all of them
    BATCH = auto()  # it is the batch: its size, or one of the others


def _verdict(check: ReadBatch, part: ReadBatch, error: ZvolError | None) -> Verdict:
    if error is None or check.alone:
        return Verdict.BATCH
    if not _may_be_the_batch(error):
        return Verdict.AWAY if isinstance(error, TransientError) else Verdict.ALL
    another = not check.again and len(part.tasks) > 1
    if isinstance(error, TransientError):  # the one may itself be what fails, where a moment ago others did not
        return Verdict.AGAIN if another and (part.case is not None or part.last) else Verdict.AWAY
    if type(error) is not type(check.error):
        return Verdict.BATCH
    return Verdict.AGAIN if another else Verdict.ALL


def _may_be_the_batch(error: BaseException) -> bool:
    """Tell whether an error may concern this very request; what never left, or has no session, does not."""
    if isinstance(error, TransientError):
        return error.never_sent is None
    return isinstance(error, Refused | Untrusted)


def _error(done: Done) -> ZvolError | None:
    return done.error if isinstance(done.error, ZvolError) else None


def _volumes(done: Done) -> Volumes | None:
    return done.value if isinstance(done.value, Volumes) else None
