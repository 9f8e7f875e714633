"""Holds volumes back whose VM the same run recovers, until the VM is concluded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zvol.errors import Exit
from zvol.recovery.follow_ups.task import FollowUpTask


@dataclass(frozen=True, slots=True)
class VmState:
    """The state of a VM that a run recovers: `pending`, or why it is not `back`.

    `later`: a resumed run may bring it back.  `exit`: the exit code of a volume that is not attached for that reason.
    """

    pending: bool = False
    back: bool = True
    why: str = ""
    later: bool = False
    exit: Exit = Exit.OK


READY = VmState()
"""The VM is back, or it is not a VM of this run."""


class VmGate:
    """Keeps the volumes that wait for their VM; `state` returns what is known of a VM, by its UUID."""

    def __init__(self, state: Callable[[str], VmState]) -> None:
        self.state = state
        self._waiting: dict[str, list[FollowUpTask]] = {}
        self._held: set[FollowUpTask] = set()

    def wait(self, follow_up: FollowUpTask, vm: str) -> None:
        """Keep a volume until its VM is concluded."""
        self._waiting.setdefault(vm, []).append(follow_up)
        self._held.add(follow_up)

    def holds(self, follow_up: FollowUpTask) -> bool:
        return follow_up in self._held

    def opened(self) -> Iterator[FollowUpTask]:
        """Yield the volumes whose VM is concluded, once."""
        for vm in [vm for vm in self._waiting if not self.state(vm).pending]:
            released = self._waiting.pop(vm)
            self._held.difference_update(released)
            yield from released
