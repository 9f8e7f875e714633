"""`zvol whoami`: shows the session and its account, and checks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit
from zvol.render.values import Column, Report, Table, text_column

Facts = Mapping[str, Any]

VALID: Final = {True: "yes", False: "no", None: "the server did not say"}


def _fact(key: str) -> Callable[[Facts], str]:
    return lambda facts: "-" if facts[key] is None else str(facts[key])


COLUMNS: Final[Sequence[Column[Facts]]] = [
    text_column("SERVER", _fact("server")),
    text_column("ACCOUNT", _fact("account")),
    text_column("USER", _fact("user")),
    text_column("PROFILE", _fact("profile")),
    text_column("SESSION FROM", _fact("sessionFrom")),
    text_column("VALID", lambda facts: VALID[facts["valid"]]),
]


@click.command("whoami", cls=Command, examples=("zvol whoami", "zvol whoami --json"))
@global_options
@pass_context
def command(context: AppContext) -> Report:
    """Show the server and the session that zvol uses, and check whether the server accepts the session.

    The session itself is not shown. If there is only a password, zvol logs in and out again to check it; an access key
    is checked with a read.
    """
    settings, sessions = context.settings, context.server.sessions
    known = context.server.accepts_session()
    facts = {
        "server": settings.endpoint.base,
        "account": sessions.account,
        "user": sessions.user,
        "profile": settings.profile,
        "sessionFrom": sessions.source,
        "valid": known,
    }
    table = Table([facts], COLUMNS, dict, itemgetter("server"))
    if known:
        return Report(table)
    return Report(table, hints=[sessions.session.hint("")], exit=Exit.AUTH)
