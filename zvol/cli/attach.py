"""`zvol attach`: attaches a recovered volume to a VM."""

from __future__ import annotations

import sys

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import read_volumes
from zvol.errors import UsageProblem
from zvol.model import Volume
from zvol.render.values import Report, Table


@click.command("attach", epilog="Example: zvol attach d0a7a5e0c0de4b1e8a5efeedbead0001")
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
    from zvol.recovery.attach import attach

    arguments = read_volumes((volume,), sys.stdin)
    if len(arguments) != 1:
        raise UsageProblem("attach takes one VOLUME")
    argument, client, clock = arguments[0], context.server.client, context.clock
    read_at = clock.monotonic()
    found = by_name.find_volume(client, argument.text, argument.uuid)
    now = found.text("vmInstanceUuid")
    last = now or found.text("lastVmInstanceUuid")
    machine = by_name.find_vm(client, vm) if vm is not None else by_name.VmRef(last) if last else None
    if machine is None:
        hint = f"Name the VM, by UUID or by name: `zvol attach {found.uuid} VM`"
        raise UsageProblem("the volume was never on a VM", hint=hint)
    if argument.uuid is None or machine.name is not None:
        read_at = clock.monotonic()
        found = by_name.read_unchanged(client, found, machine)
    context.server.deadline.lift()
    timeout, api_timeout = context.settings.timeout, context.settings.api_timeout
    done = attach(client, clock, found, machine.uuid, read_at=read_at, timeout=timeout, api_timeout=api_timeout)
    table = Table([done], (), Volume.inventory, lambda one: one.uuid, single=True, programs_only=True)
    already = " already" if now == machine.uuid else ""
    return Report(table, hints=[f"{found.uuid} is on VM {machine.uuid}{already}"])
