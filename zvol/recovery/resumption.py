"""The tasks of a resumed run: what interrupted runs left open, as the protocol sees it."""

from __future__ import annotations

from dataclasses import replace

from zvol.journal.records import UnfinishedVolume
from zvol.model import Target
from zvol.recovery.poll_times import FIRST_POLL
from zvol.recovery.protocol import resumed
from zvol.recovery.states import Phase, ProtocolState
from zvol.recovery.task import VolumeTask
from zvol.zstack.dates import normalized_date


def resumed_task(volume: UnfinishedVolume, order: int, now: float, timeout: float) -> VolumeTask:
    """Return the task of an unfinished volume; a PUT of its own may act, or those of earlier runs, or none."""
    own = [intent for intent in volume.intents if not intent.inherited]
    # the deletion that was meant
    state = ProtocolState(expected_last_op_date=normalized_date(volume.last_op), foreign=volume.foreign)
    earlier: tuple[str, ...] = ()
    if own:
        state = replace(resumed(normalized_date(own[-1].last_op)), foreign=volume.foreign)
    elif volume.intents or volume.foreign:
        state = replace(state, phase=Phase.SETTLE)
        earlier = () if volume.foreign else tuple(intent.job for intent in volume.intents)
    return VolumeTask(
        Target(volume.asked, volume.uuid, order),
        volume.request,
        volume.run,
        volume.followups,
        held=volume.held,
        claimed=True,
        state=state,
        job=own[-1].job if own else None,
        job_excluded=bool(own) and (volume.foreign or len(own) < len(volume.intents)),
        earlier_jobs=earlier,
        deadline=None if state.phase is Phase.START else now + timeout,
        in_flight_at=now,
        next_job_poll=now + FIRST_POLL,
    )
