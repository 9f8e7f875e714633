"""`zvol attach`: the step after a recovery."""

from __future__ import annotations

import sys

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import read_volumes
from zvol.errors import UsageProblem, ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.render.values import Report, Table


@click.command(
    "attach", short_help="Attach a volume to a VM.", epilog="Example: zvol attach d0a7a5e0c0de4b1e8a5efeedbead0001"
)
@click.argument("volume", metavar="VOLUME")
@click.argument("vm", required=False, metavar="[VM]")
@global_options
@pass_context
def command(context: AppContext, volume: str, vm: str | None) -> Report:
    """Attach a volume that is back to a VM; by default to the one it was last on.

    VOLUME and VM are UUIDs, or names that only one of them has. A volume that is on the VM already is a success. A lost
    answer is settled by reading the volume; when that cannot tell either, the exit code is 3.
    """
    from zvol.catalog import by_name

    asked = read_volumes((volume,), sys.stdin)
    if len(asked) != 1:
        raise UsageProblem("attach takes one VOLUME")
    read_at = context.clock.monotonic()
    found = by_name.volume(context.server.client, asked[0].text, asked[0].uuid)
    now = found.text("vmInstanceUuid")
    last = now or found.text("lastVmInstanceUuid")
    machine = by_name.vm(context.server.client, vm) if vm is not None else by_name.Machine(last) if last else None
    if machine is None:
        hint = f"Name the VM, by UUID or by name: `zvol attach {found.uuid} VM`"
        raise UsageProblem("the volume was never on a VM", hint=hint)
    target = machine.uuid
    if asked[0].uuid is None or machine.name is not None:
        read_at = context.clock.monotonic()
        found = by_name.still(context.server.client, found, machine)
    context.server.limit.lift()
    done = _attach(context, found, read_at, target)
    table = Table([done], (), Volume.inventory, lambda one: one.uuid, single=True, programs_only=True)
    return Report(table, hints=[f"{found.uuid} is on VM {target}" + (" already" if now == target else "")])


def _attach(context: AppContext, volume: Volume, read_at: float, vm: str) -> Volume:
    """Attach a volume and return it as it is then; raises ZvolError for everything else."""
    from zvol.recovery.changes import Change, ChangeState, Kind
    from zvol.recovery.follow_up_task import FollowUpTask
    from zvol.recovery.follow_ups import alone

    change = Change(Kind.ATTACH, vm)
    result = Result(volume.uuid, volume.uuid, Outcome.ALREADY, volume=volume)
    deadline = context.clock.monotonic() + context.settings.timeout
    follow = FollowUpTask(result, [change], deadline, read=True, volume=volume, read_at=read_at)
    done = alone(context.server.client, context.clock, follow, context.settings.api_timeout)
    if change.stand is ChangeState.DONE:
        return done.volume or volume
    if change.stand is ChangeState.SENT:
        kind, text = "unknown", f"the request was sent, and {change.not_known}"
    else:
        kind, text = "failed", f"not attached to VM {vm}: {change.words}"
    raise ZvolError(text, kind=kind, exit=change.exit, uuid=volume.uuid)
