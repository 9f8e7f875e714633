"""The options that every command takes, before or after its name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import GLOBAL, OUTPUT, option
from zvol.cli.params import PROFILE, ColumnKeys, FileName, SettingType
from zvol.config import kinds
from zvol.config.registry import SETTINGS, Setting, shown
from zvol.render.formats import JSON

F = TypeVar("F", bound=Callable[..., Any])

WITH_COLUMNS = ("zvol list", "zvol show")


def pass_context(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the AppContext to a command, and check --columns first."""

    @functools.wraps(command)
    def called(*args: Any, **values: Any) -> Any:
        ctx = click.get_current_context()
        context = ctx.ensure_object(AppContext)
        if context.options.columns is not None:
            _check_columns(context, context.options.columns, ctx, vms=any(values.get(name) for name in ("vms", "vm")))
        return ctx.invoke(command, context, *args, **values)

    return called


def _check_columns(context: AppContext, columns: str, ctx: click.Context, *, vms: bool) -> None:
    """Refuse --columns for commands other than list and show, unknown columns, and formats without columns."""
    from zvol.render.columns import VMS, VOLUMES
    from zvol.render.formats import FORMATS, enumerated, load

    if ctx.command_path not in WITH_COLUMNS:
        raise click.UsageError("--columns works with list and show only; `zvol list --columns help` lists the columns.")
    if columns == "help":
        return
    VMS.pick(columns) if vms else VOLUMES.pick(columns)
    if not context.output.picks_columns:
        which = enumerated([name for name in FORMATS if load(name).picks_columns])
        raise click.UsageError(f"--columns works with -o {which}; the output is {context.output.format}.")


def _store_setting(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store an option that is a setting; after the command it overrides the one before it."""
    context = ctx.find_object(AppContext)
    if context is not None and param.name is not None and value is not None and value is not False:
        context.options.settings[param.name] = value


def _store_json(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    del param
    context = ctx.find_object(AppContext)
    if context is not None and value:
        context.options.settings["output"] = JSON


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store an option that is not a setting."""
    context = ctx.find_object(AppContext)
    if context is not None and param.name is not None and value is not None and value is not False:
        setattr(context.options, param.name, value)


def setting_option(setting: Setting, group: str = GLOBAL) -> Callable[[F], F]:
    """Return the option of a setting."""
    default = "" if setting.default in (None, False) else f" (default: {shown(setting.default)})"
    text = f"{setting.help[0].upper()}{setting.help[1:]}{default}."
    if setting.kind is kinds.FLAG:
        kind: dict[str, Any] = {"is_flag": True}
    else:
        kind = {"type": _TYPES.get(setting.kind, click.STRING), "metavar": setting.kind.metavar}
    stored: dict[str, Any] = {"expose_value": False, "callback": _store_setting}
    return option(*setting.option, setting.key, group=group, help=text, **stored, **kind)


def _flag(*names: str, help: str, callback: Callable[..., None] = _store) -> Callable[[F], F]:
    return option(*names, is_flag=True, group=GLOBAL, expose_value=False, callback=callback, help=help)


_TYPES: Final[dict[kinds.ValueKind, click.ParamType[Any]]] = {
    kinds.NAME: PROFILE,
    kinds.PATH: FileName(),
    **{kind: SettingType(kind) for kind in (kinds.FORMAT, kinds.TIMEOUT, kinds.COUNT)},
}
"""How click converts and completes an option of a kind."""

_OPTIONS = (
    *(setting_option(setting) for setting in SETTINGS.values() if setting.option and not setting.commands),
    _flag("--json", "json_output", callback=_store_json, help="Same as -o json."),
    option(
        "--columns",
        group=lambda ctx: OUTPUT if ctx.command_path in WITH_COLUMNS else GLOBAL,
        expose_value=False,
        callback=_store,
        type=ColumnKeys(),
        help="Columns of list and show; `help` lists them.",
        metavar="A,B",
    ),
    _flag("--sandbox", help="Use the sandbox, a small ZStack on this machine."),
    _flag("-q", "--quiet", help="Print no table, hints or summary."),
    _flag("-v", "--verbose", help="Print each request on stderr."),
    _flag("--debug", help="Print the traceback of a bug in zvol."),
)


def global_options(command: F) -> F:
    """Add the global options to a command."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def own_settings(name: str, group: str) -> Callable[[F], F]:
    """Return a decorator that adds the options of the settings that only this command takes."""

    def add(command: F) -> F:
        for setting in SETTINGS.values():
            if name in setting.commands:
                command = setting_option(setting, group)(command)
        return command

    return add
