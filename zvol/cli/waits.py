"""Says what a run waits for."""

from __future__ import annotations

from typing import Final

from zvol.recovery.run_status import RunStatus, Wait, WaitGroup
from zvol.render.progress import shown_time
from zvol.text import human_duration

LATE: Final = 60.0
"""Seconds before a pending request counts as late; until then it is not reported."""


def why(status: RunStatus, *, alone: bool, elapsed: float) -> tuple[str, ...]:
    """Return the reasons why a run waits after `elapsed` seconds, the most important first."""
    notes = []
    if status.reason:
        notes.append(f"waiting: {status.reason}")
    if status.retry_in:
        notes.append(f"next try in {max(1.0, status.retry_in):.0f}s")
    notes += [text for wait in status.waits if (text := _note(wait, alone=alone, elapsed=elapsed))]
    return tuple(notes)


def _note(wait: WaitGroup, *, alone: bool, elapsed: float) -> str:
    """Return what is late and what happens next; empty while the wait is still normal."""
    late = wait.seconds <= LATE
    if wait.wait is Wait.ACCEPTED and not (late or alone):
        return ""
    said = _waiting(wait, alone=alone, since=shown_time(elapsed - wait.age))
    if wait.again and (late or wait.wait is Wait.UNANSWERED):
        return f"retry in {human_duration(wait.seconds)}: {said}"
    if late and not wait.again and wait.wait is not Wait.IN_FLIGHT:
        return f"timeout in {human_duration(wait.seconds)}: {said}"
    return said


def _waiting(wait: WaitGroup, *, alone: bool, since: str) -> str:
    many = "" if alone else f"{wait.count} "
    seen = f" ({wait.reason})" if wait.reason and not wait.reason.startswith("no answer") else ""
    match wait.wait:
        case Wait.IN_FLIGHT:
            return f"{many}sent, no answer yet"
        case Wait.ACCEPTED:
            return f"{many}accepted by the server, not done since {since}"
        case Wait.BACK:
            return "back, its tags and VM not yet" if alone else f"{many}back, their tags and VMs not yet"
        case Wait.UNANSWERED:
            return f"no answer since {since}{seen}" if alone else f"{many}without an answer since {since}{seen}"
        case Wait.UNREAD:
            return f"{'it' if alone else wait.count} cannot be read{seen}"
