"""Reads volumes in batches, so that one failing volume does not stop the others.

When a batch cannot be read, one volume of it is read.  If that is not answered either, the server is away.  If it is,
the rest is halved until the cause is found: a volume, which is read by itself from then on; or no single volume,
and then a request names no more volumes than worked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Final

from zvol.errors import Refused, TransientError, Untrusted, ZvolError
from zvol.recovery.context import EngineContext
from zvol.recovery.poll_limit import PollKind, PollLimit
from zvol.recovery.read_batch import BatchSize, ReadBatch, ReadResult, read_resources
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.recovery.worker_pool import WorkResult
from zvol.resource import Resource
from zvol.zstack.resources import Resources

LAST_READ: Final = 5.0
"""Seconds for a final read."""

SHORTEST_READ: Final = 0.5
"""Timeout of a poll in seconds."""


class VolumeReader:
    """Reads volumes, and calls `deliver` with the result of each part."""

    def __init__(
        self, context: EngineContext, tasks: Tasks, limit: PollLimit, deliver: Callable[[ReadResult], None]
    ) -> None:
        self._context, self._tasks, self._limit, self._deliver_to = context, tasks, limit, deliver
        self._sizes = BatchSize()
        self._turn = 0
        self._checks: deque[ReadBatch] = deque()
        self._waiting: dict[PollKind, deque[ReadBatch]] = {
            PollKind.LAST: deque(),
            PollKind.READ: deque(),
            PollKind.ALONE: deque(),
        }

    @property
    def size(self) -> int:
        """The maximum number of volumes that one request names."""
        return self._sizes.size

    def tick(self) -> None:
        """Continue with the batches that could not be read: one volume of each first, then its parts."""
        breaker = self._context.breaker
        while self._checks and (self._limit.free(PollKind.PROBE) or self._limit.free(self._checks[0].kind)):
            self._start(self._checks.popleft())
        for kind, parts in self._waiting.items():
            answers = breaker.closed or (kind is PollKind.LAST and breaker.open_since is None)
            while parts and answers and self._limit.free(kind):
                self._start(parts.popleft())

    def read(self, tasks: Sequence[VolumeTask]) -> None:
        """Read these volumes now, those that failed by themselves one by one."""
        for number, together in enumerate(_by_kind(task for task in tasks if not task.read_alone)):
            if number:  # the other kind waits for a place
                self._queue(ReadBatch(together))
            else:
                self._start(ReadBatch(together))
        for task in tasks:
            if task.read_alone:
                self._queue(ReadBatch([task], own_fault=True, alone=True))

    def probe(self, tasks: list[VolumeTask], seconds: float) -> None:
        """Read one volume, if there is one, to see whether the server is back."""
        if tasks:
            self._start(ReadBatch(tasks, seconds=seconds))

    def read_last(self, tasks: Sequence[VolumeTask]) -> None:
        """Read volumes whose deadline passed; while the server is away, read one of them to see whether it still is."""
        if tasks and self._context.breaker.open_since is not None:
            self._suspect(ReadBatch(list(tasks), last=True, seconds=LAST_READ), None)
            return
        size = self._sizes.size
        for together in _by_kind(task for task in tasks if not task.read_alone):
            for start in range(0, len(together), size):
                self._queue(ReadBatch(together[start : start + size], last=True, seconds=LAST_READ))
        for task in tasks:
            if task.read_alone:
                self._queue(ReadBatch([task], own_fault=True, last=True, seconds=LAST_READ))

    def check(self, task: VolumeTask) -> None:
        """Find out by a read of this volume whether the server is away, after something else about it failed."""
        self._suspect(ReadBatch([task]), None)

    def _pick(self, number: int) -> int:
        """Return a number below `number`, a different one each time: the chosen volume may itself be the cause."""
        self._turn += 1
        return self._turn % number

    def _queue(self, part: ReadBatch) -> None:
        self._waiting[part.kind].append(part)
        self._tasks.poll_begins(part.tasks)

    # ---- one request ---------------------------------------------------------------------------------------------
    def _start(self, part: ReadBatch) -> None:
        self._limit.begin(part.kind)
        now = self._context.clock.monotonic()
        part.starts(now)
        self._tasks.poll_begins(part.tasks, now)
        longest = max(self._tasks.time_left(task, now) for task in part.tasks)
        seconds = part.seconds if part.last else max(SHORTEST_READ, min(part.seconds, longest))
        uuids = [task.uuid for task in part.tasks]
        read = partial(read_resources, self._context.client, uuids, seconds, kind=part.tasks[0].kind)
        self._context.pool.submit(read, lambda done: self._ended(part, done), beyond=part.last)

    def _ended(self, part: ReadBatch, done: WorkResult) -> None:
        self._limit.end(part.kind)
        self._tasks.poll_ends(part.tasks)
        error = done.error
        if error is not None and not isinstance(error, ZvolError):
            raise error
        own_fault = self._own_fault(part, error)
        if part.of is not None:
            self._checked(part, part.of, done, own_fault=own_fault)
        elif error is not None and len(part.tasks) > 1 and _may_be_the_batch(error):
            self._suspect(part, error)
        else:
            self._report(part, done, own_fault=own_fault)

    def _own_fault(self, part: ReadBatch, error: BaseException | None) -> bool:
        """Tell whether a failure is the volume's own: it failed by itself before, and the server answered since."""
        if error is None:
            self._tasks.suspect(part.tasks, None)
        elif len(part.tasks) == 1 and _may_be_the_batch(error):
            [task] = part.tasks
            if task.suspected_at is None:
                self._tasks.suspect([task], self._context.clock.monotonic())
            elif task.suspected_at < self._context.breaker.closed_at:
                return True
        return part.own_fault

    def _report(self, part: ReadBatch, done: WorkResult, *, own_fault: bool) -> None:
        """Deliver the result of a part; volumes that a good answer does not show clearly are read one by one."""
        resources, error = _resources(done), _error(done)
        unclear = [task for task in part.tasks if resources is not None and task.uuid in resources.unclear]
        if error is None:
            self._sizes.answered(len(part.tasks), part.failed)
        elif part.failed is not None:
            self._sizes.ended(part.failed, inconclusive=True)
        for task in unclear:
            self._queue(ReadBatch([task], own_fault=True, last=part.last, seconds=part.seconds))
        tasks = [task for task in part.tasks if task not in unclear]
        if tasks:
            self._deliver(part, tasks, done, own=own_fault and error is not None and _may_be_the_batch(error))

    def _deliver(self, part: ReadBatch, tasks: list[VolumeTask], done: WorkResult, *, own: bool = False) -> None:
        began = min(part.began, done.began)
        self._deliver_to(
            ReadResult(tasks, part.quiet, began, done.ended, _resources(done), _error(done), own=own, last=part.last)
        )

    # ---- a batch that could not be read --------------------------------------------------------------------------
    def _suspect(self, part: ReadBatch, error: ZvolError | None, *, besides: VolumeTask | None = None) -> None:
        """Read one volume of a batch by itself, another one than `besides`; everything else waits for that."""
        self._tasks.poll_begins(part.tasks)
        tasks = [task for task in part.tasks if task is not besides]
        tasks = [task for task in tasks if task.suspected_at is None] or tasks
        one = tasks[self._pick(len(tasks))]
        self._context.breaker.check_begins()
        check = ReadBatch([one], of=part, error=error, again=besides is not None, last=part.last, seconds=part.seconds)
        self._checks.append(check)

    def _checked(self, check: ReadBatch, part: ReadBatch, done: WorkResult, *, own_fault: bool) -> None:
        """Continue with a failed batch by what the read of one of its volumes shows."""
        self._context.breaker.check_ends()
        error = _error(done)
        match _cause(check, part, error, own_fault=own_fault):
            case Cause.UNDECIDED:
                self._suspect(part, check.error, besides=check.tasks[0])
            case Cause.SERVER:
                self._server_down(part, done)
            case Cause.ALL_VOLUMES:
                if part.failed is not None:
                    self._sizes.ended(part.failed, inconclusive=True)
                self._deliver(part, part.tasks, done)
            case Cause.BATCH:
                others = [task for task in part.tasks if task not in check.tasks]
                if check.error is not None:
                    self._halve(part, others)
                self._deliver(check, check.tasks, done, own=error is not None)
                if check.error is None:
                    self.read_last(others)

    def _halve(self, part: ReadBatch, others: list[VolumeTask]) -> None:
        """Read the rest of a batch that failed."""
        half = (len(others) + 1) // 2
        halves = [tasks for tasks in (others[:half], others[half:]) if tasks]
        failed = self._sizes.split(part.failed, len(part.tasks), len(halves))
        for tasks in halves:
            smaller = ReadBatch(tasks, failed, own_fault=len(tasks) == 1, last=part.last, seconds=part.seconds)
            self._queue(smaller)

    def _server_down(self, part: ReadBatch, done: WorkResult) -> None:
        """Return all waiting volumes to their places: the server is away."""
        waiting = [part, *(check.of for check in self._checks if check.of is not None)]
        self._context.breaker.check_ends(len(self._checks))
        self._checks.clear()
        for parts in self._waiting.values():
            waiting += parts
            parts.clear()
        for one in waiting:
            if one.failed is not None:
                self._sizes.ended(one.failed, inconclusive=True)
            self._tasks.poll_ends(one.tasks)
            self._deliver(one, one.tasks, done)


