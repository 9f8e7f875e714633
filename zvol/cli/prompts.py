"""Prompts on a terminal: when they are allowed, and those of `zvol config init` and `zvol login`."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator

import click

from zvol.cli.app_context import AppContext
from zvol.cli.signals import Interrupted
from zvol.errors import InvalidValue, UsageProblem
from zvol.secrets import Secret
from zvol.text import escape_terminal, has_control


def can_prompt(*, no_input: bool, stderr: bool = False) -> bool:
    """Tell whether zvol may prompt: stdin is a terminal and, with `stderr`, stderr is one too."""
    streams = (sys.stdin, sys.stderr) if stderr else (sys.stdin,)
    return not no_input and all(stream is not None and stream.isatty() for stream in streams)


@contextlib.contextmanager
def prompting(*, hidden: bool = False) -> Iterator[None]:
    """Print a newline if a prompt ends without an answer; click prints it for a `hidden` one."""
    try:
        yield
    except (Interrupted, click.Abort) as exc:
        if isinstance(exc, Interrupted) or not hidden:
            click.echo(err=True)
        raise


def ask_for_configuration(context: AppContext) -> tuple[str, bool]:
    """Return the text of a new configuration file, and whether the user gave the host.

    Raises UsageProblem for an invalid name or host in the options, ConfigError for an invalid variable.
    """
    from zvol.config.document import MAX_NAME_LENGTH
    from zvol.config.kinds import host as checked_host
    from zvol.config.template import template

    options = context.options.settings
    profile, host = options.get("profile") or "main", options.get("host")
    if has_control(profile) or not profile.strip() or len(profile) > MAX_NAME_LENGTH:
        raise UsageProblem(
            f"the name of a profile must have 1 to {MAX_NAME_LENGTH} characters and no control character"
        )
    bad = ""
    try:
        checked_host(host or "https://h")
    except InvalidValue as exc:
        bad = f"option --host: {exc}"
    if bad:
        raise UsageProblem(bad)
    if not can_prompt(no_input=context.layers.no_input):
        return (template(profile, host), True) if host else (template(profile), False)
    host = host or click.prompt("Host, as https://HOST[:PORT]", value_proc=_host, err=True)
    insecure = _allow_plain_http(host)
    account = click.prompt("Account (empty: you bring a session)", value_proc=_line, default="", err=True)
    command: list[str] = []
    if account:
        question = "Program that prints its password (empty: `zvol login` asks for it)"
        command = click.prompt(question, value_proc=_arguments, default="", show_default=False, err=True)
    return template(profile, host, account or None, command, insecure=insecure), bool(account)


def ask_password(context: AppContext, who: str) -> Secret:
    """Prompt for the password of `who` without showing it; raises UsageProblem if zvol may not prompt."""
    hint = "Use --password-stdin, or password_command in the profile."
    if not can_prompt(no_input=context.settings.no_input):
        raise UsageProblem("no password was given, and there is no terminal to ask for one", hint=hint)
    question = f"Password of {escape_terminal(who)} on {context.settings.endpoint.origin}"
    typed = None
    # the message of a UnicodeError quotes the input
    with context.server.deadline.paused(), prompting(hidden=True), contextlib.suppress(UnicodeError):
        typed = click.prompt(question, hide_input=True, err=True)
    if typed is None:
        raise UsageProblem("what was typed is not UTF-8", hint=hint)
    return Secret(typed)


def _allow_plain_http(host: str) -> bool:
    """Tell whether the host needs plain http; raises UsageProblem if the user does not allow it."""
    from zvol.config.hosts import is_loopback, parse_host

    endpoint = parse_host(host)
    if endpoint.scheme == "https" or is_loopback(endpoint):
        return False
    if not click.confirm("Plain http: whoever can read the network can use your session. Allow it?", err=True):
        raise UsageProblem("no file was written", hint="Use https.")
    return True


def _host(text: str) -> str:
    from zvol.config.kinds import host

    try:
        host(text.strip())
    except InvalidValue as exc:
        reason = str(exc)
    else:
        return text.strip()
    raise click.UsageError(f"the host {reason}")


def _line(text: str) -> str:
    if has_control(text):
        raise click.UsageError("there is a control character in it")
    return text.strip()


def _arguments(text: str) -> list[str]:
    try:
        return shlex.split(_line(text))
    except ValueError:
        pass
    raise click.UsageError("a quote is not closed")
