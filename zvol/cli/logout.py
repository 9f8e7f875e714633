"""`zvol logout`: end the session that `zvol login` kept."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit


@click.command("logout", short_help="End the kept session and forget it.", epilog="Example: zvol logout")
@global_options
@pass_state
def command(state: State) -> Exit:
    """End the session that `zvol login` kept, on the server and on this machine; none is a success."""
    from zvol.config.stored import Stored
    from zvol.zstack.login import log_out

    settings = state.settings
    kept = {
        account: Stored(state.directory, settings.endpoint, account) for account in (settings.credential.account, None)
    }
    for stored in kept.values():
        session = stored.read()
        if session is not None:
            try:
                log_out(state.transport, session)
            finally:
                stored.forget()
            state.output.hint(f"logged out of {settings.endpoint.origin}")
    return Exit.OK
