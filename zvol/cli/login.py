"""`zvol login`: from an account and a password to a session that is kept."""

from __future__ import annotations

import sys

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit, UsageProblem
from zvol.text import Secret, safe


@click.command("login", short_help="Log in and keep the session.", epilog="Example: zvol login --account admin")
@click.option("--account", metavar="NAME", help="The account; default that of the profile, or ZSTACK_ACCOUNT_NAME.")
@click.option("--user", metavar="NAME", help="A user of that account.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@global_options
@pass_state
def command(state: State, account: str | None, user: str | None, password_stdin: bool) -> Exit:
    """Log in with a password, and keep the session in a file that only you can read.

    The password comes from standard input, from the profile's password_command or password_file, from
    ZSTACK_ACCOUNT_PASSWORD, or from a question; there is no option for it, since options can be seen by everybody.
    """
    from zvol.config.credentials import password
    from zvol.config.stored import Stored
    from zvol.zstack.login import log_in

    settings = state.settings
    name = account or settings.credential.account
    if name is None:
        raise UsageProblem("which account?", hint="Use --account NAME, or set `account` in the profile.")
    secret = Secret(_line(state)) if password_stdin else password(settings) or _asked(state, name)
    session = Secret(log_in(state.transport, name, secret, user or settings.credential.user))
    stored = Stored(state.directory, settings.endpoint, None if account else settings.credential.account)
    stored.write(session)
    state.output.hint(f"logged in as {name} on {settings.endpoint.origin}; the session is kept in {stored.path}")
    return Exit.OK


def _line(state: State) -> str:
    text = state.stdin.readline() if state.stdin is not None else ""
    if not text.strip():
        raise UsageProblem("there is no password on standard input")
    return text.rstrip("\r\n")


def _asked(state: State, name: str) -> Secret:
    if state.settings.no_input or not (sys.stdin and sys.stdin.isatty()):
        hint = "Use --password-stdin, or password_command in the profile."
        raise UsageProblem("there is no password, and nobody can be asked", hint=hint)
    where = state.settings.endpoint.origin
    return Secret(click.prompt(f"Password of {safe(name)} on {where}", hide_input=True, err=True))
