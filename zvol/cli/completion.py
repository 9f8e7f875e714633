"""`zvol completion`: prints or installs the completion script of a shell."""

from __future__ import annotations

import os

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command, option
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit
from zvol.render.values import Report

NAMES = ("bash", "zsh", "fish")


@click.command("completion", cls=Command, examples=("zvol completion --install bash", 'eval "$(zvol completion bash)"'))
@click.argument("shell", type=click.Choice(NAMES))
@option("--install", is_flag=True, help="Install the script where the shell looks for it, and say where that is.")
@global_options
@pass_context
def command(context: AppContext, /, shell: str, install: bool) -> Exit | Report:
    """Print or install the completion script for bash (4.4 or newer), zsh or fish.

    It completes commands, options and their values, and the names of deleted volumes and destroyed VMs. For these it
    asks the server for at most one second, with an existing session; it does not log in or run programs of the profile.
    """
    del context
    script = script_of(click.get_current_context().find_root().command, shell)
    if install:
        from zvol.cli.completion_install import install as put

        return Report(hints=put(shell, script, os.environ))
    click.echo(script, nl=False)
    return Exit.OK


def script_of(root: click.Command, shell: str) -> str:
    """Return the completion script of a shell."""
    from zvol.cli.shells import SHELLS

    return SHELLS[shell](root, {}, "zvol", "_ZVOL_COMPLETE").source()
