"""`zvol whoami`: which session would be used, and whether the server knows it."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit


@click.command("whoami", short_help="Look at the session.", epilog="Example: zvol whoami --json")
@global_options
@pass_state
def command(state: State) -> Exit:
    """Say which server and session would be used, and whether the server knows it; it is neither shown nor renewed."""
    from zvol.zstack.login import valid

    settings = state.settings
    known = valid(state.transport, state.logins.current)
    facts = {
        "server": settings.endpoint.base,
        "account": settings.credential.account,
        "profile": settings.profile,
        "sessionFrom": state.logins.source,
        "valid": known,
    }
    output = state.output
    if output.for_programs:
        output.documents([facts])
    else:
        shown = {True: "yes", False: "no", None: "the server did not say"}[known]
        words = ["-" if value is None else str(value) for value in list(facts.values())[:-1]]
        output.rows(
            [key.upper() for key in ("server", "account", "profile", "session from", "valid")], [[*words, shown]]
        )
    return Exit.OK if known else Exit.AUTH
