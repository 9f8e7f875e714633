"""The options that every command takes, before or after its name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from zvol.cli.app_context import AppContext
from zvol.cli.params import DURATION, OUTPUT, PROFILE
from zvol.render.formats import enumerated
from zvol.text import did_you_mean

F = TypeVar("F", bound=Callable[..., Any])


class Group(click.Group):
    """A group that guesses what was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None and args[0][:1] != "-":
            guess = did_you_mean(args[0], self.list_commands(ctx), sentence=True)
            ctx.fail(f"No such command '{args[0]}'.{guess}")
        return super().resolve_command(ctx, args)


WITH_COLUMNS = ("zvol list", "zvol show")


def pass_context(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the state of the run, once the options suit it."""

    @functools.wraps(command)
    def called(*args: Any, **values: Any) -> Any:
        ctx = click.get_current_context()
        context = ctx.ensure_object(AppContext)
        if context.options.columns is not None:
            _check_columns(context.options.columns, ctx)
        return ctx.invoke(command, context, *args, **values)

    return called


def _check_columns(columns: str, context: click.Context) -> None:
    """Refuse columns where there are none, and those that there are not, in every format."""
    from zvol.render.columns import pick

    if context.command_path not in WITH_COLUMNS:
        raise click.UsageError("--columns goes with list and show; `zvol list --columns help` shows which there are.")
    if columns != "help":
        pick(columns, ())


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keep what was given; what stands after the command counts over what stands before it."""
    context = ctx.find_object(AppContext)
    if context is None or value is None or value is False:
        return
    if param.name == "json_output":
        context.options.output = "json"
    elif param.name is not None:
        setattr(context.options, param.name, value)


def _flag(*names: str, help: str, name: str) -> Callable[[F], F]:
    return click.option(*names, name, is_flag=True, expose_value=False, callback=_store, help=help)


def _value(*names: str, help: str, name: str, type: Any = str, metavar: str | None = None) -> Callable[[F], F]:
    return click.option(*names, name, type=type, expose_value=False, callback=_store, help=help, metavar=metavar)


_OPTIONS = (
    _value("-p", "--profile", name="profile", type=PROFILE, help="Use this profile.", metavar="NAME"),
    _value("--config", name="config", help="Use this configuration file.", metavar="FILE"),
    _value("--host", name="host", help="Use this server, as https://HOST[:PORT][/PREFIX].", metavar="URL"),
    _value("-o", "--output", name="output", type=OUTPUT, help=f"{enumerated()}.", metavar="FORMAT"),
    _flag("--json", name="json_output", help="The same as -o json."),
    _value("--columns", name="columns", help="Columns of list and show; `help` lists them.", metavar="A,B"),
    _flag("--sandbox", name="sandbox", help="Use the small ZStack on this machine."),
    _value(
        "--timeout",
        name="timeout",
        type=DURATION,
        help="Time for each volume, or for a command that only reads (30m).",
        metavar="DURATION",
    ),
    _flag("-q", "--quiet", name="quiet", help="No table, hints or summary."),
    _flag("-v", "--verbose", name="verbose", help="Show the requests on stderr."),
    _flag("--debug", name="debug", help="Show also where zvol itself failed."),
    _flag("--no-input", name="no_input", help="Never ask."),
)


def global_options(command: F) -> F:
    """Give a command the global options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
