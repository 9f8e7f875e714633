"""`zvol show`: shows all that is known of volumes."""

from __future__ import annotations

import sys

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import read_volumes
from zvol.errors import most_severe
from zvol.render.values import Report


@click.command("show", epilog="Example: zvol show d0a7a5e0c0de4b1e8a5efeedbead0001 --json")
@click.argument("volumes", nargs=-1, required=True, metavar="VOLUME...")
@global_options
@pass_context
def command(context: AppContext, volumes: tuple[str, ...]) -> Report:
    """Show all that is known of volumes: recoverable or why not, how long is left, where they were attached."""
    from zvol.catalog.listing import with_last_vm_doubts
    from zvol.catalog.recoverability import with_recoverability
    from zvol.catalog.resolve import resolve_targets
    from zvol.recovery import outcomes
    from zvol.render.columns import VOLUMES

    if context.options.columns == "help":
        return Report(VOLUMES.help())
    arguments = read_volumes(volumes, sys.stdin)
    server, client = context.server, context.server.client
    resolved = resolve_targets(client, arguments, server.volume_rows)
    targets = resolved.targets
    found = client.volumes([target.uuid for target in targets])
    known = server.volume_rows(found.values())
    if context.output.for_people:
        known = with_last_vm_doubts(client, known)
    rows = {row.volume.uuid: with_recoverability(row, client) for row in known}
    gone = [outcomes.gone(target) for target in targets if target.uuid not in rows]
    single = len(volumes) == 1 and volumes[0] != "-"
    failures = [*resolved.refused, *gone]
    shown = [rows[target.uuid] for target in targets if target.uuid in rows]
    table = VOLUMES.in_full(shown, context.options.columns, single=single, command=context.options.command)
    exit_code = most_severe(result.exit for result in failures)
    return Report(table if rows or not failures else None, failures=failures, exit=exit_code)
