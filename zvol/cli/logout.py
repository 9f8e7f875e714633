"""`zvol logout`: end the session that `zvol login` kept."""

from __future__ import annotations

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit, Unreachable


@click.command("logout", short_help="End the kept session and forget it.", epilog="Example: zvol logout")
@global_options
@pass_context
def command(context: AppContext) -> Exit:
    """End the session that `zvol login` kept, on the server and on this machine; none is a success.

    Of several accounts it is the profile's, or else the one that logged in last.
    """
    from zvol.zstack.login import log_out

    origin, kept = context.settings.endpoint.origin, context.server.sessions.stored()
    if kept is None:
        context.output.hint(f"no session is kept for {origin}")
        return Exit.OK
    context.server.sessions.store.forget(kept)
    try:
        log_out(context.server.transport, kept.session)
    except Unreachable as exc:
        hint = "The session is forgotten here; on the server it lives until it has not been used for two hours."
        raise Unreachable(exc.message, hint=hint) from None
    context.output.hint(f"logged out of {origin}")
    return Exit.OK
