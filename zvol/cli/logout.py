"""`zvol logout`: end the session that `zvol login` kept."""

from __future__ import annotations

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit


@click.command("logout", short_help="End the kept session and forget it.", epilog="Example: zvol logout")
@global_options
@pass_context
def command(context: AppContext) -> Exit:
    """End the session that `zvol login` kept, on the server and on this machine; none is a success.

    Of several accounts it is the profile's, or else the one that logged in last.
    """
    from zvol.session.login import forget_session

    origin = context.settings.endpoint.origin
    forgotten = forget_session(context.server)
    context.output.hint(f"logged out of {origin}" if forgotten else f"no session is kept for {origin}")
    return Exit.OK
