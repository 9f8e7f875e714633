"""`zvol attach`: the step after a recovery."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.params import read_volumes
from zvol.cli.state import State
from zvol.errors import Exit, Refused, UsageProblem, ZvolError
from zvol.text import fold_uuid


@click.command(
    "attach", short_help="Attach a volume to a VM.", epilog="Example: zvol attach d0a7a5e0c0de4b1e8a5efeedbead0001"
)
@click.argument("volume", metavar="VOLUME")
@click.argument("vm", required=False, metavar="[VM]")
@global_options
@pass_state
def command(state: State, volume: str, vm: str | None) -> Exit:
    """Attach a volume that is back to a VM (a UUID); by default to the one it was last on.

    A lost answer is settled by reading the volume; when that cannot tell either, the exit code is 3.
    """
    from zvol.recovery.changes import Changer, End

    [asked] = read_volumes((volume,), state.stdin)
    if asked.uuid is None:
        raise UsageProblem("attach needs the UUID of a volume", hint="`zvol list --status Ready` shows them.")
    found = state.client.volume(asked.uuid)
    if found is None:
        raise Refused("there is no such volume", uuid=asked.uuid, kind="gone")
    target = fold_uuid(vm) if vm is not None else found.text("lastVmInstanceUuid")
    if target is None:
        raise UsageProblem("VM must be a UUID" if vm else "the volume was never on a VM", hint="Name the VM's UUID.")
    changer = Changer(state.client, state.clock)
    change = changer.attach(found, target)
    if change.end is End.DONE:
        state.output.hint(f"{asked.uuid} is attached to VM {target}")
        if state.output.for_programs:
            state.output.document(changer.read(found).inventory())
        return Exit.OK
    if change.end is End.REFUSED:
        raise Refused(f"not attached to VM {target}: {change.words}", uuid=asked.uuid)
    unknown = ZvolError(
        "the request was sent, and it is not known whether it is attached", kind="unknown", uuid=asked.uuid
    )
    unknown.exit = Exit.UNKNOWN
    raise unknown
