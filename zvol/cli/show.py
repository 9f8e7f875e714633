"""`zvol show`: shows everything known about volumes and VMs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command, option
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import DELETED_VOLUME, DESTROYED_VM, read_volumes
from zvol.errors import most_severe
from zvol.render.values import Report, Table

if TYPE_CHECKING:
    from zvol.model import Result, VolumeArgument


@click.command(
    "show",
    cls=Command,
    examples=("zvol show pg-data", "zvol show --vm web-2", "zvol show pg-data --json | jq .recycle.secondsLeft"),
)
@click.argument("volumes", nargs=-1, type=DELETED_VOLUME, metavar="VOLUME...")
@option("--vm", "vms", multiple=True, type=DESTROYED_VM, metavar="VM", help="Show this VM (name or UUID); repeatable.")
@global_options
@pass_context
def command(context: AppContext, /, volumes: tuple[str, ...], vms: tuple[str, ...]) -> Report:
    """Show everything known about volumes: whether each is recoverable, the time left, and where it was attached.

    With --vm, show VMs with their volumes, and what a recovery does not restore. A name means a destroyed VM, or else
    the only VM with that name.
    """
    from zvol.render.columns import VMS, VOLUMES

    if context.options.columns == "help":
        return Report((VMS if vms else VOLUMES).help())
    if bool(volumes) == bool(vms):
        raise click.UsageError("VOLUMEs and --vm cannot be combined." if vms else "Missing argument 'VOLUME...'.")
    if "-" in vms:
        raise click.UsageError("--vm does not read standard input; give it once for each VM.")
    if vms:
        return _show_vms(context, read_volumes(vms, None, what="VM", where="--vm"), single=len(vms) == 1)
    return _show_volumes(context, read_volumes(volumes, sys.stdin), single=len(volumes) == 1 and volumes[0] != "-")


def _show_volumes(context: AppContext, arguments: Sequence[VolumeArgument], *, single: bool) -> Report:
    from zvol.catalog.listing import with_doubts
    from zvol.catalog.recoverability import with_recoverability
    from zvol.catalog.resolve import resolve_any
    from zvol.recovery import outcomes
    from zvol.render.columns import VOLUMES
    from zvol.zstack.last_vm import find_doubts

    server, client = context.server, context.server.client
    resolved = resolve_any(client, arguments, server.volume_rows)
    targets = resolved.targets
    found = client.volumes([target.uuid for target in targets])
    known = server.volume_rows(found.values())
    if context.output.for_people or context.output.shows_all:
        known = with_doubts(known, find_doubts(found.values(), client.version, context.undone_deletion))
    rows = {row.volume.uuid: with_recoverability(row, client) for row in known}
    gone = [outcomes.gone(target) for target in targets if target.uuid not in rows]
    shown = [rows[target.uuid] for target in targets if target.uuid in rows]
    table = VOLUMES.in_full(shown, context.options.columns, single=single, command=context.options.command)
    return _report(table, [*resolved.refused, *gone])


def _show_vms(context: AppContext, arguments: Sequence[VolumeArgument], *, single: bool) -> Report:
    from zvol.catalog.vm_names import resolve_vms
    from zvol.catalog.vm_recoverability import with_vm_recoverability
    from zvol.catalog.vms import with_existing_vms
    from zvol.recovery import outcomes
    from zvol.render.columns import VMS
    from zvol.zstack.resource_kinds import VM_INSTANCE

    client = context.server.client
    resolved = with_existing_vms(resolve_vms(client, arguments, context.server.vm_rows))
    targets = resolved.targets
    found = client.resources([target.uuid for target in targets], kind=VM_INSTANCE)
    rows = {row.vm.uuid: with_vm_recoverability(row, client) for row in context.server.vm_rows(found.values())}
    gone = [outcomes.gone(target) for target in targets if target.uuid not in rows]
    shown = [rows[target.uuid] for target in targets if target.uuid in rows]
    table = VMS.in_full(shown, context.options.columns, single=single, command=context.options.command)
    return _report(table, [*resolved.refused, *gone])


def _report(table: Table[Any], failures: Sequence[Result]) -> Report:
    code = most_severe(result.exit for result in failures)
    return Report(table if table.rows or not failures else None, failures=failures, exit=code)
