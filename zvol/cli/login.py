"""`zvol login`: logs in with a password and stores the session."""

from __future__ import annotations

import sys

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command, option
from zvol.cli.options import global_options, pass_context
from zvol.cli.prompts import ask_password
from zvol.errors import UsageProblem
from zvol.render.values import Report
from zvol.secrets import Secret


@click.command(
    "login",
    cls=Command,
    examples=("zvol login --account admin", "zvol login --account admin --password-stdin < password.txt"),
)
@option("--account", metavar="NAME", help="The account (default: the profile's, or ZSTACK_ACCOUNT_NAME).")
@option("--user", metavar="NAME", help="A user of the account.")
@option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@global_options
@pass_context
def command(context: AppContext, account: str | None, user: str | None, password_stdin: bool) -> Report:
    """Log in with a password, and store the session in a file that only you can read.

    The password comes from standard input, the profile's password_command or password_file, ZSTACK_ACCOUNT_PASSWORD, or
    a prompt. There is no option for it, because other users can see the options of a process.
    """
    from zvol.config.credentials import password
    from zvol.session.login import choose_account, store_new_session

    settings = context.settings
    if context.options.sandbox:
        hint = "To try it, as admin with the password `password`: zvol sandbox serve"
        raise UsageProblem("the sandbox needs no login: each command brings its own session", hint=hint)
    account, user = choose_account(settings.credential, account, user)
    who, origin = f"{account}/{user}" if user else account, settings.endpoint.origin
    typed = lambda: _from_stdin() if password_stdin else password(settings) or ask_password(context, who)  # noqa: E731
    path = store_new_session(context.server, account, user, typed)
    other = settings.credential.gives_session or settings.credential.access_key_id is not None
    warning = "another session or an access key is set for this server, and is used instead of this one"
    hint = f"logged in as {who} on {origin}; the session is in {path}"
    return Report(hints=[hint], warnings=[warning] if other else [])


def _from_stdin() -> Secret:
    """Return the first line of standard input; raises ConfigError if it is not a password."""
    from zvol.config.credentials import LIMIT, typed_password

    stream = getattr(sys.stdin, "buffer", None)
    return typed_password(stream.readline(LIMIT) if stream is not None else b"", "standard input")