def _by_kind(tasks: Iterable[VolumeTask]) -> list[list[VolumeTask]]:
    """Return the tasks of each kind: a request reads resources of one kind."""
    parts: dict[str, list[VolumeTask]] = {}
    for task in tasks:
        parts.setdefault(task.kind.name, []).append(task)
    return [*parts.values()]


class Cause(Enum):
    """Why a batch could not be read, judged by the read of one of its volumes."""

    UNDECIDED = auto()  # another one is read
    SERVER = auto()  # the server is away
    ALL_VOLUMES = auto()  # each of them fails in the same way
    BATCH = auto()  # the size of the batch, or one of the others


def _cause(check: ReadBatch, part: ReadBatch, error: ZvolError | None, *, own_fault: bool) -> Cause:
    if error is None or own_fault:
        return Cause.BATCH
    if not _may_be_the_batch(error):
        return Cause.SERVER if isinstance(error, TransientError) else Cause.ALL_VOLUMES
    another = not check.again and len(part.tasks) > 1
    if isinstance(error, TransientError):  # this volume may itself be the cause, if others were read a moment ago
        return Cause.UNDECIDED if another and (part.failed is not None or part.last) else Cause.SERVER
    if type(error) is not type(check.error):
        return Cause.BATCH
    return Cause.UNDECIDED if another else Cause.ALL_VOLUMES


def _may_be_the_batch(error: BaseException) -> bool:
    """Tell whether an error may concern this very request; what never left, or has no session, does not.

    Neither does an answer that says for how long to wait: it concerns all requests.
    """
    if isinstance(error, TransientError):
        return error.never_sent is None and not error.retry_after
    return isinstance(error, Refused | Untrusted)


def _error(done: WorkResult) -> ZvolError | None:
    return done.error if isinstance(done.error, ZvolError) else None


def _resources(done: WorkResult) -> Resources[Resource] | None:
    return done.value if isinstance(done.value, Resources) else None
