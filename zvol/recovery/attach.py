"""Attaches one volume to a VM, as a follow-up of a recovery does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.errors import ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.recovery.follow_ups.changes import Change, ChangeKind, ChangeState
from zvol.recovery.follow_ups.run import run_alone
from zvol.recovery.follow_ups.task import FollowUpTask

if TYPE_CHECKING:
    from zvol.zstack.client import Client


def attach(
    client: Client, clock: Clock, volume: Volume, vm: str, *, read_at: float, timeout: float, api_timeout: float
) -> Volume:
    """Attach a volume, which was read at `read_at` (monotonic seconds), and return it as it is then.

    Raises ZvolError, of the kind `unknown` where the request was sent and its outcome is not known.
    """
    change = Change(ChangeKind.ATTACH, vm)
    result = Result(volume.uuid, volume.uuid, Outcome.ALREADY, resource=volume)
    task = FollowUpTask(result, [change], clock.monotonic() + timeout, was_read=True, volume=volume, read_at=read_at)
    done = run_alone(client, clock, task, api_timeout)
    if change.state is ChangeState.DONE:
        return done.volume or volume
    if change.state is ChangeState.SENT:
        kind, text = "unknown", f"the request was sent, and {change.not_known}"
    else:
        kind, text = "failed", f"not attached to VM {vm}: {change.reason}"
    raise ZvolError(text, kind=kind, exit=change.exit, uuid=volume.uuid)
