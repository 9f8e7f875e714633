"""`zvol attach`: the step after a recovery."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.params import read_volumes
from zvol.cli.state import State
from zvol.errors import Exit, Refused, UsageProblem, ZvolError


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
    from zvol.recovery.changes import Changer, End

    asked = read_volumes((volume,), state.stdin)
    if len(asked) != 1:
        raise UsageProblem("attach takes one VOLUME")
    found = targets.volume(state.client, asked[0].text, asked[0].uuid)
    now = found.text("vmInstanceUuid")
    target = targets.vm(state.client, vm) if vm is not None else now or found.text("lastVmInstanceUuid")
    if target is None:
        hint = f"Name the VM, by UUID or by name: `zvol attach {found.uuid} VM`"
        raise UsageProblem("the volume was never on a VM", hint=hint)
    state.limit.lift()
    changer = Changer(state.client, state.clock)
    change = changer.attach(found, target)
    if change.end is End.DONE:
        state.output.hint(f"{found.uuid} is on VM {target}" + (" already" if now == target else ""))
        if state.output.for_programs:
            state.output.document(changer.read(found).inventory())
        return Exit.OK
    if change.end is End.REFUSED:
        raise Refused(f"not attached to VM {target}: {change.words}", uuid=found.uuid)
    unknown = ZvolError(
        "the request was sent, and it is not known whether it is attached", kind="unknown", uuid=found.uuid
    )
    unknown.exit = Exit.UNKNOWN
    raise unknown
