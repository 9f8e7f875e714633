"""The command group `zvol`; it imports the module of a command when that is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

import click

from zvol import __version__
from zvol.cli.app_context import AppContext
from zvol.cli.commands import Group, option
from zvol.cli.options import global_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final = {
    "recover": "Recover deleted data volumes and destroyed VMs.",
    "resume": "Finish interrupted runs.",
    "list": "List deleted volumes and destroyed VMs, most urgent first.",
    "show": "Show everything known about volumes and VMs.",
    "attach": "Attach recovered volumes to VMs.",
    "login": "Log in and store the session.",
    "logout": "End and remove the stored session.",
    "whoami": "Show the session and check it.",
    "runs": "Show earlier runs and their outcomes.",
    "doctor": "Check what a recovery needs.",
    "config": "Create, show and check the configuration.",
    "sandbox": "Run a small ZStack on this machine.",
    "completion": "Print or install the completion script of a shell.",
    "help": "Explain a command or a topic, such as exit-codes.",
    "version": "Show the version of zvol.",
}
"""Every command with its short help, so that `--help` and completion do not import the commands."""

MODULES: Final = {"list": "list_command", "help": "help_command"}
"""The modules whose name differs from that of their command."""


class LazyGroup(Group):
    """A group that imports the module of a command when it is first used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"zvol.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        if not incomplete or incomplete[0].isalnum():
            return [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return click.Command.shell_complete(self, ctx, incomplete)


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"zvol {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    examples=(
        "zvol --sandbox list",
        "zvol --sandbox recover pg-data --reattach",
        "zvol --sandbox recover --vm web-2 --reattach",
    ),
)
@option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version.")
@global_options
@click.pass_context
def app(ctx: click.Context) -> None:
    """Recover deleted data volumes and destroyed VMs on a ZStack cloud, each exactly once, and verify them."""
    ctx.ensure_object(AppContext)
