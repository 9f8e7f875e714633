"""`zvol whoami`: who zvol would be on this server, and whether the server agrees."""

from __future__ import annotations

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit


@click.command("whoami", short_help="Look at the session.", epilog="Example: zvol whoami --json")
@global_options
@pass_context
def command(context: AppContext) -> Exit:
    """Say which server and session would be used, and whether the server accepts it; it is not shown.

    Where there is only a password it is tried: zvol logs in and out again. An access key is tried with a read.
    """
    settings, logins = context.settings, context.server.sessions
    known = context.server.accepts_session()
    facts = {
        "server": settings.endpoint.base,
        "account": logins.account,
        "user": logins.user,
        "profile": settings.profile,
        "sessionFrom": logins.source,
        "valid": known,
    }
    output = context.output
    if output.for_programs:
        output.documents([facts])
    else:
        shown = {True: "yes", False: "no", None: "the server did not say"}[known]
        words = ["-" if value is None else str(value) for value in list(facts.values())[:-1]]
        headers = ["SERVER", "ACCOUNT", "USER", "PROFILE", "SESSION FROM", "VALID"]
        output.rows(headers, [[*words, shown]])
    if known is not True:
        output.hint(logins.session.advice(""))
    return Exit.OK if known else Exit.AUTH
