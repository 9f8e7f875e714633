"""`zvol login`: from an account and a password to a session that is kept."""

from __future__ import annotations

import contextlib
import sys

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.cli.prompts import prompting
from zvol.errors import Exit, LocalState, UsageProblem
from zvol.secrets import Secret
from zvol.text import escape_terminal, has_control

LIMIT = 4096
NOBODY = "Use --password-stdin, or password_command in the profile."


@click.command("login", short_help="Log in and keep the session.", epilog="Example: zvol login --account admin")
@click.option("--account", metavar="NAME", help="The account; default that of the profile, or ZSTACK_ACCOUNT_NAME.")
@click.option("--user", metavar="NAME", help="A user of that account.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@global_options
@pass_context
def command(context: AppContext, account: str | None, user: str | None, password_stdin: bool) -> Exit:
    """Log in with a password, and keep the session in a file that only you can read.

    The password comes from standard input, from the profile's password_command or password_file, from
    ZSTACK_ACCOUNT_PASSWORD, or from a question; there is no option for it, since options can be seen by everybody.
    """
    from zvol.config.credentials import password
    from zvol.zstack.login import log_in, log_out

    settings = context.settings
    if context.options.sandbox:
        hint = "To try it: zvol sandbox serve; there the account is admin, and the password is password."
        raise UsageProblem("the sandbox needs no login: each command brings its own session", hint=hint)
    account, user = _who(context, account, user)
    store = context.server.sessions.store
    secret = _line() if password_stdin else password(settings) or _asked(context, account, user)
    with context.signals.held():
        login = log_in(context.server.transport, account, secret, user)
        try:
            path = store.keep(login.session, account, user)
        except LocalState:
            log_out(context.server.transport, login.session)
            raise
    context.output.hint(f"logged in as {_name(account, user)} on {settings.endpoint.origin}; the session is in {path}")
    if settings.credential.gives_session or settings.credential.access_key_id is not None:
        context.output.warn("another session or an access key is set for this server, and is used instead of this one")
    return Exit.OK


def _who(context: AppContext, account: str | None, user: str | None) -> tuple[str, str | None]:
    """Return account and user; a profile that names them logs in as nobody else, for it would not find the session."""
    given = context.settings.credential
    for what, own, asked in (("account", given.account, account), ("user", given.user, user)):
        if given.account is not None and asked is not None and asked != own:
            raise UsageProblem(
                f"these settings are of {what} {own or '-'}, not of {asked}",
                hint="Use a profile of its own for another account or user.",
            )
    name = account or given.account
    if not name:
        raise UsageProblem("which account?", hint="Use --account NAME, or set `account` in the profile.")
    if has_control(name) or has_control(user or ""):
        raise UsageProblem("an account or user has no control character in its name")
    return name, user or given.user


def _name(account: str, user: str | None) -> str:
    return f"{account}/{user}" if user else account


def _line() -> Secret:
    """Return the first line of standard input; raises ConfigError when there is no password in it."""
    from zvol.config.credentials import typed_password

    stream = getattr(sys.stdin, "buffer", None)
    return typed_password(stream.readline(LIMIT) if stream is not None else b"", "standard input")


def _asked(context: AppContext, account: str, user: str | None) -> Secret:
    """Ask for the password, without showing it; raises UsageProblem where nobody can be asked."""
    if context.settings.no_input or not (sys.stdin and sys.stdin.isatty()):
        raise UsageProblem("there is no password, and nobody can be asked", hint=NOBODY)
    question = f"Password of {escape_terminal(_name(account, user))} on {context.settings.endpoint.origin}"
    typed = None
    # what a UnicodeError says quotes what was typed
    with context.server.limit.stopped(), prompting(hidden=True), contextlib.suppress(UnicodeError):
        typed = click.prompt(question, hide_input=True, err=True)
    if typed is None:
        raise UsageProblem("what was typed is not UTF-8", hint=NOBODY)
    return Secret(typed)
