"""The objects that the modules of the follow-ups share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zvol.clock import Clock
from zvol.recovery.circuit_breaker import CircuitBreaker
from zvol.recovery.follow_ups.changes import Change
from zvol.recovery.follow_ups.task import FollowUpTask
from zvol.recovery.follow_ups.vm_gate import READY, VmState
from zvol.recovery.poll_limit import FOLLOW_UP_OCCUPYING_LIMIT, FollowUpLimit
from zvol.recovery.poll_times import ROUND
from zvol.recovery.worker_pool import WorkerPool

if TYPE_CHECKING:
    from zvol.zstack.client import Client


class FollowUpStore(Protocol):
    """Stores the changes, so that a killed run can be resumed."""

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        """Make durable that the next change of each is sent under its job id; raises LocalState."""

    def record(self, follow_up: FollowUpTask, change: Change) -> None:
        """Record the state of a change."""

    def end(self, follow_up: FollowUpTask) -> bool:
        """Record the end of the work on a volume; tell whether a resumed run knows its remaining changes."""


class NullFollowUpStore:
    """The store of a command without a run: it stores nothing."""

    def before(self, follow_ups: Sequence[FollowUpTask]) -> None:
        pass

    def record(self, follow_up: FollowUpTask, change: Change) -> None:
        pass

    def end(self, follow_up: FollowUpTask) -> bool:
        del follow_up
        return False


@dataclass(frozen=True, slots=True)
class FollowUpContext:
    """The objects that the follow-ups share, also for one volume without a run.

    They have a separate circuit breaker, so that failing follow-ups do not delay recoveries.
    `most`: changes that the server works on at a time, without slow ones; `pause`: seconds between two reads.
    `timeout`: seconds that a volume has once the VM that it waited for is back.
    """

    client: Client
    pool: WorkerPool
    clock: Clock
    breaker: CircuitBreaker
    limit: FollowUpLimit
    store: FollowUpStore
    api_timeout: float
    timeout: float = 60.0
    renew: Callable[[], bool] = lambda: False
    vm_state: Callable[[str], VmState] = lambda _vm: READY
    most: Callable[[], int] = lambda: FOLLOW_UP_OCCUPYING_LIMIT
    pause: Callable[[], float] = lambda: ROUND
