"""`zvol version`: shows the version of zvol."""

from __future__ import annotations

import click

from zvol import __version__
from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit


@click.command("version", cls=Command, examples=("zvol version",))
@global_options
@pass_context
def command(context: AppContext) -> Exit:
    """Show the version of zvol; `zvol doctor` shows that of the server."""
    del context
    click.echo(f"zvol {__version__}")
    return Exit.OK
