"""`zvol logout`: ends and removes the session that `zvol login` stored."""

from __future__ import annotations

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command
from zvol.cli.options import global_options, pass_context
from zvol.render.values import Report


@click.command("logout", cls=Command, examples=("zvol logout",))
@global_options
@pass_context
def command(context: AppContext) -> Report:
    """End the session that `zvol login` stored, and remove it; without a stored session, it is a success.

    If sessions of several accounts are stored, it ends that of the profile's account, or else that of the latest login.
    """
    from zvol.session.login import remove_session

    origin = context.settings.endpoint.origin
    removed = remove_session(context.server)
    return Report(hints=[f"logged out of {origin}" if removed else f"no session is stored for {origin}"])
