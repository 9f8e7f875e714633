"""`zvol list`: the recycle bin."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit


@click.command("list", short_help="Show the recycle bin, most urgent first.", epilog="Example: zvol list -o name")
@click.option("--status", default="Deleted", show_default=True, help="Volumes of this status; `any` for all.")
@global_options
@pass_state
def command(state: State, status: str) -> Exit:
    """Show the deleted data volumes, the one that is destroyed first at the top."""
    from zvol.cli.looking import column_help, listed
    from zvol.recovery.listing import find
    from zvol.render import columns

    if state.given.columns == "help":
        return column_help(state)
    found = listed(state, find(state.client, status))
    deleted = status.lower() == "deleted"
    state.output.volumes(found, columns.LIST if deleted else columns.ANY_STATUS)
    if not found:
        state.output.hint("there is no deleted data volume" if deleted else "there is no such volume")
    return Exit.OK
