"""`zvol config`: creates, shows and checks the configuration; no request is sent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Group
from zvol.cli.options import global_options, pass_context
from zvol.config.paths import no_home
from zvol.errors import ConfigError, UsageProblem
from zvol.render.values import Column, Report, Table, text_column


@click.group("config", cls=Group, examples=("zvol config show",))
@global_options
def command() -> None:
    """Create, show and check the configuration."""


@command.command("init", short_help="Create a commented configuration file.", examples=("zvol config init",))
@global_options
@pass_context
def init(context: AppContext) -> Report:
    """Create a commented configuration file that only you can read; an existing file is not changed.

    On a terminal, zvol asks for the host and the account; elsewhere, or with --no-input, it writes an example.
    """
    from zvol.cli.prompts import ask_for_configuration, prompting
    from zvol.files import write_private

    path = context.layers.path
    if path is None:
        raise UsageProblem(f"there is no place for the file: {no_home(os.environ)}", hint="Use --config FILE.")
    if os.path.lexists(path):
        raise _exists(path)
    with prompting():
        text, complete = ask_for_configuration(context)
    try:
        write_private(path, text.encode(), replace=False)
    except FileExistsError:
        raise _exists(path) from None
    command = context.options.calling("config")
    then = f"now run: {command} doctor"
    if not complete:
        then = f"put your host and session in, then run: {command} config validate"
    return Report(hints=[f"wrote {path}; {then}"])


def _exists(path: Path) -> UsageProblem:
    return UsageProblem(f"{path} exists already; it was not changed", hint="Edit it, or use --config FILE.")


@command.command("show", short_help="Show each setting and its source.", examples=("zvol config show",))
@global_options
@pass_context
def show(context: AppContext) -> Report:
    """Show each setting and its source; secrets are not shown."""
    from zvol.config.describe import described

    return Report(Table(described(context.settings), COLUMNS, _object, itemgetter(0)))


COLUMNS: Final[Sequence[Column[Sequence[str]]]] = [
    text_column("SETTING", itemgetter(0)),
    text_column("VALUE", itemgetter(1)),
    text_column("FROM", itemgetter(2)),
]


def _object(setting: Sequence[str]) -> dict[str, str]:
    return dict(zip(("key", "value", "source"), setting, strict=True))


@command.command("validate", short_help="Check the configuration file.", examples=("zvol config validate",))
@global_options
@pass_context
def validate(context: AppContext) -> Report:
    """Check all profiles of the configuration file and the files they name, and list all mistakes."""
    from zvol.config.describe import wrong_files

    path = context.layers.path
    if path is None:
        raise UsageProblem(f"there is no configuration file: {no_home(os.environ)}", hint="Use --config FILE.")
    file = context.layers.load()
    problems = wrong_files(file)
    if problems:
        raise ConfigError(problems)
    return Report(hints=[f"{path} is correct; profiles: {', '.join(file.profiles) or 'none'}"])
