"""What `zvol config init` asks on a terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from zvol.cli.app_context import AppContext
from zvol.cli.signals import Interrupted
from zvol.errors import UsageProblem
from zvol.text import has_control

LONGEST = 64


@contextmanager
def prompting(*, hidden: bool = False) -> Iterator[None]:
    """While inside, somebody is asked: what ends that without an answer begins a new line (click does, if hidden)."""
    try:
        yield
    except (Interrupted, click.Abort) as exc:
        if isinstance(exc, Interrupted) or not hidden:
            click.echo(err=True)
        raise


def answered(context: AppContext) -> tuple[str, bool]:
    """Return the text of a new configuration file, and whether its host is the user's own.

    Raises UsageProblem for a bad name or host in the options.
    """
    from zvol.config.schema import InvalidValue
    from zvol.config.schema import host as checked_host
    from zvol.config.template import template

    profile, host = context.options.profile or "main", context.options.host
    if has_control(profile) or not profile.strip() or len(profile) > LONGEST:
        raise UsageProblem(f"a profile's name has 1 to {LONGEST} characters, and no control character")
    bad = ""
    try:
        checked_host(host or "https://h")
    except InvalidValue as exc:
        bad = f"option --host: {exc}"
    if bad:
        raise UsageProblem(bad)
    if context.options.no_input or os.environ.get("ZVOL_NO_INPUT") or not (sys.stdin and sys.stdin.isatty()):
        return (template(profile, host), True) if host else (template(profile), False)
    host = host or click.prompt("Host, as https://HOST[:PORT]", value_proc=_host, err=True)
    insecure = _plain(host)
    account = click.prompt("Account (empty: you bring a session)", value_proc=_text, default="", err=True)
    command: list[str] = []
    if account:
        question = "Program that prints its password (empty: `zvol login` asks for it)"
        command = click.prompt(question, value_proc=_words, default="", show_default=False, err=True)
    return template(profile, host, account or None, command, insecure=insecure), bool(account)


def _plain(host: str) -> bool:
    """Tell whether plain http is to be allowed for a host that needs it; raises UsageProblem when it is not."""
    from zvol.config.hosts import is_loopback, parse_host

    endpoint = parse_host(host)
    if endpoint.scheme == "https" or is_loopback(endpoint):
        return False
    if not click.confirm("Plain http: whoever can read the network can use your session. Allow it?", err=True):
        raise UsageProblem("no file was written", hint="Use https.")
    return True


def _host(text: str) -> str:
    from zvol.config.schema import InvalidValue, host

    reason = ""
    try:
        return host(text.strip())
    except InvalidValue as exc:
        reason = str(exc)
    raise click.UsageError(f"the host {reason}")


def _text(text: str) -> str:
    if has_control(text):
        raise click.UsageError("there is a control character in it")
    return text.strip()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(_text(text))
    except ValueError:
        pass
    raise click.UsageError("a quote is not closed")
