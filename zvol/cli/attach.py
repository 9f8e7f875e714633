"""`zvol attach`: attaches a recovered volume to a VM."""

from __future__ import annotations

import sys

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import DETACHED_VOLUME, read_volumes
from zvol.errors import UsageProblem
from zvol.model import Volume
from zvol.render.values import Report, Table


@click.command("attach", cls=Command, examples=("zvol attach pg-data", "zvol attach pg-data db-1"))
@click.argument("volume", type=DETACHED_VOLUME, metavar="VOLUME")
@click.argument("vm", required=False, metavar="[VM]")
@global_options
@pass_context
def command(context: AppContext, volume: str, vm: str | None) -> Report:
    """Attach a volume that is back to a VM; by default to the one it was last on.

    VOLUME and VM are UUIDs, or names that only one of them has. A volume that is on the VM already is a success. A lost
    answer is settled by reading the volume; when that cannot tell either, the exit code is 3.
    """
    from zvol.catalog.by_name import find_attachment
    from zvol.recovery.attach import attach

    arguments = read_volumes((volume,), sys.stdin)
    if len(arguments) != 1:
        raise UsageProblem("attach takes one VOLUME")
    client, clock = context.server.client, context.clock
    found = find_attachment(client, clock, arguments[0], vm, context.undone_deletion)
    context.server.deadline.lift()
    timeout, api_timeout = context.settings.timeout, context.settings.api_timeout
    done = attach(
        client, clock, found.volume, found.vm, read_at=found.read_at, timeout=timeout, api_timeout=api_timeout
    )
    table = Table([done], (), Volume.inventory, lambda one: one.uuid, single=True)
    already = " already" if found.already else ""
    return Report(table, hints=[f"{done.uuid} is on VM {found.vm}{already}"])
