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
    settings, logins = context.settings, context.logins
    known = accepted(context)
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


def accepted(context: AppContext) -> bool | None:
    """Ask whether the server accepts the session, without renewing it; raises what asking raises.

    An access key is tried with the cheapest read there is.
    """
    from zvol.zstack.login import valid

    if context.logins.uses_key:
        context.client.query("/v1/volumes", [("limit", "1"), ("fields", "uuid")])
        return True
    return valid(context.transport, context.logins.session.secret)
