"""The status of a run in progress: what it waits for, and how long at most until something happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from zvol.errors import LocalState
from zvol.recovery.context import EngineContext
from zvol.recovery.states import MAX_SENDS, Phase
from zvol.recovery.task import VolumeTask
from zvol.recovery.tasks import Tasks
from zvol.resource import Resource
from zvol.zstack.client import PUT_SECONDS

if TYPE_CHECKING:
    from zvol.recovery.follow_ups.stage import FollowUpStage
    from zvol.recovery.no_follow_ups import NoFollowUps

SLOW: Final = 3.0
"""Seconds after which a request that is not done is reported to a user who waits for few volumes."""

SLOW_OF_MANY: Final = 10.0
"""The same for a large batch, where the server is kept busy."""


class Wait(StrEnum):
    """The things that a volume can wait for."""

    IN_FLIGHT = "in-flight"  # the answer to its PUT
    ACCEPTED = "accepted"  # the server accepted the PUT and has not finished it
    BACK = "back"  # its tags and its VM
    UNANSWERED = "unanswered"  # a PUT without a known answer: lost, or sent by an interrupted run
    UNREAD = "unread"  # its read, which fails while the server answers others


SENT: Final = (Wait.IN_FLIGHT, Wait.ACCEPTED, Wait.UNANSWERED)


@dataclass(frozen=True, slots=True)
class WaitGroup:
    """Volumes that wait for the same thing; within `seconds` something happens to the first of them.

    `again`: if it is not back by then it is sent once more; otherwise it is given up.  `reason`: what was seen instead
    of what it waits for, for one of them; `age`: how many seconds ago the first of them was sent.
    """

    wait: Wait
    count: int
    seconds: float
    again: bool
    reason: str = ""
    age: float = 0.0


class RunStatus(NamedTuple):
    """Why the server cannot be reached now and in how many seconds it is tried again, and what else takes time.

    `urgent` is the one of each kind that changed first of those that are left: each kind has a clock of its own.
    `sent` of them were sent.
    """

    reason: str = ""
    retry_in: float = 0.0
    waits: tuple[WaitGroup, ...] = ()
    urgent: tuple[Resource, ...] = ()
    sent: int = 0


class Observer(Protocol):
    """Receives the progress of a run, in addition to the results."""

    def tick(self, status: Callable[[], RunStatus], /) -> None:
        """Called about once a second, and whenever an answer came."""

    def stopping(self, seconds: float) -> None:
        """A signal came: nothing new is sent, and what is open is polled for `seconds` at most."""

    def journal_lost(self, error: LocalState, jobs: Sequence[tuple[str, str]], unsent: int) -> None:
        """The journal cannot be written.

        `jobs` are the (volume, job) pairs that are open; `unsent` results that follow carry the error too.
        """


def run_status(context: EngineContext, tasks: Tasks, follow_up_stage: FollowUpStage | NoFollowUps) -> RunStatus:
    """Return the present status of a run."""
    now, breaker = context.clock.monotonic(), context.breaker
    held_back = not breaker.closed or not breaker.allowed_submissions(now, 1)
    until = max(breaker.submit_after if breaker.closed else breaker.retry_at, context.pool.pace.not_before)
    if held_back:
        reason = breaker.submit_reason if breaker.closed else breaker.reason
    else:
        reason = "the server does not accept the session" if tasks.reads_denied else follow_up_stage.reason
    return RunStatus(
        reason,
        max(0.0, until - now) if held_back else 0.0,
        (*_waits(context, tasks, now), *_follow_ups(tasks, follow_up_stage, now)),
        tuple(task.resource for task in tasks.most_urgent() if task.resource is not None),
        sum(_wait(task) in SENT for task in tasks.pending),
    )


def _waits(context: EngineContext, tasks: Tasks, now: float) -> Iterator[WaitGroup]:
    ends: dict[Wait, list[tuple[float, bool]]] = {}
    reasons: dict[Wait, str] = {}
    first: dict[Wait, float] = {}
    slow = SLOW if tasks.small else SLOW_OF_MANY
    for task in tasks.pending:
        wait = _wait(task)
        if wait is not None and not (task in context.window and now - task.in_flight_at < slow):
            ends.setdefault(wait, []).append(_next(task, wait, context, tasks, now))
            reasons[wait] = reasons.get(wait, "") or _reason(task, wait)
            first[wait] = min(first.get(wait, now), task.in_flight_at)
    for wait, ends_of in ends.items():
        yield WaitGroup(wait, len(ends_of), *min(ends_of), reasons[wait], now - first[wait])


def _follow_ups(tasks: Tasks, follow_up_stage: FollowUpStage | NoFollowUps, now: float) -> Iterator[WaitGroup]:
    """Yield the number of volumes that are back and wait for their tags and VMs, once that takes long."""
    slow = follow_up_stage.slow(now, SLOW if tasks.small else SLOW_OF_MANY)
    if slow:
        yield WaitGroup(Wait.BACK, len(slow), max(0.0, min(one.ends for one in slow) - now), again=False)


def _wait(task: VolumeTask) -> Wait | None:
    if task.in_flight:
        return Wait.IN_FLIGHT
    if task.read_alone:
        return Wait.UNREAD
    if task.phase not in (Phase.POLL, Phase.SETTLE) or task.quiet is None:
        return None
    return Wait.ACCEPTED if task.state.answered else Wait.UNANSWERED


def _reason(task: VolumeTask, wait: Wait) -> str:
    """Return what was seen instead of the thing that a volume waits for."""
    seen = {Wait.UNANSWERED: task.put_seen, Wait.UNREAD: task.read_seen}.get(wait)
    return "" if seen is None else seen.text


def _next(task: VolumeTask, wait: Wait, context: EngineContext, tasks: Tasks, now: float) -> tuple[float, bool]:
    """Return in how many seconds something happens, and whether that is another PUT."""
    again = (
        wait is not Wait.IN_FLIGHT and not tasks.stopping and not tasks.reads_denied and task.state.sends < MAX_SENDS
    )
    if wait is Wait.UNREAD:
        gives_up = (task.failing_since or now) + context.breaker.give_up_after
        left, again = gives_up - now if task.phase is Phase.START else math.inf, False
    elif wait is Wait.IN_FLIGHT or task.quiet is None:
        left = max(0.0, task.in_flight_at + PUT_SECONDS - now)
    else:
        left = task.quiet.remaining(now)
    end = tasks.time_left(task, now)
    return (max(0.0, end), False) if end < left else (max(0.0, left), again)
