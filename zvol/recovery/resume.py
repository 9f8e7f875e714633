"""Finishes interrupted runs: takes them over from the journal and lets the engine settle their open requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.errors import LocalState, ZvolError
from zvol.journal.records import Holder
from zvol.model import Outcome, Result
from zvol.recovery import outcomes
from zvol.recovery.own_runs import MAX_NAMED
from zvol.text import enumeration
from zvol.zstack.resource_kinds import KINDS

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.journal.records import Run, UnfinishedVolume
    from zvol.recovery.engine import Engine
    from zvol.recovery.task import VolumeTask

STALE: Final = 24 * 3600
"""Age of a run in seconds after which its unsent volumes are only sent if the user says so."""


def resume(
    engine: Engine, journal: Journal, runs: Sequence[Run], *, send_stale: bool, warn: Callable[[str], None]
) -> Iterator[Result]:
    """Finish runs, all together, and yield each volume's result as soon as it is known.

    What runs older than STALE never sent is only read, and named to `warn` if it is still deleted, unless `send_stale`.
    """
    try:
        adopted = journal.adopt([run.id for run in runs], engine.identity, engine.options.waits)
    except LocalState as error:
        for run in runs:
            yield from _not_done(journal.unfinished_volumes(run.id), Outcome.NOT_SENT, error)
        return
    for run_id in adopted.living:
        holder = Holder(run_id, engine.identity.base)
        for volume in journal.unfinished_volumes(run_id):
            busy = outcomes.busy(holder, engine.identity, KINDS[volume.target])
            yield from _not_done([volume], Outcome.BUSY, busy)
    wall = engine.clock.wall()
    stale = {run.id for run in runs if abs(wall - run.started) > STALE and not send_stale}
    left = [volume._replace(read_only=volume.run in stale and volume.never_sent) for volume in adopted.volumes]
    yield from engine.resume(journal, left)
    for text in _skipped(engine.skipped):
        warn(text)


def _skipped(tasks: Sequence[VolumeTask]) -> Iterator[str]:
    """Yield the volumes that were not sent because their run is too old."""
    for run, kind in dict.fromkeys((task.run, task.kind) for task in tasks):
        uuids = [task.uuid for task in tasks if (task.run, task.kind) == (run, kind)]
        what = f"a {kind.noun}" if len(uuids) == 1 else f"{len(uuids)} {kind.noun}s"
        deleted = f"{enumeration(uuids, MAX_NAMED)}. To send now: `zvol resume {run} --yes`"
        yield f"run {run} is older than 24 hours and never sent {what}; still {kind.removed}: {deleted}"


def _not_done(left: Sequence[UnfinishedVolume], outcome: Outcome, error: ZvolError) -> Iterator[Result]:
    for volume in left:
        yield Result(volume.asked, volume.uuid, outcome, error=error, target=volume.target)
