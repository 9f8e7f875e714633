"""How a run stands while it goes on: what it waits for, and for how long at most until something happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from zvol.errors import LocalState
from zvol.model import Volume
from zvol.recovery.batch import Batch
from zvol.recovery.gate import Gate
from zvol.recovery.states import MAX_SENDS, Phase
from zvol.recovery.track import Track

if TYPE_CHECKING:
    from zvol.recovery.after import After

SLOW: Final = 3.0
"""Seconds after which a request that is not done is worth a word, for a person who waits for few volumes."""

SLOW_OF_MANY: Final = 10.0
"""The same for a large batch, where the server is kept busy."""


class Wait(StrEnum):
    """What a volume waits for."""

    FLYING = "flying"  # the answer to its PUT
    ACCEPTED = "accepted"  # the server took the PUT and has not done it
    BACK = "back"  # its tags and its VM
    UNANSWERED = "unanswered"  # a PUT whose answer zvol does not have: lost, or an interrupted run's
    UNREAD = "unread"  # its read, which fails while others are answered


@dataclass(frozen=True, slots=True)
class Hold:
    """Volumes that wait for the same: within `seconds` something happens to the first of them.

    `again`: if it is not back by then it is sent once more; otherwise it is given up.  `reason`: what came instead of
    what it waits for, for one of them.
    """

    wait: Wait
    count: int
    seconds: float
    again: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """How it stands: why nothing is learnt now and in how many seconds it is tried again, and what else takes time.

    `urgent` is the volume that is destroyed first of those that are left, when that is known.
    """

    reason: str = ""
    retry_in: float = 0.0
    holds: tuple[Hold, ...] = ()
    urgent: Volume | None = None


class Observer(Protocol):
    """Who wants to know how it goes, beside the results."""

    def tick(self, pulse: Callable[[], Pulse]) -> None:
        """Tell that time passes; called about once a second, and whenever something came back."""

    def stopping(self, seconds: float) -> None:
        """Tell that a signal came: nothing new is sent, and what is open is watched for so many seconds at most."""

    def journal_lost(self, error: LocalState, jobs: Sequence[tuple[str, str]], unsent: int) -> None:
        """Tell that the journal cannot be written.

        `jobs` are the (volume, job) pairs that are open; `unsent` results, about to be told, carry the error too.
        """


def pulse(batch: Batch, gate: Gate, now: float, after: After) -> Pulse:
    """Return how a run stands at a monotonic time."""
    urgent = batch.most_urgent()
    until = gate.puts_from if gate.open else gate.until
    held = not gate.open or not gate.places(now, 1)
    return Pulse(
        (gate.reason if not gate.open else gate.put_reason)
        if held
        else "the server does not accept the session"
        if batch.denied
        else after.reason,
        max(0.0, until - now) if held else 0.0,
        (*_holds(batch, gate, now), *_following(batch, after, now)),
        urgent.volume if urgent else None,
    )


def _holds(batch: Batch, gate: Gate, now: float) -> Iterator[Hold]:
    found: dict[Wait, list[tuple[float, bool]]] = {}
    reasons: dict[Wait, str] = {}
    slow = SLOW if batch.small else SLOW_OF_MANY
    for track in batch.unsaid.values():
        wait = _wait(track)
        busy = track.uuid in batch.open
        if wait is not None and not (busy and now - track.since < slow):
            ends = _next(track, wait, batch, gate, now)
            found.setdefault(wait, []).append(ends)
            reasons[wait] = reasons.get(wait, "") or _reason(track, wait)
    for wait, ends_of in found.items():
        yield Hold(wait, len(ends_of), *min(ends_of), reasons[wait])


def _following(batch: Batch, after: After, now: float) -> Iterator[Hold]:
    """Say how many are back and wait for their tags and VMs, once that takes long."""
    slow = after.slow(now, SLOW if batch.small else SLOW_OF_MANY)
    if slow:
        yield Hold(Wait.BACK, len(slow), max(0.0, min(one.ends for one in slow) - now), again=False)


def _wait(track: Track) -> Wait | None:
    if track.flying:
        return Wait.FLYING
    if track.apart:
        return Wait.UNREAD
    if track.phase not in (Phase.WATCH, Phase.SETTLE) or track.quiet is None:
        return None
    return Wait.ACCEPTED if track.state.answered else Wait.UNANSWERED


def _reason(track: Track, wait: Wait) -> str:
    """Return what was seen instead of what a volume waits for."""
    seen = {Wait.UNANSWERED: track.put_seen, Wait.UNREAD: track.read_seen}.get(wait)
    return "" if seen is None else seen.text


def _next(track: Track, wait: Wait, batch: Batch, gate: Gate, now: float) -> tuple[float, bool]:
    """Return in how many seconds something happens, and whether that is another PUT."""
    from zvol.zstack.client import PUT_SECONDS

    again = wait is not Wait.FLYING and not batch.stopping and not batch.denied and track.state.sends < MAX_SENDS
    if wait is Wait.UNREAD:
        left, again = (track.ailing or now) + gate.patience - now if track.phase is Phase.START else math.inf, False
    elif wait is Wait.FLYING or track.quiet is None:
        left = max(0.0, track.since + PUT_SECONDS - now)
    else:
        left = track.quiet.remaining(now)
    end = batch.time_left(track, now)
    return (max(0.0, end), False) if end < left else (max(0.0, left), again)
