"""`zvol attach`: the step after a recovery."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.params import read_volumes
from zvol.cli.state import State
from zvol.errors import Exit, UsageProblem, ZvolError
from zvol.model import Outcome, Result, Volume


@click.command(
    "attach", short_help="Attach a volume to a VM.", epilog="Example: zvol attach d0a7a5e0c0de4b1e8a5efeedbead0001"
)
@click.argument("volume", metavar="VOLUME")
@click.argument("vm", required=False, metavar="[VM]")
@global_options
@pass_state
def command(state: State, volume: str, vm: str | None) -> Exit:
    """Attach a volume that is back to a VM; by default to the one it was last on.

    VOLUME and VM are UUIDs, or names that only one of them has. A volume that is on the VM already is a success. A lost
    answer is settled by reading the volume; when that cannot tell either, the exit code is 3.
    """
    from zvol.recovery import targets

    asked = read_volumes((volume,), state.stdin)
    if len(asked) != 1:
        raise UsageProblem("attach takes one VOLUME")
    read_at = state.clock.monotonic()
    found = targets.volume(state.client, asked[0].text, asked[0].uuid)
    now = found.text("vmInstanceUuid")
    last = now or found.text("lastVmInstanceUuid")
    machine = targets.vm(state.client, vm) if vm is not None else targets.Machine(last) if last else None
    if machine is None:
        hint = f"Name the VM, by UUID or by name: `zvol attach {found.uuid} VM`"
        raise UsageProblem("the volume was never on a VM", hint=hint)
    target = machine.uuid
    if asked[0].uuid is None or machine.name is not None:
        read_at = state.clock.monotonic()
        found = targets.still(state.client, found, machine)
    state.limit.lift()
    done = _attach(state, found, read_at, target)
    state.output.hint(f"{found.uuid} is on VM {target}" + (" already" if now == target else ""))
    if state.output.for_programs:
        state.output.document(done.inventory())
    return Exit.OK


def _attach(state: State, volume: Volume, read_at: float, vm: str) -> Volume:
    """Attach a volume and return it as it is then; raises ZvolError for everything else."""
    from zvol.recovery.changes import Change, Kind, Stand
    from zvol.recovery.follow import Follow
    from zvol.recovery.followups import alone

    change = Change(Kind.ATTACH, vm)
    result = Result(volume.uuid, volume.uuid, Outcome.ALREADY, volume=volume)
    deadline = state.clock.monotonic() + state.settings.timeout
    follow = Follow(result, [change], deadline, read=True, volume=volume, read_at=read_at)
    done = alone(state.client, state.clock, follow, state.settings.api_timeout)
    if change.stand is Stand.DONE:
        return done.volume or volume
    if change.stand is Stand.SENT:
        kind, text = "unknown", f"the request was sent, and {change.not_known}"
    else:
        kind, text = "failed", f"not attached to VM {vm}: {change.words}"
    error = ZvolError(text, kind=kind, uuid=volume.uuid)
    error.exit = change.exit
    raise error
