"""Attaches volumes to VMs like the follow-ups of a recovery, but without a run in the journal."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from zvol.clock import Clock
from zvol.errors import Exit, ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.follow_ups.changes import Change, ChangeCheck, ChangeKind, ChangeState, on_vm
from zvol.recovery.follow_ups.context import FollowUpContext, NullFollowUpStore
from zvol.recovery.follow_ups.run import CHECK, FollowUps
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.poll_limit import FollowUpLimit
from zvol.recovery.worker_pool import WorkerPool, WorkResult

if TYPE_CHECKING:
    from zvol.zstack.client import Client

PLACES: Final = 2
"""Maximum requests at a time for a single volume."""

AFTER_SIGNAL: Final = 10.0
"""Seconds for which sent requests are polled after a signal."""


class AttachOutcome(StrEnum):
    """The outcome of attaching one volume."""

    ATTACHED = "attached"
    ALREADY = "already"
    WOULD_ATTACH = "would-attach"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_SENT = "not-sent"


class Attachment(NamedTuple):
    """A volume, as it was read at `read_at` (monotonic seconds), and the UUID of the VM to attach it to."""

    volume: Volume
    vm: str
    read_at: float


@dataclass(frozen=True, slots=True)
class Attached:
    """The result of an attachment; `volume` is as it was read last, `vm` None where none was found."""

    outcome: AttachOutcome
    volume: Volume | None = None
    vm: str | None = None
    error: ZvolError | None = None


class Attacher:
    """Attaches volumes, with at most `places` requests at a time; times are in seconds."""

    def __init__(
        self, client: Client, clock: Clock, *, timeout: float, api_timeout: float, places: int = PLACES
    ) -> None:
        self._client, self._clock, self._places = client, clock, places
        self._timeout, self._api_timeout = timeout, api_timeout
        self._inbox: queue.SimpleQueue[WorkResult | None] = queue.SimpleQueue()
        self._stops = 0

    def stop(self) -> None:
        """Send nothing new, poll sent requests for a little longer, then end; may be called from a signal handler."""
        self._stops += 1
        self._inbox.put(None)

    def attach(self, wanted: Sequence[Attachment]) -> Iterator[Attached]:
        """Yield the result of each volume, in the order in which they end."""
        pool = WorkerPool(self._places, self._inbox, self._clock.monotonic)
        breaker, limit = CircuitBreaker(lambda: 1.0), FollowUpLimit(pool, self._places, small=len(wanted) == 1)
        store = NullFollowUpStore()
        context = FollowUpContext(self._client, pool, self._clock, breaker, limit, store, self._api_timeout)
        ended: list[Result] = []
        follow_ups = FollowUps(context, ended.append)
        changes = {one.volume.uuid: Change(ChangeKind.ATTACH, one.vm) for one in wanted}
        try:
            for one in wanted:
                follow_ups.begin(self._task(one, changes[one.volume.uuid]))
            stopped = 0
            while follow_ups.pending or ended:
                yield from (_attached(result, changes[result.uuid or ""]) for result in ended)
                ended.clear()
                now = self._clock.monotonic()
                if self._stops > stopped:
                    stopped = self._stops
                    follow_ups.stop(now, AFTER_SIGNAL if stopped == 1 else 0.0)
                follow_ups.tick(now, self._places)
                if not ended and follow_ups.pending:
                    pool.wait(self._clock, min(CHECK, max(0.0, follow_ups.due() - now)))
        finally:
            pool.shutdown()

    def _task(self, one: Attachment, change: Change) -> FollowUpTask:
        volume = one.volume
        result = Result(volume.uuid, volume.uuid, Outcome.ALREADY, resource=volume)
        deadline = self._clock.monotonic() + self._timeout
        return FollowUpTask(result, [change], deadline, was_read=True, volume=volume, read_at=one.read_at)


def _attached(result: Result, change: Change) -> Attached:
    """Return the result of the only change of a volume."""
    volume, vm = result.volume, change.value
    if change.state is ChangeState.DONE:
        return Attached(AttachOutcome.ATTACHED, volume, vm)
    outcome, kind, exit = AttachOutcome.FAILED, "failed", change.exit
    text = f"not attached to VM {vm}: {change.reason}"
    if change.state is ChangeState.SENT:
        outcome, kind, text = AttachOutcome.UNKNOWN, "unknown", f"the request was sent, and {change.not_known}"
    elif change.state is ChangeState.PLANNED:
        outcome = AttachOutcome.NOT_SENT
        if not change.reason:
            kind, exit, text = "stopped", Exit.UNREACHABLE, "zvol was stopped before it was sent"
    return Attached(outcome, volume, vm, ZvolError(text, kind=kind, exit=exit, uuid=result.uuid))


def would_attach(one: Attachment) -> Attached:
    """Return the result of a dry run of an attachment, as the volume shows it now."""
    check, why = on_vm(Change(ChangeKind.ATTACH, one.vm), one.volume)
    if check is not ChangeCheck.BARRED:
        return Attached(AttachOutcome.WOULD_ATTACH, one.volume, one.vm)
    error = ZvolError(f"not attached to VM {one.vm}: {why}", kind="failed", exit=Exit.FAILED, uuid=one.volume.uuid)
    return Attached(AttachOutcome.FAILED, one.volume, one.vm, error)
